#include "runtime/core/bind.h"

#include "runtime/core/call.h"
#include "runtime/core/check.h"
#include "runtime/core/error.h"

/* A size that no shape has shown yet; no bounds allow it. */
#define TW_UNKNOWN INT64_MIN

int32_t tw_count_extents(const tw_function* function) {
  int32_t count = 0;
  for (int32_t p = 0; p < function->n_params; p++) {
    if (tw_is_buffer(&function->params[p])) count += function->params[p].ndim;
  }
  return count;
}

/* Sizes that shapes show: the first extent that is just the size gives it. `outputs`: theirs are looked at
 * too. */
static int32_t read_shapes(const tw_function* function, const tw_tensor* buffers, int32_t given,
                           int64_t* scalars) {
  const tw_tensor* tensor = buffers;
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (!tw_is_buffer(param)) continue;
    if (given >> param->kind & 1) {
      int32_t code = tw_check_kind(function, param, tensor);
      if (code != TW_OK) return code;
      for (int32_t i = 0; i < param->ndim; i++) {
        const tw_extent* extent = &param->shape[i];
        if (extent->scalar >= 0 && scalars[extent->scalar] == TW_UNKNOWN)
          scalars[extent->scalar] = tensor->shape[i];
      }
    }
    tensor++;
  }
  return TW_OK;
}

static int32_t unknown_size(const tw_function* function, const tw_param* param) {
  return tw_error_set(TW_BAD_VALUE, "%s: no shape of the given arrays shows the size '%s'", function->name,
                      param->name);
}

static int32_t check_scalars(const tw_function* function, const int64_t* scalars) {
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (tw_is_buffer(param)) continue;
    int64_t value = *scalars++;
    if (value == TW_UNKNOWN && param->kind == TW_PARAM_SHAPE) return unknown_size(function, param);
    int32_t code = tw_check_integer(function, param, value);
    if (code != TW_OK) return code;
  }
  return TW_OK;
}

/* The integers that are given as such; those that shapes show are TW_UNKNOWN. */
static int32_t read_integers(const tw_function* function, const int64_t* sizes, const int64_t* tunables,
                             int64_t* scalars) {
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (param->kind == TW_PARAM_SIZE) {
      if (!sizes) {
        return tw_error_set(TW_BAD_VALUE, "%s: the size '%s' is not given", function->name, param->name);
      }
      *scalars++ = *sizes++;
    } else if (param->kind == TW_PARAM_SHAPE) {
      *scalars++ = TW_UNKNOWN;
    } else if (param->kind == TW_PARAM_TUNABLE) {
      *scalars++ = tunables ? *tunables++ : param->default_value;
    }
  }
  return TW_OK;
}

int32_t tw_bind_given(const tw_function* function, const tw_tensor* buffers, int32_t given,
                      const int64_t* sizes, const int64_t* tunables, int64_t* scalars, int64_t* extents) {
  if (!function) return tw_error_set(TW_BAD_VALUE, "no function is given (null)");
  if (!function->run || !function->extents) {
    return tw_error_set(TW_UNSUPPORTED, "%s: this is code for another machine, which cannot run here",
                        function->name);
  }
  if (!buffers && function->n_buffers > 0) {
    return tw_error_set(TW_BAD_VALUE, "%s: no arrays are given (null)", function->name);
  }
  int32_t code = read_integers(function, sizes, tunables, scalars);
  if (code == TW_OK) code = read_shapes(function, buffers, given, scalars);
  if (code == TW_OK) code = check_scalars(function, scalars);
  if (code != TW_OK) return code;
  function->extents(scalars, extents);
  return tw_check_extents(function, extents);
}

int32_t tw_bind(const tw_function* function, const tw_tensor* buffers, const int64_t* sizes,
                const int64_t* tunables, int64_t* scalars, int64_t* extents) {
  return tw_bind_given(function, buffers, TW_GIVEN_NOT_OUTPUTS, sizes, tunables, scalars, extents);
}
