// Some pairs at a time.
#include <math.h>

enum { kColumns = 128 };

void alignment_row(SIZES const float above[restrict t][b], const float score[restrict t][b],
                   float H[restrict t][b]) {
#pragma omp parallel for
  for (int block = 0; block < b; block += kColumns) {
    const int end = block + kColumns < b ? block + kColumns : b;
    for (int i = block; i < end; ++i) H[0][i] = fmaxf(fmaxf(score[0][i], above[0][i] - 2.0f), 0.0f);
    for (int s = 1; s < t; ++s)
      for (int i = block; i < end; ++i) {
        const float best = fmaxf(above[s - 1][i] + score[s][i], above[s][i] - 2.0f);
        H[s][i] = fmaxf(fmaxf(best, H[s - 1][i] - 2.0f), 0.0f);
      }
  }
}
