#include "runtime/core/weights.h"

#include "runtime/core/error.h"
#include "runtime/core/system.h"

uint64_t tw_weights_checksum(const tw_weights_header* header) {
  const unsigned char* bytes = (const unsigned char*)header;
  const uint64_t place = offsetof(tw_weights_header, checksum);
  uint64_t hash = 0xcbf29ce484222325u;
  for (uint64_t i = 0; i < header->header_bytes; i++) {
    int is_checksum = i >= place && i < place + sizeof header->checksum;
    hash = (hash ^ (is_checksum ? 0 : bytes[i])) * 0x100000001b3u;
  }
  return hash;
}

/* What is wrong with the file's image; null: nothing. */
static const char* fault_of(const tw_weights_header* found, uint64_t bytes, const tw_weights_header* needed) {
  if (memcmp(found->magic, TW_WEIGHTS_MAGIC, sizeof found->magic) != 0) return "it is no file of weights";
  if (found->version != TW_WEIGHTS_VERSION) return "its format is of another version";
  if (bytes < found->bytes) return "it is cut off";
  if (bytes > found->bytes) return "it has more bytes than its header says";
  if (found->header_bytes < sizeof *found || found->header_bytes > bytes ||
      tw_weights_checksum(found) != found->checksum)
    return "its header is damaged";
  if (found->header_bytes != needed->header_bytes || memcmp(found, needed, needed->header_bytes) != 0)
    return "it belongs to another library, or to this one exported at another time";
  return NULL;
}

/* Maps all of an open file, read-only. */
static int32_t map_file(const char* who, const char* path, int file, tw_weights* weights) {
  long bytes = lseek(file, 0, TW_FROM_END);
  if (bytes < 0) return tw_error_set(TW_SYSTEM, "%s: cannot read '%s': %s", who, path, tw_system_error());
  if ((uint64_t)bytes < sizeof(tw_weights_header)) {
    return tw_error_set(TW_BAD_VALUE, "%s: '%s' does not hold the weights: it is cut off, at %ld bytes", who,
                        path, bytes);
  }
  void* image = mmap(NULL, (size_t)bytes, TW_READ, TW_SHARED, file, 0);
  if (image == TW_MAP_FAILED)
    return tw_error_set(TW_SYSTEM, "%s: cannot map '%s': %s", who, path, tw_system_error());
  weights->image = image;
  weights->mapped = (uint64_t)bytes;
  return TW_OK;
}

int32_t tw_weights_map(const char* who, const char* path, const tw_weights_header* header,
                       tw_weights* weights) {
  *weights = (tw_weights){header, NULL, 0};
  /* Without blocking: a pipe by that name is refused, not waited for. */
  int file = open(path, TW_OPEN_WEIGHTS);
  if (file < 0) {
    return tw_error_set(TW_SYSTEM, "%s: cannot open the weights '%s': %s", who, path, tw_system_error());
  }
  int32_t code = map_file(who, path, file, weights);
  close(file);
  if (code != TW_OK) return code;
  const char* fault = fault_of((const tw_weights_header*)weights->image, weights->mapped, header);
  if (!fault) return TW_OK;
  tw_weights_close(weights);
  return tw_error_set(TW_BAD_VALUE, "%s: '%s' does not hold the weights: %s", who, path, fault);
}

void tw_weights_close(tw_weights* weights) {
  if (weights->mapped) munmap((void*)weights->image, weights->mapped);
  weights->image = NULL;
  weights->mapped = 0;
}

tw_tensor tw_weights_tensor(const tw_weights* weights, uint32_t i) {
  const tw_weights_array* array = &tw_weights_arrays(weights->header)[i];
  const int64_t* shape = (const int64_t*)((const char*)weights->header + array->shape);
  return (tw_tensor){(void*)(weights->image + array->offset), array->dtype, array->ndim, shape, NULL};
}
