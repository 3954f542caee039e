/* Memory of one thread for workspaces of kernels: a stack that grows by chunks and keeps them between calls,
 * so that a kernel called again asks the system for nothing.
 *
 *   mark = arena.top            | chunk 1 ......| | chunk 2 .....|
 *   a = allocate(64)            |aa.............|                      last in, first out
 *   b = allocate(4096)          |aa.............| |bbbbbbb......|      does not fit: another chunk
 *   restore(mark)               |...............|                      a larger chunk next time
 */
#ifndef TW_RUNTIME_CORE_ARENA_H_
#define TW_RUNTIME_CORE_ARENA_H_

#include <stdint.h>

typedef struct tw_chunk tw_chunk;

/* Zeros are an empty one. */
typedef struct {
  char* top;       /* the next allocation begins here; null: nothing allocated, no chunk */
  char* end;       /* of the chunk that `top` is in */
  tw_chunk* chunk; /* that chunk; the ones below are linked */
  tw_chunk* spare; /* one empty chunk, kept so that a loop at a chunk's end does not map it each turn */
} tw_arena;

/* 64-byte aligned, uninitialised; null (the error is set): negative or too much, or the system has none. */
void* tw_arena_allocate(tw_arena* arena, int64_t bytes);

/* Everything allocated at `top` or since goes. `top`: a value of arena->top or of tw_arena_allocate. */
void tw_arena_restore(tw_arena* arena, char* top);

/* Gives the memory back to the system. */
void tw_arena_close(tw_arena* arena);

#endif
