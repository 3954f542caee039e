/* Compares mixed() with what it means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "libmixed.h"

enum { N = 123, S = 17 };

int main(void) {
  static float a[N * 7], c[N * 7];
  int64_t s = S, shape[] = {N, 7};
  tw_tensor in[] = {{a, TW_FLOAT32, 2, shape, NULL}, {&s, TW_INT64, 0, NULL, NULL}};
  tw_tensor out[] = {{c, TW_FLOAT32, 2, shape, NULL}};
  mixed* handle;
  int i, j, turn;
  for (i = 0; i < N * 7; i++) a[i] = (float)(i % 50) / 25 - 1;
  if (mixed_open(NULL, &handle) != TW_OK) {
    printf("%s\n", mixed_error());
    return 1;
  }
  for (turn = 0; turn < 4; turn++) {
    if (mixed_threads(handle, turn) != TW_OK || mixed_run(handle, in, 2, out, 1) != TW_OK) {
      printf("%s\n", mixed_error());
      return 1;
    }
    for (i = 0; i < N; i++) {
      for (j = 0; j < 7; j++) {
        double want = 2 * exp(a[(i + S) % N * 7 + 6 - j]);
        if (fabs(c[i * 7 + j] - want) > 1e-6 * want) {
          printf("%d, %d: %g instead of %g\n", i, j, c[i * 7 + j], want);
          return 1;
        }
      }
    }
  }
  s = 99;
  if (mixed_run(handle, in, 2, out, 1) != TW_FAILED || !strstr(mixed_error(), "s is too large")) {
    printf("no error, but %s\n", mixed_error());
    return 1;
  }
  mixed_close(handle);
  printf("good\n");
  return 0;
}
