// Both results in one pass.
#include <stdint.h>

void max_pool_argmax(SIZES const float X[restrict c][h][w],
                     float most[restrict c][(h - 3) / 2 + 1][(w - 3) / 2 + 1],
                     int64_t at[restrict c][(h - 3) / 2 + 1][(w - 3) / 2 + 1]) {
#pragma omp parallel for collapse(2)
  for (int k = 0; k < c; ++k)
    for (int i = 0; i < (h - 3) / 2 + 1; ++i)
      for (int j = 0; j < (w - 3) / 2 + 1; ++j) {
        float greatest = X[k][i * 2][j * 2];
        int place = 0;
        for (int u = 0; u < 3; ++u)
          for (int v = 0; v < 3; ++v) {
            const float value = X[k][i * 2 + u][j * 2 + v];
            place = value > greatest ? u * 3 + v : place;
            greatest = value > greatest ? value : greatest;
          }
        most[k][i][j] = greatest;
        at[k][i][j] = place;
      }
}
