// A row of sums at a time, real and imaginary parts together.
#include <string.h>

void correlate_pairs(SIZES const float re[restrict f][t][a], const float im[restrict f][t][a],
                     float real[restrict f][a][a], float imaginary[restrict f][a][a]) {
#pragma omp parallel for collapse(2)
  for (int k = 0; k < f; ++k)
    for (int i = 0; i < a; ++i) {
      float x[a], y[a];
      memset(x, 0, sizeof x);
      memset(y, 0, sizeof y);
      for (int u = 0; u < t; ++u) {
        const float own_re = re[k][u][i], own_im = im[k][u][i];
        for (int j = 0; j < a; ++j) {
          x[j] += own_re * re[k][u][j] + own_im * im[k][u][j];
          y[j] += own_im * re[k][u][j] - own_re * im[k][u][j];
        }
      }
      memcpy(real[k][i], x, sizeof x);
      memcpy(imaginary[k][i], y, sizeof y);
    }
}
