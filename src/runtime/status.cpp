#include "runtime/status.h"

#include "runtime/core/call.h"
#include "support/error.h"

namespace tw::runtime {

void check_status(int32_t status) {
  switch (status) {
    case TW_OK: return;
    case TW_BAD_TYPE: raise_type("{}", tw_error());
    case TW_BAD_INDEX: raise_index("{}", tw_error());
    case TW_UNSUPPORTED: raise_unsupported("{}", tw_error());
    case TW_FAILED:
    case TW_NO_MEMORY:
    case TW_BAD_VALUE:
    case TW_SYSTEM: raise_value("{}", tw_error());
  }
  raise_internal("a function gave the unknown status {}: {}", status, tw_error());
}

}  // namespace tw::runtime
