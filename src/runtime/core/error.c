#include "runtime/core/error.h"

#include "runtime/core/call.h"
#include "runtime/core/system.h"

static _Thread_local char message[TW_MESSAGE_BYTES];

const char* tw_error(void) {
  return message;
}

/* Gives the length of what now stands in `text`. */
static uint32_t format_into(char* text, uint32_t bytes, const char* format, va_list arguments) {
  int needed = vsnprintf(text, bytes, format, arguments);
  if (needed < 0) text[0] = 0;
  if (needed < 0) return 0;
  if ((uint32_t)needed < bytes) return (uint32_t)needed;
  if (bytes > 3) memcpy(text + bytes - 4, "...", 4);
  return bytes - 1;
}

int32_t tw_error_set(int32_t code, const char* format, ...) {
  /* The arguments may point into the old message. */
  char text[TW_MESSAGE_BYTES];
  va_list arguments;
  va_start(arguments, format);
  uint32_t length = format_into(text, sizeof text, format, arguments);
  va_end(arguments);
  memcpy(message, text, length + 1);
  return code;
}

void tw_text_add(tw_text* text, const char* format, ...) {
  if (text->length + 1 >= sizeof text->text) return;
  va_list arguments;
  va_start(arguments, format);
  text->length +=
      format_into(text->text + text->length, (uint32_t)sizeof text->text - text->length, format, arguments);
  va_end(arguments);
}
