#include "runtime/core/pool.h"

#include "runtime/core/system.h"

static void* allocate(tw_worker* worker, int64_t bytes) {
  tw_thread* thread = (tw_thread*)worker;
  void* memory = tw_arena_allocate(&thread->arena, bytes);
  if (!memory) tw_error_set(TW_NO_MEMORY, "%s: %s", thread->name, tw_error());
  return memory;
}

static void release(tw_worker* worker, void* memory) {
  if (memory) tw_arena_restore(&((tw_thread*)worker)->arena, memory);
}

static int32_t fail(tw_worker* worker, int32_t status, const char* message) {
  return tw_error_set(status, "%s: %s", ((tw_thread*)worker)->name, message);
}

void tw_thread_init(tw_thread* thread, tw_pool* pool, int32_t index) {
  thread->api = (tw_worker){tw_parallel, allocate, release, fail};
  thread->pool = pool;
  thread->name = "";
  thread->index = index;
  thread->limit = 1;
  atomic_store(&thread->cpu, -1);
}

/* A page that reads as zeros in a forked child: looking there is cheaper than asking for the process. */
static _Atomic uint32_t* open_alive(void) {
  _Atomic uint32_t* page = mmap(NULL, 4096, TW_READ_WRITE, TW_PRIVATE_MEMORY, -1, 0);
  if (page == TW_MAP_FAILED) return NULL;
  if (madvise((void*)page, 4096, TW_WIPE_ON_FORK) != 0) {
    munmap((void*)page, 4096);
    return NULL;
  }
  atomic_store(page, 1);
  return page;
}

tw_pool* tw_pool_open(int32_t threads) {
  if (threads <= 0) threads = tw_usable_threads();
  if (threads > TW_MOST_THREADS) threads = TW_MOST_THREADS;
  uint64_t bytes = sizeof(tw_pool) + (uint64_t)threads * (sizeof(tw_share) + sizeof(tw_thread));
  tw_pool* pool = mmap(NULL, bytes, TW_READ_WRITE, TW_PRIVATE_MEMORY, -1, 0);
  if (pool == TW_MAP_FAILED) {
    tw_error_set(TW_NO_MEMORY, "no memory for a pool of %d threads", threads);
    return NULL;
  }
  pool->bytes = bytes;
  pool->threads = threads;
  pool->spreads = threads <= tw_usable_threads();
  atomic_store(&pool->caller_cpu, -1);
  atomic_store(&pool->process, getpid());
  pool->alive = open_alive();
  pool->shares = (tw_share*)(pool + 1);
  pool->team = (tw_thread*)(pool->shares + threads);
  for (int32_t i = 0; i < threads; i++) tw_thread_init(&pool->team[i], pool, i);
  for (int32_t i = 0; i < TW_CALLERS; i++) tw_thread_init(&pool->callers[i], pool, 0);
  return pool;
}

/* Threads stay behind when a process forks: the child has none of them, and whoever had the pool in the
 * parent does not have it here. */
static void leave_parents_threads(tw_pool* pool) {
  pool->started = 0;
  pool->refused = 0;
  for (int32_t i = 0; i < pool->threads; i++) {
    pool->team[i].arena = (tw_arena){0}; /* perhaps half changed at the fork: left as it is */
    atomic_store(&pool->team[i].asleep, 0);
  }
  atomic_store(&pool->state, atomic_load(&pool->state) & ~(uint64_t)0xffffffff);
  atomic_store(&pool->busy, 0);
}

int tw_pool_is_ours(tw_pool* pool) {
  if (pool->alive && atomic_load_explicit(pool->alive, memory_order_acquire)) return 1;
  int32_t owner = atomic_load(&pool->process), self = getpid();
  if (owner == self) return 1;
  /* Of several threads of a child, one makes the pool its own. */
  if (owner == -self || !atomic_compare_exchange_strong(&pool->process, &owner, -self)) return 0;
  leave_parents_threads(pool);
  atomic_store(&pool->process, self);
  if (pool->alive) atomic_store(pool->alive, 1);
  return 1;
}

static int start_thread(tw_thread* thread) {
  /* Signals are the host program's: no thread of ours takes one. */
  tw_signals all, before;
  memset(&all, 0xff, sizeof all);
  pthread_sigmask(2 /* SIG_SETMASK */, &all, &before);
  int code = pthread_create(&thread->handle, NULL, tw_thread_main, thread);
  pthread_sigmask(2, &before, NULL);
  return code == 0;
}

int32_t tw_start_threads(tw_pool* pool, int32_t wanted) {
  while (pool->started + 1 < wanted && !pool->refused) {
    if (start_thread(&pool->team[pool->started + 1])) {
      pool->started++;
    } else {
      pool->refused = 1;
    }
  }
  return wanted <= pool->started + 1 ? wanted : pool->started + 1;
}

static void end_threads(tw_pool* pool) {
  tw_pool_is_ours(pool);
  atomic_store(&pool->stop, 1);
  for (int32_t i = 1; i <= pool->started; i++) {
    if (atomic_exchange(&pool->team[i].asleep, 0)) tw_wake(&pool->team[i].asleep);
    pthread_join(pool->team[i].handle, NULL);
  }
}

void tw_pool_close(tw_pool* pool) {
  if (!pool) return;
  end_threads(pool);
  for (int32_t i = 0; i < pool->threads; i++) tw_arena_close(&pool->team[i].arena);
  for (int32_t i = 0; i < TW_CALLERS; i++) tw_arena_close(&pool->callers[i].arena);
  if (pool->alive) munmap((void*)pool->alive, 4096);
  munmap(pool, pool->bytes);
}

int32_t tw_pool_threads(const tw_pool* pool) {
  return pool ? pool->threads : 1;
}

void tw_pool_use(tw_pool* pool, tw_host_parallel parallel, void* user) {
  tw_pool_is_ours(pool);
  while (atomic_exchange(&pool->busy, 1)) sched_yield();
  pool->host = parallel;
  pool->user = user;
  atomic_store(&pool->busy, 0);
}
