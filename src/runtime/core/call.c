#include "runtime/core/call.h"

#include "runtime/core/bind.h"
#include "runtime/core/check.h"
#include "runtime/core/pool.h"
#include "runtime/core/system.h"

static int32_t check_buffers(const tw_function* function, const tw_tensor* buffers, const int64_t* extents,
                             int64_t* bytes, void** data) {
  int32_t buffer = 0;
  for (int32_t p = 0; p < function->n_params; p++) {
    const tw_param* param = &function->params[p];
    if (!tw_is_buffer(param)) continue;
    int32_t code = tw_check_tensor(function, param, &buffers[buffer], extents, &bytes[buffer]);
    if (code != TW_OK) return code;
    data[buffer] = buffers[buffer].data;
    extents += param->ndim;
    buffer++;
  }
  return tw_check_overlap(function, buffers, bytes);
}

/* tw_call with room for its numbers: scalars, extents, bytes of buffers, their data. */
static int32_t call_with(int64_t* room, int32_t n_extents, const tw_function* function, tw_pool* pool,
                         int32_t threads, const tw_tensor* buffers, const int64_t* sizes,
                         const int64_t* tunables) {
  int64_t* extents = room + function->n_scalars;
  int64_t* bytes = extents + n_extents;
  void** data = (void**)(bytes + function->n_buffers);
  int32_t code = tw_bind_given(function, buffers, TW_GIVEN_ALL, sizes, tunables, room, extents);
  if (code == TW_OK) code = check_buffers(function, buffers, extents, bytes, data);
  return code == TW_OK ? tw_run(function, pool, threads, data, room) : code;
}

int32_t tw_call(const tw_function* function, tw_pool* pool, int32_t threads, const tw_tensor* buffers,
                const int64_t* sizes, const int64_t* tunables) {
  if (!function) return tw_error_set(TW_BAD_VALUE, "no function is given (null)");
  if (threads < 0) return tw_error_set(TW_BAD_VALUE, "%s: %d threads are asked for", function->name, threads);
  int32_t n_extents = tw_count_extents(function);
  int64_t here[96];
  uint64_t numbers = (uint64_t)function->n_scalars + (uint64_t)n_extents + 2 * (uint64_t)function->n_buffers;
  int64_t* room = numbers <= sizeof here / sizeof here[0] ? here : malloc(numbers * sizeof(int64_t));
  if (!room) return tw_error_set(TW_NO_MEMORY, "%s: no memory for its arguments", function->name);
  int32_t code = call_with(room, n_extents, function, pool, threads, buffers, sizes, tunables);
  if (room != here) free(room);
  return code;
}

static int32_t run_as(tw_thread* thread, const tw_function* function, int32_t limit, void* const* buffers,
                      const int64_t* scalars) {
  thread->name = function->name;
  thread->limit = limit;
  char* mark = thread->arena.top;
  int32_t code = function->run(buffers, scalars, &thread->api);
  if (thread->arena.top != mark) tw_arena_restore(&thread->arena, mark);
  return code;
}

/* A caller's thread that nobody uses; its arena has memory from the calls before. Null: all are in use. */
static tw_thread* take_caller(tw_pool* pool) {
  for (int32_t i = 0; i < TW_CALLERS; i++) {
    tw_thread* thread = &pool->callers[i];
    if (!atomic_load_explicit(&thread->asleep, memory_order_relaxed) &&
        !atomic_exchange_explicit(&thread->asleep, 1, memory_order_acquire)) {
      return thread;
    }
  }
  return NULL;
}

/* For one call, with an arena that lives no longer. */
static int32_t run_on_stack(const tw_function* function, tw_pool* pool, int32_t limit, void* const* buffers,
                            const int64_t* scalars) {
  tw_thread thread;
  memset(&thread, 0, sizeof thread);
  tw_thread_init(&thread, pool, 0);
  int32_t code = run_as(&thread, function, limit, buffers, scalars);
  tw_arena_close(&thread.arena);
  return code;
}

int32_t tw_run(const tw_function* function, tw_pool* pool, int32_t threads, void* const* buffers,
               const int64_t* scalars) {
  int32_t limit = pool ? pool->threads : 1;
  if (threads > 0 && threads < limit) limit = threads;
  tw_thread* caller = pool ? take_caller(pool) : NULL;
  if (!caller) return run_on_stack(function, pool, limit, buffers, scalars);
  int32_t code = run_as(caller, function, limit, buffers, scalars);
  atomic_store_explicit(&caller->asleep, 0, memory_order_release);
  return code;
}
