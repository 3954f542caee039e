#include "runtime/core/beside.h"

#include "runtime/core/error.h"
#include "runtime/core/kernel.h"
#include "runtime/core/system.h"

/* Something that lies in this library and no other. */
static const char here = 0;

typedef struct {
  const char* path;
} tw_found;

static int visit(tw_loaded_file* file, size_t bytes, void* data) {
  (void)bytes;
  for (uint16_t i = 0; i < file->count; i++) {
    const tw_segment* segment = &file->segments[i];
    uint64_t offset = (uint64_t)&here - file->base - segment->address;
    if (segment->type == 1 /* PT_LOAD */ && offset < segment->bytes) {
      ((tw_found*)data)->path = file->path;
      return 1;
    }
  }
  return 0;
}

int32_t tw_beside(const char* who, const char* name, char path[TW_PATH_BYTES]) {
  tw_found found = {""}; /* the program itself has no path: its working folder */
  dl_iterate_phdr(visit, &found);
  const char* slash = strrchr(found.path, '/');
  int folder = slash ? (int)(slash - found.path) + 1 : 0;
  int length = snprintf(path, TW_PATH_BYTES, "%.*s%s", folder, found.path, name);
  if (length < TW_PATH_BYTES) return TW_OK;
  return tw_error_set(TW_BAD_VALUE, "%s: the path of '%s' beside the library is too long", who, name);
}
