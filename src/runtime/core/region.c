#include "runtime/core/pool.h"
#include "runtime/core/system.h"

/* How long a thread without work looks for some before it sleeps: at first doing nothing else, then letting
 * others have the processor between two looks. */
enum { kSpinNanoseconds = 50 * 1000, kYieldNanoseconds = 250 * 1000, kPausesPerLook = 16 };

/* How long a thread stays where it has moved to, whatever it finds there. */
enum { kMoveNanoseconds = 1000 * 1000 };

/* Chunks of a share: many enough that threads end together, few enough that taking one costs nothing. */
enum { kChunksPerShare = 16 };

/* Of one wait: when it began, and how many pauses were made. */
typedef struct {
  int64_t began;
  uint32_t pauses;
} tw_wait;

/* One pause. False: this has lasted long enough to sleep. */
static int pause_more(tw_wait* wait) {
  tw_pause();
  if (++wait->pauses % kPausesPerLook != 0) return 1;
  int64_t now = tw_nanoseconds();
  if (wait->began == 0) wait->began = now;
  int64_t lasted = now - wait->began;
  if (lasted >= kSpinNanoseconds) sched_yield();
  return lasted < kSpinNanoseconds + kYieldNanoseconds;
}

/* Some turns, after which the arena is as it was. */
static int32_t run_turns(tw_thread* thread, tw_body body, const void* closure, int64_t begin, int64_t end) {
  char* mark = thread->arena.top;
  int32_t code = body(closure, begin, end, &thread->api);
  if (thread->arena.top != mark) tw_arena_restore(&thread->arena, mark);
  return code;
}

/* The first error of a region is the region's; its message goes with it to the caller's thread. */
static void note_error(tw_pool* pool, int32_t code) {
  int32_t none = TW_OK;
  if (atomic_compare_exchange_strong(&pool->code, &none, code)) {
    memcpy(pool->message, tw_error(), strlen(tw_error()) + 1);
  }
}

static void take_turns(tw_pool* pool, tw_thread* thread, int32_t first_share) {
  int32_t shares = pool->threads_of_region;
  int64_t chunk = pool->chunk;
  for (int32_t i = 0, which = first_share; i < shares; i++, which = which + 1 == shares ? 0 : which + 1) {
    tw_share* share = &pool->shares[which];
    int64_t end = share->end;
    while (atomic_load_explicit(&share->next, memory_order_relaxed) < end) {
      if (atomic_load_explicit(&pool->code, memory_order_relaxed) != TW_OK) return;
      int64_t begin = atomic_fetch_add_explicit(&share->next, chunk, memory_order_relaxed);
      if (begin >= end) break;
      int64_t stop = end - begin < chunk ? end : begin + chunk;
      int32_t code = run_turns(thread, pool->body, pool->closure, begin, stop);
      if (code != TW_OK) note_error(pool, code);
    }
  }
}

/* Threads wake each other as a tree, so that many of them do not wait for one to wake them all. */
static void wake_children(tw_pool* pool, int32_t index, int32_t threads) {
  for (int32_t child = 2 * index + 1; child <= 2 * index + 2 && child < threads; child++) {
    tw_thread* thread = &pool->team[child];
    if (atomic_load(&thread->asleep) && atomic_exchange(&thread->asleep, 0)) tw_wake(&thread->asleep);
  }
}

/* To another processor, if one of the pool's threads before this one, or the caller, is where this one is.
 * The mask is as it was afterwards: the system may move the thread again. */
static void part_from_others(tw_pool* pool, tw_thread* thread) {
  enum { kWords = 16, kBits = 64 };
  int32_t cpu = sched_getcpu();
  atomic_store_explicit(&thread->cpu, cpu, memory_order_relaxed);
  if (!pool->spreads || cpu < 0 || cpu >= kWords * kBits) return;
  uint64_t taken[kWords] = {0}, all[kWords] = {0}, rest[kWords];
  for (int32_t i = 0; i < thread->index; i++) {
    _Atomic int32_t* place = i == 0 ? &pool->caller_cpu : &pool->team[i].cpu;
    int32_t other = atomic_load_explicit(place, memory_order_relaxed);
    if (other >= 0 && other < kWords * kBits) taken[other / kBits] |= (uint64_t)1 << other % kBits;
  }
  if (!(taken[cpu / kBits] >> cpu % kBits & 1)) return;
  int64_t now = tw_nanoseconds();
  if (now - thread->moved < kMoveNanoseconds) return;
  thread->moved = now;
  if (sched_getaffinity(0, sizeof all, all) != 0) return;
  uint64_t any = 0;
  for (int32_t i = 0; i < kWords; i++) any |= rest[i] = all[i] & ~taken[i];
  if (!any || sched_setaffinity(0, sizeof rest, rest) != 0) return;
  sched_setaffinity(0, sizeof all, all);
  atomic_store_explicit(&thread->cpu, sched_getcpu(), memory_order_relaxed);
}

static int is_open_for(uint64_t state, uint32_t last_region, int32_t index) {
  return (uint32_t)(state >> 32) != last_region && (int32_t)((state & TW_OPEN) / TW_ONE_OPEN) > index;
}

/* The state with an open region that this thread has not been in, or 0: the pool ends. */
static uint64_t wait_for_region(tw_pool* pool, tw_thread* thread, uint32_t last_region) {
  tw_wait wait = {0, 0};
  for (;;) {
    uint64_t state = atomic_load(&pool->state);
    if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return 0;
    if (is_open_for(state, last_region, thread->index)) return state;
    if (wait.pauses % kPausesPerLook == 0) part_from_others(pool, thread);
    if (pause_more(&wait)) continue;
    /* Whoever opens a region looks for sleepers afterwards; so: say that we sleep, look again, sleep. */
    atomic_store(&thread->asleep, 1);
    state = atomic_load(&pool->state);
    if (!atomic_load(&pool->stop) && !is_open_for(state, last_region, thread->index)) {
      tw_sleep_while(&thread->asleep, 1);
    }
    atomic_store(&thread->asleep, 0);
    wait = (tw_wait){0, 0};
  }
}

void* tw_thread_main(void* argument) {
  tw_thread* thread = argument;
  tw_pool* pool = thread->pool;
  thread->inside = 1;
  uint32_t last_region = 0;
  uint64_t state;
  while ((state = wait_for_region(pool, thread, last_region)) != 0) {
    part_from_others(pool, thread);
    if (!atomic_compare_exchange_strong(&pool->state, &state, state + TW_ONE_JOINED)) continue;
    last_region = (uint32_t)(state >> 32);
    thread->name = pool->name;
    wake_children(pool, thread->index, pool->threads_of_region);
    take_turns(pool, thread, thread->index);
    state = atomic_fetch_sub(&pool->state, TW_ONE_JOINED);
    if ((state & TW_JOINED) == TW_ONE_JOINED && (state & TW_WAITING)) tw_wake(&pool->state);
  }
  return NULL;
}

/* Closes the region and waits until those that joined it have left. */
static void close_region(tw_pool* pool) {
  tw_wait wait = {0, 0};
  uint64_t state = atomic_fetch_and(&pool->state, ~(uint64_t)TW_OPEN);
  while (state & TW_JOINED) {
    if (!pause_more(&wait)) {
      state = atomic_fetch_or(&pool->state, TW_WAITING) | TW_WAITING;
      if (state & TW_JOINED) tw_sleep_while(&pool->state, (uint32_t)(state & ~(uint64_t)TW_OPEN));
    }
    state = atomic_load(&pool->state);
  }
}

/* One share for each of `threads`: contiguous turns, as even as can be. */
static void cut_into_shares(tw_pool* pool, int64_t turns, int32_t threads) {
  int64_t each = turns / threads, more = turns % threads, begin = 0;
  for (int32_t i = 0; i < threads; i++) {
    int64_t end = begin + each + (i < more);
    atomic_store_explicit(&pool->shares[i].next, begin, memory_order_relaxed);
    pool->shares[i].end = end;
    begin = end;
  }
  pool->chunk = each < kChunksPerShare ? 1 : each / kChunksPerShare;
}

/* What a host's thread does as the i-th of a region. */
static void host_task(void* data, int64_t i) {
  tw_pool* pool = data;
  if (i < 0 || i >= pool->threads_of_region) return;
  tw_thread* thread = &pool->team[i];
  thread->name = pool->name;
  thread->inside = 1;
  take_turns(pool, thread, (int32_t)i);
}

static void run_on_threads(tw_pool* pool, tw_thread* caller, int32_t threads) {
  uint64_t state = atomic_load_explicit(&pool->state, memory_order_relaxed);
  uint64_t region = (state & ~(uint64_t)0xffffffff) + TW_ONE_REGION;
  if (region == 0) region = TW_ONE_REGION; /* threads begin with 0 as the last that they were in */
  atomic_store_explicit(&pool->caller_cpu, sched_getcpu(), memory_order_relaxed);
  atomic_store(&pool->state, region + (uint64_t)threads * TW_ONE_OPEN);
  wake_children(pool, 0, threads);
  take_turns(pool, caller, 0);
  close_region(pool);
}

static int32_t run_region(tw_pool* pool, tw_thread* caller, int32_t threads, tw_body body,
                          const void* closure, int64_t turns) {
  pool->body = body;
  pool->closure = closure;
  pool->name = caller->name;
  pool->threads_of_region = threads;
  atomic_store_explicit(&pool->code, TW_OK, memory_order_relaxed);
  cut_into_shares(pool, turns, threads);
  if (pool->host) {
    pool->host(pool->user, host_task, pool, threads);
    take_turns(pool, caller, 0); /* nothing is left unless the host forgot some */
  } else {
    run_on_threads(pool, caller, threads);
  }
  int32_t code = atomic_load(&pool->code);
  return code == TW_OK ? TW_OK : tw_error_set(code, "%s", pool->message);
}

int32_t tw_parallel(tw_worker* worker, tw_body body, const void* closure, int64_t turns) {
  tw_thread* caller = (tw_thread*)worker;
  tw_pool* pool = caller->pool;
  if (turns <= 0) return TW_OK;
  int32_t threads = caller->limit < turns ? caller->limit : (int32_t)turns;
  int32_t was_inside = caller->inside;
  int has_pool = !was_inside && threads > 1 && turns < INT64_MAX / 4 && tw_pool_is_ours(pool) &&
                 !atomic_exchange(&pool->busy, 1);
  if (has_pool && !pool->host) threads = tw_start_threads(pool, threads);
  caller->inside = 1;
  int32_t code;
  if (has_pool && threads > 1) {
    code = run_region(pool, caller, threads, body, closure, turns);
  } else {
    code = run_turns(caller, body, closure, 0, turns);
  }
  caller->inside = was_inside;
  if (has_pool) atomic_store_explicit(&pool->busy, 0, memory_order_release);
  return code;
}
