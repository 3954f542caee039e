// Equal weights are summed first.
void stencil_27(SIZES const float A[restrict n][n][n], float Y[restrict n - 2][n - 2][n - 2]) {
#pragma omp parallel for
  for (int z = 0; z < n - 2; ++z)
    for (int y = 0; y < n - 2; ++y)
      for (int x = 0; x < n - 2; ++x) {
        const float middle = A[z + 1][y + 1][x + 1];
        const float faces = A[z][y + 1][x + 1] + A[z + 2][y + 1][x + 1] + A[z + 1][y][x + 1] +
                            A[z + 1][y + 2][x + 1] + A[z + 1][y + 1][x] + A[z + 1][y + 1][x + 2];
        const float edges = A[z][y][x + 1] + A[z][y + 2][x + 1] + A[z + 2][y][x + 1] +
                            A[z + 2][y + 2][x + 1] + A[z][y + 1][x] + A[z][y + 1][x + 2] +
                            A[z + 2][y + 1][x] + A[z + 2][y + 1][x + 2] + A[z + 1][y][x] +
                            A[z + 1][y][x + 2] + A[z + 1][y + 2][x] + A[z + 1][y + 2][x + 2];
        const float corners = A[z][y][x] + A[z][y][x + 2] + A[z][y + 2][x] + A[z][y + 2][x + 2] +
                              A[z + 2][y][x] + A[z + 2][y][x + 2] + A[z + 2][y + 2][x] +
                              A[z + 2][y + 2][x + 2];
        Y[z][y][x] = 0.4f * middle + 0.06f * faces + 0.015f * edges + 0.0075f * corners;
      }
}
