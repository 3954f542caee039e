// A matrix and an outer product.
void outer_update(SIZES const float A[restrict b][m][n], const float x[restrict b][m],
                  const float y[restrict b][n], const float decay[restrict b], float Y[restrict b][m][n]) {
#pragma omp parallel for collapse(2)
  for (int h = 0; h < b; ++h)
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) Y[h][i][j] = A[h][i][j] * decay[h] + x[h][i] * y[h][j];
}
