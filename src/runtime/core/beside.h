/* Files beside the library that this code is a part of. */
#ifndef TW_RUNTIME_CORE_BESIDE_H_
#define TW_RUNTIME_CORE_BESIDE_H_

#include <stdint.h>

enum { TW_PATH_BYTES = 4096 };

/* The path of a file of this name in the library's folder, as the library was loaded. TW_BAD_VALUE, with a
 * message that begins with `who`: it is too long. */
int32_t tw_beside(const char* who, const char* name, char path[TW_PATH_BYTES]);

#endif
