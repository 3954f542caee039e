/* Two libraries, two handles of one of them in two threads, and a host's pool. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "libmatmul.h"
#include "libstretch.h"

enum { M = 37, N = 29, K = 41 };

static void fail(const char* what, const char* why) {
  printf("%s: %s\n", what, why);
}

/* Many products with a handle of its own; not 0: wrong. */
static int multiply(matmul* handle) {
  static float a[M * K], b[K * N];
  float c[M * N];
  int64_t shape_a[] = {M, K}, shape_b[] = {K, N}, shape_c[2];
  tw_tensor in[] = {{a, TW_FLOAT32, 2, shape_a, NULL}, {b, TW_FLOAT32, 2, shape_b, NULL}};
  tw_tensor out[] = {{c, TW_FLOAT32, 0, shape_c, NULL}};
  int turn, i, j;
  if (matmul_shape(handle, in, 2, 0, shape_c, &out[0].ndim) != TW_OK || shape_c[0] != M || shape_c[1] != N) {
    fail("matmul_shape", matmul_error());
    return 1;
  }
  for (turn = 0; turn < 300; turn++) {
    for (i = 0; i < M * N; i++) c[i] = -1;
    if (matmul_run(handle, in, 2, out, 1) != TW_OK) {
      fail("matmul_run", matmul_error());
      return 1;
    }
    for (i = 0; i < M; i++) {
      for (j = 0; j < N; j++) {
        if (c[i * N + j] != 0) return 1;
      }
    }
  }
  return 0;
}

static void* in_thread(void* unused) {
  matmul* handle;
  int wrong = matmul_open(NULL, &handle) != TW_OK;
  (void)unused;
  if (!wrong) wrong = matmul_threads(handle, 2) != TW_OK || multiply(handle);
  if (!wrong) wrong = matmul_threads(handle, 1) != TW_OK || multiply(handle);
  matmul_close(handle);
  return wrong ? "wrong" : NULL;
}

static int host_calls = 0;

static void host(void* user, tw_task task, void* data, int64_t turns) {
  int64_t i;
  host_calls += user == &host_calls;
  for (i = 0; i < turns; i++) task(data, i);
}

static int with_host(void) {
  matmul* handle;
  int wrong;
  if (matmul_open(NULL, &handle) != TW_OK || matmul_threads(handle, 3) != TW_OK) return 1;
  wrong = matmul_parallel(handle, host, &host_calls) != TW_OK || multiply(handle) || host_calls != 300;
  matmul_threads(handle, 2);
  wrong = wrong || multiply(handle) || host_calls != 600;
  matmul_parallel(handle, NULL, NULL);
  wrong = wrong || multiply(handle) || host_calls != 600;
  matmul_close(handle);
  return wrong;
}

static int stretch_it(void) {
  double x[] = {0, 1}, y[6];
  int64_t k = 4, shape_x[] = {2}, shape_y[1];
  int32_t calls = 0;
  stretch* handle;
  tw_tensor in[] = {{x, TW_FLOAT64, 1, shape_x, NULL}, {&k, TW_INT64, 0, NULL, NULL}};
  tw_tensor out[] = {{y, TW_FLOAT64, 1, shape_y, NULL}, {&calls, TW_INT32, 0, NULL, NULL}};
  int32_t ndim;
  if (stretch_open(NULL, &handle) != TW_OK) return 1;
  if (stretch_shape(handle, in, 2, 0, shape_y, &ndim) != TW_OK || ndim != 1 || shape_y[0] != 6 ||
      stretch_shape(handle, in, 2, 1, NULL, &ndim) != TW_OK || ndim != 0 ||
      stretch_run(handle, in, 2, out, 2) != TW_OK) {
    fail("stretch", stretch_error());
    return 1;
  }
  stretch_close(handle);
  return y[0] != 1 || y[1] < 2.718281 || y[1] > 2.718282 || y[5] != 1 || calls != 1;
}

int main(void) {
  pthread_t thread;
  void* result;
  pthread_create(&thread, NULL, in_thread, NULL);
  if (in_thread(NULL)) return 1;
  if (stretch_it()) return 2;
  pthread_join(thread, &result);
  if (result) return 3;
  if (with_host()) return 4;
  printf("good\n");
  return 0;
}
