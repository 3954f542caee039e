// A line of pixels at a time.
#include <string.h>

void cost_volume(SIZES const float A[restrict c][h][w], const float B[restrict c][h][w],
                 float Y[restrict shifts][h][w]) {
#pragma omp parallel for
  for (int y = 0; y < h; ++y)
    for (int s = 0; s < shifts; ++s) {
      memset(Y[s][y], 0, sizeof Y[s][y]);
      for (int k = 0; k < c; ++k)
        for (int x = s; x < w; ++x) Y[s][y][x] += A[k][y][x] * B[k][y][x - s];
    }
}
