/* product() multiplies by a matrix that the library has: B[p, j] = p - 2 j, 5 x 3. argv[1]: a file of
 * weights. */
#include <stdio.h>

#include "libproduct.h"

enum { M = 4, K = 5, N = 3 };

static int check(product* handle, int turn) {
  float a[M * K], c[M * N];
  int64_t shape_a[] = {M, K}, shape_c[2] = {0, 0};
  tw_tensor in[] = {{a, TW_FLOAT32, 2, shape_a, NULL}};
  tw_tensor out[] = {{c, TW_FLOAT32, 2, shape_c, NULL}};
  int i, j, p;
  for (i = 0; i < M * K; i++) a[i] = (float)(i + turn);
  if (product_shape(handle, in, 1, 0, shape_c, &out[0].ndim) != TW_OK || shape_c[0] != M || shape_c[1] != N)
    return 1;
  if (product_run(handle, in, 1, out, 1) != TW_OK) return 2;
  for (i = 0; i < M; i++) {
    for (j = 0; j < N; j++) {
      float sum = 0;
      for (p = 0; p < K; p++) sum += a[i * K + p] * (float)(p - 2 * j);
      if (c[i * N + j] != sum) return 3;
    }
  }
  return product_run(handle, in, 2, out, 1) == TW_BAD_VALUE ? 0 : 4;
}

int main(int argc, char** argv) {
  product *handle, *second;
  const char* weights = argc > 1 ? argv[1] : NULL;
  int fault;
  if (product_open(weights, &handle) != TW_OK || product_open(weights, &second) != TW_OK) {
    printf("%s\n", product_error());
    return 1;
  }
  fault = check(handle, 1);
  product_close(handle);
  if (!fault) fault = check(second, 2);
  product_close(second);
  printf("%d %s\n", fault, product_error());
  return fault;
}
