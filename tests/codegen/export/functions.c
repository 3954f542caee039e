/* Functions as code generators make them: what the tests of exported libraries export. */
#include "runtime/core/function.h"

/* matmul(m, n, k: shape, A: float32[m, k], B: const float32[k, n], C: out float32[m, n]), rows in parallel.
 */
typedef struct {
  const float *a, *b;
  float* c;
  int64_t n, k;
} closure;

static int32_t rows(const void* data, int64_t begin, int64_t end, tw_worker* worker) {
  const closure* f = data;
  float* row = worker->allocate(worker, f->n * 4);
  if (!row) return TW_NO_MEMORY;
  for (int64_t i = begin; i < end; i++) {
    for (int64_t j = 0; j < f->n; j++) row[j] = 0;
    for (int64_t p = 0; p < f->k; p++) {
      for (int64_t j = 0; j < f->n; j++) row[j] += f->a[i * f->k + p] * f->b[p * f->n + j];
    }
    for (int64_t j = 0; j < f->n; j++) f->c[i * f->n + j] = row[j];
  }
  worker->release(worker, row);
  return TW_OK;
}

static int32_t run_matmul(void* const* buffers, const int64_t* scalars, tw_worker* worker) {
  closure f = {buffers[0], buffers[1], buffers[2], scalars[1], scalars[2]};
  return worker->parallel(worker, rows, &f, scalars[0]);
}

static void extents_matmul(const int64_t* s, int64_t* e) {
  e[0] = s[0], e[1] = s[2], e[2] = s[2], e[3] = s[1], e[4] = s[0], e[5] = s[1];
}

#define NO_BUFFER 0, 0, 0, 0
#define MOST INT64_MAX
static const tw_extent kA[] = {{-1, 0, "m"}, {-1, 2, "k"}};
static const tw_extent kB[] = {{-1, 2, "k"}, {-1, 1, "n"}};
static const tw_extent kC[] = {{-1, 0, "m"}, {-1, 1, "n"}};
static const tw_param kMatmul[] = {
    {"m", TW_PARAM_SHAPE, NO_BUFFER, 0, MOST, 1, 0},
    {"n", TW_PARAM_SHAPE, NO_BUFFER, 0, MOST, 1, 0},
    {"k", TW_PARAM_SHAPE, NO_BUFFER, 1, 4096, 1, 0},
    {"A", TW_PARAM_INPUT, TW_FLOAT32, 2, kA, 4, 0, 0, 0, 0},
    {"B", TW_PARAM_CONSTANT, TW_FLOAT32, 2, kB, 4, 0, 0, 0, 0},
    {"C", TW_PARAM_OUTPUT, TW_FLOAT32, 2, kC, 4, 0, 0, 0, 0},
    {"rows", TW_PARAM_TUNABLE, NO_BUFFER, 1, MOST, 1, 4},
};
const tw_function matmul_function = {"matmul", 7, kMatmul, 3, 4, run_matmul, extents_matmul};

/* stretch(n: shape, X: float64[n], k: size, Y: out float64[n + k], S: inout int32[]): Y is exp of X and ones
 * behind it, S counts the calls. */
double exp(double);

static int32_t run_stretch(void* const* buffers, const int64_t* scalars, tw_worker* worker) {
  if (scalars[1] == 62) return worker->fail(worker, TW_FAILED, "62 is refused");
  const double* x = buffers[0];
  double* y = buffers[1];
  for (int64_t i = 0; i < scalars[0] + scalars[1]; i++) y[i] = i < scalars[0] ? exp(x[i]) : 1;
  ++*(int32_t*)buffers[2];
  return TW_OK;
}

static void extents_stretch(const int64_t* s, int64_t* e) {
  e[0] = s[0], e[1] = s[0] + s[1];
}

static const tw_extent kX[] = {{-1, 0, "n"}};
static const tw_extent kY[] = {{-1, -1, "n + k"}};
static const tw_param kStretch[] = {
    {"n", TW_PARAM_SHAPE, NO_BUFFER, 0, MOST, 1, 0},
    {"X", TW_PARAM_INPUT, TW_FLOAT64, 1, kX, 8, 0, 0, 0, 0},
    {"k", TW_PARAM_SIZE, NO_BUFFER, 0, 64, 2, 0},
    {"Y", TW_PARAM_OUTPUT, TW_FLOAT64, 1, kY, 8, 0, 0, 0, 0},
    {"S", TW_PARAM_INOUT, TW_INT32, 0, 0, 4, 0, 0, 0, 0},
};
const tw_function stretch_function = {"stretch", 5, kStretch, 3, 2, run_stretch, extents_stretch};
