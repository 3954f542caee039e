// Eight corners of a cell, between which a pixel lies: linear in each direction, one after the other.
#include <math.h>

void bilateral_slice(SIZES const float grid[restrict h / cell + 1][w / cell + 1][depth][c],
                     const float guide[restrict h][w], float Y[restrict h][w][c]) {
#pragma omp parallel for
  for (int y = 0; y < h; ++y)
    for (int x = 0; x < w; ++x) {
      const float level = fminf(fmaxf(guide[y][x], 0.0f), 0.999f) * (float)(depth - 1);
      const int low = (int)level;
      const float part = level - (float)low;
      const float down = (float)(y % cell) / (float)cell, across = (float)(x % cell) / (float)cell;
      const float *a = grid[y / cell][x / cell][low], *b = grid[y / cell][x / cell + 1][low];
      const float *d = grid[y / cell + 1][x / cell][low], *e = grid[y / cell + 1][x / cell + 1][low];
      for (int k = 0; k < c; ++k) {
        const float upper = (1 - across) * ((1 - part) * a[k] + part * a[c + k]) +
                            across * ((1 - part) * b[k] + part * b[c + k]);
        const float lower = (1 - across) * ((1 - part) * d[k] + part * d[c + k]) +
                            across * ((1 - part) * e[k] + part * e[c + k]);
        Y[y][x][k] = (1 - down) * upper + down * lower;
      }
    }
}
