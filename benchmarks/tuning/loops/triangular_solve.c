// Forward substitution, for some columns at a time.
enum { kColumns = 128 };

void triangular_solve(SIZES const float L[restrict n][n], const float B[restrict n][m],
                      float X[restrict n][m]) {
#pragma omp parallel for
  for (int block = 0; block < m; block += kColumns) {
    const int end = block + kColumns < m ? block + kColumns : m;
    for (int t = 0; t < n; ++t) {
      for (int j = block; j < end; ++j) X[t][j] = B[t][j];
      for (int k = 0; k < t; ++k)
        for (int j = block; j < end; ++j) X[t][j] -= L[t][k] * X[k][j];
      const float inverse = 1.0f / L[t][t];
      for (int j = block; j < end; ++j) X[t][j] *= inverse;
    }
  }
}
