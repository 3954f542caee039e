/* The message of the last failure, one for each thread. */
#ifndef TW_RUNTIME_CORE_ERROR_H_
#define TW_RUNTIME_CORE_ERROR_H_

#include <stdarg.h>
#include <stdint.h>

enum { TW_MESSAGE_BYTES = 512 };

/* Sets this thread's message and returns `code`: `return tw_error_set(TW_BAD_VALUE, "...", ...)`. A message
 * that is too long is cut, and says so by "..." at its end. */
int32_t tw_error_set(int32_t code, const char* format, ...) __attribute__((format(printf, 2, 3)));

/* Text in a buffer of fixed size: what does not fit is left out, and the text ends in "...". */
typedef struct {
  char text[TW_MESSAGE_BYTES];
  uint32_t length;
} tw_text;

void tw_text_add(tw_text* text, const char* format, ...) __attribute__((format(printf, 2, 3)));

#endif
