#include "runtime/core/arena.h"

#include "runtime/core/error.h"
#include "runtime/core/kernel.h"
#include "runtime/core/system.h"

/* Stands at the start of a chunk's memory. */
struct tw_chunk {
  tw_chunk* below;
  char* top_below; /* arena->top when this chunk was added */
  void* mapped;
  size_t bytes; /* of the mapping */
  char* end;
};

enum { kLine = 64, kPage = 4096, kSmallestChunk = 1 << 18, kHugePage = 1 << 21 };
#define TW_MOST_BYTES ((int64_t)1 << 46)

static char* first_of(tw_chunk* chunk) {
  return (char*)chunk + 2 * kLine;
}
_Static_assert(sizeof(struct tw_chunk) <= 2 * kLine, "the first allocation follows the head");

/* A chunk that holds `bytes`. Large ones begin at a huge page and ask for huge pages: panels are walked at
 * strides that would miss the TLB otherwise. */
static tw_chunk* map_chunk(size_t bytes) {
  size_t unit = bytes > kSmallestChunk ? kHugePage : kPage;
  size_t size = (bytes + 2 * kLine + unit - 1) / unit * unit;
  size_t mapped_bytes = unit == kHugePage ? size + unit : size;
  char* mapped = mmap(NULL, mapped_bytes, TW_READ_WRITE, TW_PRIVATE_MEMORY, -1, 0);
  if (mapped == TW_MAP_FAILED) return NULL;
  char* start = mapped;
  if (unit == kHugePage) {
    start = (char*)(((uintptr_t)mapped + unit - 1) / unit * unit);
    madvise(start, size, TW_HUGE_PAGES); /* refused: ordinary pages do too */
  }
  tw_chunk* chunk = (tw_chunk*)start;
  chunk->mapped = mapped;
  chunk->bytes = mapped_bytes;
  chunk->end = start + size;
  return chunk;
}

static void unmap_chunk(tw_chunk* chunk) {
  if (chunk) munmap(chunk->mapped, chunk->bytes);
}

static size_t room_of(tw_chunk* chunk) {
  return (size_t)(chunk->end - first_of(chunk));
}

/* Chunks grow by doubling, so few are ever in use at once. */
static int add_chunk(tw_arena* arena, size_t bytes) {
  tw_chunk* chunk = arena->spare;
  if (!chunk || room_of(chunk) < bytes) {
    size_t doubled = arena->chunk ? 2 * room_of(arena->chunk) : kSmallestChunk;
    chunk = map_chunk(bytes > doubled ? bytes : doubled);
    if (!chunk) chunk = map_chunk(bytes);
    if (!chunk) return 0;
    unmap_chunk(arena->spare);
  }
  arena->spare = NULL;
  chunk->below = arena->chunk;
  chunk->top_below = arena->top;
  arena->chunk = chunk;
  arena->top = first_of(chunk);
  arena->end = chunk->end;
  return 1;
}

void* tw_arena_allocate(tw_arena* arena, int64_t bytes) {
  if (bytes < 0 || bytes > TW_MOST_BYTES) {
    tw_error_set(TW_NO_MEMORY, "a workspace of %lld bytes is asked for", (long long)bytes);
    return NULL;
  }
  size_t size = ((size_t)bytes + kLine - 1) / kLine * kLine;
  /* Buffers of whole pages one after the other would meet in the same cache sets: two lines keep them apart.
   */
  if (size >= kPage) size += 2 * kLine;
  if ((!arena->chunk || (size_t)(arena->end - arena->top) < size) && !add_chunk(arena, size)) {
    tw_error_set(TW_NO_MEMORY, "no memory for a workspace of %lld bytes", (long long)bytes);
    return NULL;
  }
  char* memory = arena->top;
  arena->top += size;
  return memory;
}

/* The top chunk is empty: it becomes the spare one, unless the spare one is larger. */
static void drop_chunk(tw_arena* arena) {
  tw_chunk* chunk = arena->chunk;
  arena->chunk = chunk->below;
  arena->top = chunk->top_below;
  arena->end = arena->chunk ? arena->chunk->end : NULL;
  if (arena->spare && room_of(arena->spare) >= room_of(chunk)) {
    unmap_chunk(chunk);
  } else {
    unmap_chunk(arena->spare);
    arena->spare = chunk;
  }
}

void tw_arena_restore(tw_arena* arena, char* top) {
  /* A chunk starts with its head, so no `top` of another chunk lies within its range. */
  while (arena->chunk && !(top >= first_of(arena->chunk) && top <= arena->chunk->end)) drop_chunk(arena);
  if (arena->chunk) arena->top = top;
}

void tw_arena_close(tw_arena* arena) {
  while (arena->chunk) drop_chunk(arena);
  unmap_chunk(arena->spare);
  *arena = (tw_arena){0};
}
