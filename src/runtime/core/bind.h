/* tw_bind for callers that have a part of the arrays. */
#ifndef TW_RUNTIME_CORE_BIND_H_
#define TW_RUNTIME_CORE_BIND_H_

#include <stdint.h>

#include "runtime/core/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets of kinds of buffers: bit TW_PARAM_INPUT and so on. */
enum {
  TW_GIVEN_READ = 1 << TW_PARAM_INPUT | 1 << TW_PARAM_CONSTANT,
  TW_GIVEN_NOT_OUTPUTS = TW_GIVEN_READ | 1 << TW_PARAM_INOUT,
  TW_GIVEN_ALL = TW_GIVEN_NOT_OUTPUTS | 1 << TW_PARAM_OUTPUT
};

/* tw_bind; buffers of kinds that are not `given` are not looked at. */
int32_t tw_bind_given(const tw_function* function, const tw_tensor* buffers, int32_t given,
                      const int64_t* sizes, const int64_t* tunables, int64_t* scalars, int64_t* extents);

int32_t tw_count_extents(const tw_function* function);

#ifdef __cplusplus
}
#endif
#endif
