// A row of scores at a time; what is masked is not computed.
#include <math.h>
#include <stdbool.h>
#include <string.h>

void masked_attention(SIZES const float Q[restrict b][t][d], const float K[restrict b][t][d],
                      const float V[restrict b][t][d], const bool mask[restrict t][t],
                      const float slope[restrict b], float Y[restrict b][t][d]) {
  const float scale = 1.0f / sqrtf((float)d);
#pragma omp parallel for collapse(2)
  for (int h = 0; h < b; ++h)
    for (int i = 0; i < t; ++i) {
      float scores[t], most = -INFINITY, total = 0;
      for (int j = 0; j < t; ++j) {
        scores[j] = -1e9f;
        if (mask[i][j]) {
          float dot = 0;
          for (int x = 0; x < d; ++x) dot += Q[h][i][x] * K[h][j][x];
          scores[j] = dot * scale - slope[h] * (float)(i > j ? i - j : j - i);
        }
        most = fmaxf(most, scores[j]);
      }
      for (int j = 0; j < t; ++j) {
        scores[j] = expf(scores[j] - most);
        total += scores[j];
      }
      float sums[d];
      memset(sums, 0, sizeof sums);
      for (int j = 0; j < t; ++j)
        for (int x = 0; x < d; ++x) sums[x] += scores[j] * V[h][j][x];
      for (int x = 0; x < d; ++x) Y[h][i][x] = sums[x] / total;
    }
}
