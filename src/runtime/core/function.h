/* A kernel with what callers must know of it: names, types, shapes. Compiled code of a process and exported
 * libraries describe themselves alike, and one implementation checks arguments for both. */
#ifndef TW_RUNTIME_CORE_FUNCTION_H_
#define TW_RUNTIME_CORE_FUNCTION_H_

#include "runtime/core/kernel.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An array that a caller gives. Strides in elements; null: contiguous, row-major. */
typedef struct {
  void* data;
  int32_t dtype, ndim;
  const int64_t* shape;
  const int64_t* strides;
} tw_tensor;

enum {
  TW_PARAM_INPUT = 0,
  TW_PARAM_CONSTANT = 1, /* an input that may be prepared beforehand */
  TW_PARAM_OUTPUT = 2,
  TW_PARAM_INOUT = 3,
  TW_PARAM_SIZE = 4,   /* an integer that the caller gives */
  TW_PARAM_SHAPE = 5,  /* an integer that shapes of buffers show */
  TW_PARAM_TUNABLE = 6 /* an integer of the schedule, with a default */
};

/* One extent of a buffer. */
typedef struct {
  int64_t value;    /* a constant, or -1 */
  int32_t scalar;   /* the scalar that it shows: its position among the scalars; or -1 */
  const char* text; /* as people read it: "n + 2" */
} tw_extent;

typedef struct {
  const char* name;
  int32_t kind;
  /* of buffers */
  int32_t dtype, ndim;
  const tw_extent* shape;
  int64_t alignment; /* of the first element, in bytes; at least that of the type */
  /* of integers: min <= value <= max, a multiple of multiple_of */
  int64_t min, max, multiple_of, default_value;
} tw_param;

typedef struct {
  const char* name;
  int32_t n_params;
  const tw_param* params; /* in the order of the program: sizes that shapes show stand before the buffers */
  int32_t n_buffers, n_scalars;
  tw_kernel run;
  /* The extents of all buffers, one after the other, from the scalars. Sizes are within their bounds. */
  void (*extents)(const int64_t* scalars, int64_t* extents);
} tw_function;

#ifdef __cplusplus
}
#endif
#endif
