/* Checks of what callers give. Every message names the function and the argument, says what was found and
 * what is needed. All return TW_OK or a code. */
#ifndef TW_RUNTIME_CORE_CHECK_H_
#define TW_RUNTIME_CORE_CHECK_H_

#include "runtime/core/function.h"

#ifdef __cplusplus
extern "C" {
#endif

static inline int tw_is_buffer(const tw_param* param) {
  return param->kind <= TW_PARAM_INOUT;
}

const char* tw_dtype_name(int32_t dtype); /* "float32"; "?" for what is no type */
int64_t tw_dtype_bytes(int32_t dtype);    /* 0 for what is no type */

/* The type, the number of dimensions and that there is a shape without negative extents. */
int32_t tw_check_kind(const tw_function* function, const tw_param* param, const tw_tensor* tensor);

/* Shape (against `extents`, those of this buffer), strides, alignment, data. `bytes`: how many it has. */
int32_t tw_check_tensor(const tw_function* function, const tw_param* param, const tw_tensor* tensor,
                        const int64_t* extents, int64_t* bytes);

/* An integer against its bounds. */
int32_t tw_check_integer(const tw_function* function, const tw_param* param, int64_t value);

/* The extents that a function's sizes give: none negative, none too large for memory. */
int32_t tw_check_extents(const tw_function* function, const int64_t* extents);

/* Outputs share no byte with anything else. `bytes`: of each buffer. */
int32_t tw_check_overlap(const tw_function* function, const tw_tensor* buffers, const int64_t* bytes);

#ifdef __cplusplus
}
#endif
#endif
