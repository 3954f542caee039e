/* What generated code, the runtime and exported libraries agree on: plain C, depending on nothing.
 *
 * A kernel is a function of buffers and integers. It gets the thread that it runs on, a worker, whose first
 * fields are what it may ask for: other threads, memory that lives for a while, a place for its error. */
#ifndef TW_RUNTIME_CORE_KERNEL_H_
#define TW_RUNTIME_CORE_KERNEL_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. Everything but TW_OK leaves a message: tw_error(). */
enum {
  TW_OK = 0,
  TW_FAILED = 1,      /* a check inside the kernel did not hold */
  TW_NO_MEMORY = 2,   /* a workspace could not be had */
  TW_BAD_VALUE = 3,   /* an argument's shape, strides, alignment, overlap, size or parameter */
  TW_BAD_TYPE = 4,    /* an argument's dtype */
  TW_UNSUPPORTED = 5, /* this machine cannot run the code, or the part is not there */
  TW_SYSTEM = 6,      /* the system refused: a file, a thread */
  TW_BAD_INDEX = 7    /* data given as subscripts lead out of an array */
};

/* Types of elements, the same in every exported library's header. */
enum {
  TW_BOOL = 0,
  TW_INT8 = 1,
  TW_INT16 = 2,
  TW_INT32 = 3,
  TW_INT64 = 4,
  TW_UINT8 = 5,
  TW_UINT16 = 6,
  TW_UINT32 = 7,
  TW_UINT64 = 8,
  TW_FLOAT16 = 9,
  TW_BFLOAT16 = 10,
  TW_FLOAT32 = 11,
  TW_FLOAT64 = 12
};

typedef struct tw_worker tw_worker;

/* Turns begin <= i < end of a parallel region. Not 0: the region ends early and gives it back. */
typedef int32_t (*tw_body)(const void* closure, int64_t begin, int64_t end, tw_worker* worker);

/* `buffers`: the first elements, contiguous, in the order of the parameters that are buffers. `scalars`:
 * sizes, then parameters of the schedule, in the order of the parameters that are integers. */
typedef int32_t (*tw_kernel)(void* const* buffers, const int64_t* scalars, tw_worker* worker);

/* The fields that generated code reads. The runtime's own state follows them. */
struct tw_worker {
  /* Runs every turn of a region once, on any threads, and waits for all. Inside of a region: on this thread.
   */
  int32_t (*parallel)(tw_worker* worker, tw_body body, const void* closure, int64_t turns);
  /* Memory aligned to 64 bytes, uninitialised; null (the error is set) when there is none. The last allocated
   * is released first; what is left when a kernel or the turns of a region return is released then. */
  void* (*allocate)(tw_worker* worker, int64_t bytes);
  void (*release)(tw_worker* worker, void* memory);
  /* Sets the error's message (with the kernel's name before it) and gives `status`. */
  int32_t (*fail)(tw_worker* worker, int32_t status, const char* message);
};

#ifdef __cplusplus
}
#endif
#endif
