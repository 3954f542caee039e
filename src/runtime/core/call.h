/* Calling functions: threads, checks of arguments, errors. */
#ifndef TW_RUNTIME_CORE_CALL_H_
#define TW_RUNTIME_CORE_CALL_H_

#include "runtime/core/function.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why the last function of the runtime called on this thread that did not give TW_OK failed. Never null. */
const char* tw_error(void);

/* Processors that this process may use: its affinity mask and its control group's quota (rounded up). */
int32_t tw_usable_threads(void);

/* Threads that wait for parallel regions, the caller's own counted: one is no thread at all. They start with
 * the first region, spin for a moment after each, then sleep. Any number of callers may use a pool at once:
 * one has its threads, the others run their regions alone. A forked child starts threads of its own. Where
 * the system gives no more threads, regions run on fewer. Closing waits for no call: none may be under way.
 */
typedef struct tw_pool tw_pool;
tw_pool* tw_pool_open(int32_t threads); /* at most 1024; 0 or less: tw_usable_threads(). Null: no memory */
void tw_pool_close(tw_pool* pool);      /* null: nothing */
int32_t tw_pool_threads(const tw_pool* pool);

/* The host program's own threads in their place: `parallel(user, task, data, turns)` calls task(data, i) once
 * for each 0 <= i < turns, on any threads, and returns when all have. Null: the pool's own again. Waits for a
 * region that is under way; not to be called from inside of one. */
typedef void (*tw_task)(void* data, int64_t turn);
typedef void (*tw_host_parallel)(void* user, tw_task task, void* data, int64_t turns);
void tw_pool_use(tw_pool* pool, tw_host_parallel parallel, void* user);

/* Fills the scalars of a function and the extents of all its buffers (as tw_function::extents orders them)
 * from what a caller gives: `buffers` in the order of the parameters that are buffers, the outputs' data and
 * shapes not looked at; `sizes` in the order of the parameters that are sizes; `tunables` in theirs, null for
 * the defaults. TW_BAD_VALUE, TW_BAD_TYPE: a message that names the argument. */
int32_t tw_bind(const tw_function* function, const tw_tensor* buffers, const int64_t* sizes,
                const int64_t* tunables, int64_t* scalars, int64_t* extents);

/* Checks all arguments (dtype, rank, shape, contiguous, aligned, not null unless empty, outputs overlap
 * nothing) and runs the function. `threads`: at most so many of the pool's, 0: all. `pool` null: the caller's
 * thread alone. Shapes of outputs show sizes too. */
int32_t tw_call(const tw_function* function, tw_pool* pool, int32_t threads, const tw_tensor* buffers,
                const int64_t* sizes, const int64_t* tunables);

/* Runs without any check what tw_bind has bound: what an executor calls. */
int32_t tw_run(const tw_function* function, tw_pool* pool, int32_t threads, void* const* buffers,
               const int64_t* scalars);

#ifdef __cplusplus
}
#endif
#endif
