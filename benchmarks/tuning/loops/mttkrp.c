// The factor B[u] is common to the sum over k.
#include <string.h>

void mttkrp(SIZES const float T[restrict i][j][k], const float B[restrict j][r], const float C[restrict k][r],
            float D[restrict i][r]) {
#pragma omp parallel for
  for (int x = 0; x < i; ++x) {
    memset(D[x], 0, sizeof D[x]);
    for (int u = 0; u < j; ++u) {
      float row[r];
      memset(row, 0, sizeof row);
      for (int v = 0; v < k; ++v)
        for (int y = 0; y < r; ++y) row[y] += T[x][u][v] * C[v][y];
      for (int y = 0; y < r; ++y) D[x][y] += row[y] * B[u][y];
    }
  }
}
