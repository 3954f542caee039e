/* Prints the code and message of every kind of wrong call. */
#include <stdio.h>
#include <stdlib.h>

#include "libstretch.h"

static void show(int code) {
  printf("%d %s\n", code, stretch_error());
}

int main(void) {
  double x[2] = {0, 0}, y[6];
  int64_t k = 4, shape_x[] = {2}, shape_y[] = {6};
  int32_t calls = 0, ndim = -1;
  stretch* handle = NULL;
  tw_tensor in[] = {{x, TW_FLOAT64, 1, shape_x, NULL}, {&k, TW_INT64, 0, NULL, NULL}};
  tw_tensor out[] = {{y, TW_FLOAT64, 1, shape_y, NULL}, {&calls, TW_INT32, 0, NULL, NULL}};
  show(stretch_open(NULL, NULL));
  show(stretch_open("some.weights", &handle));
  show(stretch_run(NULL, in, 2, out, 2));
  show(stretch_shape(NULL, in, 2, 0, shape_y, &ndim));
  show(stretch_threads(NULL, 1));
  show(stretch_parallel(NULL, NULL, NULL));
  stretch_close(NULL);
  if (stretch_open(NULL, &handle) != TW_OK) return 1;
  show(stretch_threads(handle, -1));
  show(stretch_run(handle, in, 1, out, 2));
  show(stretch_run(handle, in, 2, out, -2));
  show(stretch_run(handle, NULL, 2, out, 2));
  show(stretch_run(handle, in, 2, NULL, 2));
  show(stretch_shape(handle, in, 2, 2, shape_y, &ndim));
  show(stretch_shape(handle, in, 2, -1, shape_y, &ndim));
  show(stretch_shape(handle, in, 2, 0, shape_y, NULL));
  in[1].dtype = TW_INT32;
  show(stretch_run(handle, in, 2, out, 2));
  in[1].dtype = TW_INT64, in[1].ndim = 1;
  show(stretch_shape(handle, in, 2, 0, shape_y, &ndim));
  in[1].ndim = 0, k = 3;
  show(stretch_run(handle, in, 2, out, 2));
  k = 62;
  show(stretch_run(handle, in, 2, out, 2));
  shape_y[0] = 64;
  static double large[64];
  out[0].data = large;
  show(stretch_run(handle, in, 2, out, 2));
  k = 4, shape_y[0] = 6, out[0].data = x;
  show(stretch_run(handle, in, 2, out, 2));
  stretch_close(handle);
  return calls != 0 || ndim != -1;
}
