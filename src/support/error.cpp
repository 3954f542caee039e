#include "support/error.h"

namespace tw {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kValue: return "value error";
    case ErrorKind::kType: return "type error";
    case ErrorKind::kIndex: return "index error";
    case ErrorKind::kUnsupported: return "unsupported";
  }
  return "?";
}

}  // namespace tw
