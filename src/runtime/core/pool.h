/* Inside of the pool: threads, and the one region that they may be running.
 *
 * A region of `turns` is cut into as many shares as threads take part. Each thread takes its own share, a few
 * turns at a time by an atomic counter, then what is left of the others': a thread that comes late or is
 * slowed down costs little, and on a quiet machine the same thread meets the same turns in every call, with
 * their data still in its cache.
 *
 * Nobody waits for a thread that has not come: a thread joins by counting itself into `state` while the
 * region is open, and the caller, out of turns, closes the region and waits only for those that joined. So
 * threads that sleep, that were never created or that a fork has lost never hold a region up.
 *
 * The system may wake a thread on the caller's processor, and leave it there for seconds, as neither ever
 * waits long enough to be moved. So a thread that finds another one of the pool where it is leaves for
 * another processor. */
#ifndef TW_RUNTIME_CORE_POOL_H_
#define TW_RUNTIME_CORE_POOL_H_

#include <stdatomic.h>
#include <stdint.h>

#include "runtime/core/arena.h"
#include "runtime/core/call.h"
#include "runtime/core/error.h"

enum { TW_LINE = 64, TW_MOST_THREADS = 1024, TW_CALLERS = 16 };

/* A thread as kernels see it, and what the runtime knows of it. */
typedef struct {
  _Alignas(TW_LINE) tw_worker api; /* first: a tw_worker* is a tw_thread* */
  tw_pool* pool;                   /* null: no other threads */
  const char* name;                /* of the function that runs */
  int32_t limit;                   /* most threads of a region */
  int32_t inside;                  /* of a region: others run on this thread */
  int32_t index;                   /* which share of a region is its own */
  tw_arena arena;
  unsigned long handle;
  int64_t moved;                             /* when it last left a processor to another thread */
  _Atomic int32_t cpu;                       /* where it was last seen */
  _Alignas(TW_LINE) _Atomic uint32_t asleep; /* a futex; of a callers' thread: in use */
} tw_thread;

/* A thread's part of the turns: those from `next` to `end` are still to do. */
typedef struct {
  _Alignas(TW_LINE) _Atomic int64_t next;
  int64_t end;
} tw_share;

struct tw_pool {
  /* The region's number (32 bits), the caller waits asleep (1), the threads it is open for (15; 0: closed),
   * the threads that joined (16). The lower half is a futex. */
  _Alignas(TW_LINE) _Atomic uint64_t state;
  tw_body body;
  const void* closure;
  const char* name;
  int64_t chunk;
  int32_t threads_of_region;
  _Alignas(TW_LINE) _Atomic int32_t code; /* the first error */
  char message[TW_MESSAGE_BYTES];

  _Alignas(TW_LINE) _Atomic uint32_t busy; /* a caller has the threads */
  _Atomic uint32_t stop;
  _Atomic int32_t caller_cpu; /* where the last region was opened */
  int32_t spreads;            /* there is a processor for each thread */
  int32_t threads;            /* that take part, a caller's own counted */
  int32_t started;            /* threads that run: 1 to `started` */
  int32_t refused;            /* the system gave no more threads */
  _Atomic int32_t process;    /* that they belong to; negative: that is about to be so */
  _Atomic uint32_t* alive;    /* 1, in a page that a fork wipes; null: the system has no such pages */
  tw_host_parallel host;
  void* user;
  uint64_t bytes; /* of this structure with what follows it */
  tw_share* shares;
  tw_thread* team; /* one for each share; 0 is used by hosts' threads only */
  tw_thread callers[TW_CALLERS];
};

enum {
  TW_ONE_JOINED = 1,
  TW_JOINED = 0xffff,
  TW_ONE_OPEN = 1 << 16,
  TW_OPEN = 0x7fff0000,
};
#define TW_WAITING ((uint64_t)1 << 31)
#define TW_ONE_REGION ((uint64_t)1 << 32)

void tw_thread_init(tw_thread* thread, tw_pool* pool, int32_t index);

/* tw_worker::parallel. */
int32_t tw_parallel(tw_worker* worker, tw_body body, const void* closure, int64_t turns);

/* Starts threads until `wanted` take part, if the system gives them; how many do. The caller has the pool. */
int32_t tw_start_threads(tw_pool* pool, int32_t wanted);

/* Whether this process has the pool's threads. In a forked child it makes the pool the child's own, without
 * any thread yet; false while another thread of the child is at that. */
int tw_pool_is_ours(tw_pool* pool);

/* What a thread of the pool does from its start to its end. */
void* tw_thread_main(void* thread);

#endif
