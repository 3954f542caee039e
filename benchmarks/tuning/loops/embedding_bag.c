// A sum of rows at a time.
#include <stdint.h>
#include <string.h>

void embedding_bag(SIZES const float table[restrict rows][d], const int64_t index[restrict b][l],
                   const float weight[restrict b][l], float Y[restrict b][d]) {
#pragma omp parallel for
  for (int i = 0; i < b; ++i) {
    memset(Y[i], 0, sizeof Y[i]);
    for (int k = 0; k < l; ++k) {
      const float* row = table[index[i][k]];
      for (int j = 0; j < d; ++j) Y[i][j] += weight[i][k] * row[j];
    }
  }
}
