/* Weights: a function's constants that were prepared beforehand, as exported libraries carry them.
 *
 * All of them form one image of bytes, little-endian: a header that says where each array lies, then the
 * arrays, each at a multiple of 64. A library that embeds its weights has the image as read-only data. One
 * that does not has the header alone, and maps a file: that begins with the very same header, or is not its
 * own. Files are mapped, not read, so pages come when they are used and processes share them. */
#ifndef TW_RUNTIME_CORE_WEIGHTS_H_
#define TW_RUNTIME_CORE_WEIGHTS_H_

#include <stdint.h>

#include "runtime/core/function.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TW_WEIGHTS_MAGIC "TWWEIGHT"
enum { TW_WEIGHTS_VERSION = 1, TW_WEIGHTS_ALIGNMENT = 64 };

/* One array of an image. */
typedef struct {
  uint64_t offset, bytes; /* of its elements, from the image's first byte */
  int32_t buffer;         /* which of the function's buffers it is; ascending */
  int32_t dtype, ndim, unused;
  uint64_t shape; /* where in the header its extents stand: `ndim` numbers of 64 bits */
} tw_weights_array;

/* What an image begins with. The arrays' descriptions follow, then their shapes. */
typedef struct {
  char magic[8];
  uint32_t version, count;
  uint64_t header_bytes; /* a multiple of 64 */
  uint64_t bytes;        /* of the image, header and all */
  uint64_t fingerprint;  /* of the arrays' bytes: tells files apart, and is not checked against them */
  uint64_t checksum;     /* FNV-1a, 64 bits, of the header with 0 in this place */
} tw_weights_header;

static inline const tw_weights_array* tw_weights_arrays(const tw_weights_header* header) {
  return (const tw_weights_array*)(header + 1);
}

uint64_t tw_weights_checksum(const tw_weights_header* header);

/* An image in memory. */
typedef struct {
  const tw_weights_header* header; /* the library's own, which is right */
  const char* image;               /* with the arrays; null: there are none */
  uint64_t mapped;                 /* bytes that are mapped from a file */
} tw_weights;

/* Maps a file that has to begin with `header`. The message of an error begins with `who`. */
int32_t tw_weights_map(const char* who, const char* path, const tw_weights_header* header,
                       tw_weights* weights);
void tw_weights_close(tw_weights* weights);

/* The i-th array. */
tw_tensor tw_weights_tensor(const tw_weights* weights, uint32_t i);

#ifdef __cplusplus
}
#endif
#endif
