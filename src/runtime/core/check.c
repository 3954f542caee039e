#include "runtime/core/check.h"

#include "runtime/core/error.h"
#include "runtime/core/system.h"

static const struct {
  const char* name;
  int64_t bytes;
} kTypes[] = {
    [TW_BOOL] = {"bool", 1},       [TW_INT8] = {"int8", 1},         [TW_INT16] = {"int16", 2},
    [TW_INT32] = {"int32", 4},     [TW_INT64] = {"int64", 8},       [TW_UINT8] = {"uint8", 1},
    [TW_UINT16] = {"uint16", 2},   [TW_UINT32] = {"uint32", 4},     [TW_UINT64] = {"uint64", 8},
    [TW_FLOAT16] = {"float16", 2}, [TW_BFLOAT16] = {"bfloat16", 2}, [TW_FLOAT32] = {"float32", 4},
    [TW_FLOAT64] = {"float64", 8},
};

static int is_type(int32_t dtype) {
  return dtype >= 0 && dtype < (int32_t)(sizeof kTypes / sizeof kTypes[0]);
}

const char* tw_dtype_name(int32_t dtype) {
  return is_type(dtype) ? kTypes[dtype].name : "?";
}

int64_t tw_dtype_bytes(int32_t dtype) {
  return is_type(dtype) ? kTypes[dtype].bytes : 0;
}

/* "(3, 5)"; of one dimension "(3,)". */
static void add_numbers(tw_text* text, const int64_t* numbers, int32_t count) {
  tw_text_add(text, "(");
  for (int32_t i = 0; i < count; i++) tw_text_add(text, i ? ", %lld" : "%lld", (long long)numbers[i]);
  tw_text_add(text, count == 1 ? ",)" : ")");
}

static void add_needed_shape(tw_text* text, const tw_param* param) {
  tw_text_add(text, "(");
  for (int32_t i = 0; i < param->ndim; i++) tw_text_add(text, i ? ", %s" : "%s", param->shape[i].text);
  tw_text_add(text, param->ndim == 1 ? ",)" : ")");
}

static int32_t wrong_type(const tw_function* function, const tw_param* param, int32_t dtype) {
  if (!is_type(dtype)) {
    return tw_error_set(TW_BAD_TYPE, "%s: '%s' has the unknown dtype %d, needs %s", function->name,
                        param->name, dtype, tw_dtype_name(param->dtype));
  }
  return tw_error_set(TW_BAD_TYPE, "%s: '%s' is %s, needs %s", function->name, param->name,
                      tw_dtype_name(dtype), tw_dtype_name(param->dtype));
}

int32_t tw_check_kind(const tw_function* function, const tw_param* param, const tw_tensor* tensor) {
  if (tensor->dtype != param->dtype) return wrong_type(function, param, tensor->dtype);
  if (tensor->ndim != param->ndim) {
    tw_text needed = {"", 0};
    add_needed_shape(&needed, param);
    return tw_error_set(TW_BAD_VALUE, "%s: '%s' has %d dimensions, needs %d: %s", function->name, param->name,
                        tensor->ndim, param->ndim, needed.text);
  }
  if (param->ndim > 0 && !tensor->shape) {
    return tw_error_set(TW_BAD_VALUE, "%s: '%s' has no shape (null)", function->name, param->name);
  }
  for (int32_t i = 0; i < param->ndim; i++) {
    if (tensor->shape[i] < 0) {
      return tw_error_set(TW_BAD_VALUE, "%s: '%s' has the negative extent %lld in dimension %d",
                          function->name, param->name, (long long)tensor->shape[i], i);
    }
  }
  return TW_OK;
}

/* "needs (m, n + 2) = (4, 7)", or "needs (4, 7)" where the text is no other. */
static int32_t wrong_shape(const tw_function* function, const tw_param* param, const int64_t* shape,
                           const int64_t* extents) {
  tw_text found = {"", 0}, symbols = {"", 0}, numbers = {"", 0};
  add_numbers(&found, shape, param->ndim);
  add_needed_shape(&symbols, param);
  add_numbers(&numbers, extents, param->ndim);
  int same = strcmp(symbols.text, numbers.text) == 0;
  return tw_error_set(TW_BAD_VALUE, "%s: '%s' has the shape %s, needs %s%s%s", function->name, param->name,
                      found.text, symbols.text, same ? "" : " = ", same ? "" : numbers.text);
}

/* Row-major without gaps; dimensions of one element have any stride. */
static int is_contiguous(const tw_tensor* tensor) {
  int64_t step = 1;
  for (int32_t i = tensor->ndim - 1; i >= 0; i--) {
    if (tensor->shape[i] != 1 && tensor->strides[i] != step) return 0;
    step *= tensor->shape[i];
  }
  return 1;
}

static int32_t wrong_strides(const tw_function* function, const tw_param* param, const tw_tensor* tensor) {
  tw_text found = {"", 0}, shape = {"", 0};
  add_numbers(&found, tensor->strides, param->ndim);
  add_numbers(&shape, tensor->shape, param->ndim);
  return tw_error_set(TW_BAD_VALUE,
                      "%s: '%s' has the strides %s for the shape %s, needs a contiguous array: copy it",
                      function->name, param->name, found.text, shape.text);
}

static int32_t wrong_data(const tw_function* function, const tw_param* param, const tw_tensor* tensor) {
  if (!tensor->data)
    return tw_error_set(TW_BAD_VALUE, "%s: '%s' has no data (null)", function->name, param->name);
  uintptr_t address = (uintptr_t)tensor->data;
  return tw_error_set(
      TW_BAD_VALUE, "%s: '%s' begins at an address that is a multiple of %lld only, needs %lld",
      function->name, param->name, (long long)(address & -address), (long long)param->alignment);
}

int32_t tw_check_tensor(const tw_function* function, const tw_param* param, const tw_tensor* tensor,
                        const int64_t* extents, int64_t* bytes) {
  int empty = 0;
  for (int32_t i = 0; i < param->ndim; i++) {
    if (tensor->shape[i] != extents[i]) return wrong_shape(function, param, tensor->shape, extents);
    empty |= extents[i] == 0;
  }
  *bytes = 0;
  if (empty) return TW_OK; /* the other extents may be of any size */
  int64_t count = 1;
  for (int32_t i = 0; i < param->ndim; i++) count *= extents[i];
  *bytes = count * tw_dtype_bytes(param->dtype);
  if (tensor->strides && !is_contiguous(tensor)) return wrong_strides(function, param, tensor);
  if (!tensor->data || ((uintptr_t)tensor->data & (uintptr_t)(param->alignment - 1)) != 0) {
    return wrong_data(function, param, tensor);
  }
  return TW_OK;
}

int32_t tw_check_integer(const tw_function* function, const tw_param* param, int64_t value) {
  if (value >= param->min && value <= param->max &&
      (param->multiple_of <= 1 || value % param->multiple_of == 0)) {
    return TW_OK;
  }
  tw_text needed = {"", 0};
  if (value < param->min || value > param->max) {
    if (param->max == INT64_MAX) {
      tw_text_add(&needed, "at least %lld", (long long)param->min);
    } else {
      tw_text_add(&needed, "%lld to %lld", (long long)param->min, (long long)param->max);
    }
  } else {
    tw_text_add(&needed, "a multiple of %lld", (long long)param->multiple_of);
  }
  const char* what = param->kind == TW_PARAM_TUNABLE ? "parameter" : "size";
  return tw_error_set(TW_BAD_VALUE, "%s: the %s '%s' is %lld, needs %s", function->name, what, param->name,
                      (long long)value, needed.text);
}

/* Whether so many elements fit into memory: the product does not overflow, whatever the order. */
static int fits_memory(const int64_t* extents, int32_t ndim, int64_t bytes) {
  for (int32_t i = 0; i < ndim; i++) {
    if (extents[i] == 0) return 1;
  }
  for (int32_t i = 0; i < ndim; i++) {
    if (__builtin_mul_overflow(bytes, extents[i], &bytes)) return 0;
  }
  return 1;
}

int32_t tw_check_extents(const tw_function* function, const int64_t* extents) {
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (!tw_is_buffer(param)) continue;
    for (int32_t i = 0; i < param->ndim; i++) {
      if (extents[i] < 0) {
        return tw_error_set(TW_BAD_VALUE, "%s: with these sizes the extent %s of '%s' is %lld",
                            function->name, param->shape[i].text, param->name, (long long)extents[i]);
      }
    }
    if (!fits_memory(extents, param->ndim, tw_dtype_bytes(param->dtype))) {
      tw_text shape = {"", 0};
      add_numbers(&shape, extents, param->ndim);
      return tw_error_set(TW_BAD_VALUE, "%s: '%s' of the shape %s is larger than any memory", function->name,
                          param->name, shape.text);
    }
    extents += param->ndim;
  }
  return TW_OK;
}

static int overlap(const char* a, int64_t a_bytes, const char* b, int64_t b_bytes) {
  return a_bytes > 0 && b_bytes > 0 && (uintptr_t)a < (uintptr_t)b + (uintptr_t)b_bytes &&
         (uintptr_t)b < (uintptr_t)a + (uintptr_t)a_bytes;
}

static const char* buffer_name(const tw_function* function, int32_t buffer) {
  const tw_param* param = function->params;
  for (;; param++) {
    if (tw_is_buffer(param) && buffer-- == 0) return param->name;
  }
}

int32_t tw_check_overlap(const tw_function* function, const tw_tensor* buffers, const int64_t* bytes) {
  int32_t out = 0;
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (!tw_is_buffer(param)) continue;
    int writes = param->kind == TW_PARAM_OUTPUT || param->kind == TW_PARAM_INOUT;
    for (int32_t i = 0; writes && i < function->n_buffers; i++) {
      if (i != out && overlap(buffers[out].data, bytes[out], buffers[i].data, bytes[i])) {
        return tw_error_set(TW_BAD_VALUE, "%s: the output '%s' shares memory with '%s'", function->name,
                            param->name, buffer_name(function, i));
      }
    }
    out++;
  }
  return TW_OK;
}
