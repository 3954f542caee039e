// Forces on one body after the other.
#include <math.h>

void n_body(SIZES const float P[restrict n][3], const float M[restrict n], float F[restrict n][3]) {
#pragma omp parallel for
  for (int i = 0; i < n; ++i) {
    float fx = 0, fy = 0, fz = 0;
    for (int j = 0; j < n; ++j) {
      const float dx = P[j][0] - P[i][0], dy = P[j][1] - P[i][1], dz = P[j][2] - P[i][2];
      const float inverse = 1.0f / sqrtf(dx * dx + dy * dy + dz * dz + 1e-3f);
      const float weight = M[j] * inverse * inverse * inverse;
      fx += weight * dx;
      fy += weight * dy;
      fz += weight * dz;
    }
    F[i][0] = fx;
    F[i][1] = fy;
    F[i][2] = fz;
  }
}
