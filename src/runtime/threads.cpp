#include "runtime/threads.h"

#include "support/error.h"

namespace tw::runtime {

tw_pool* shared_pool() {
  // Never closed: a thread of the program may be inside of a function while others end the process.
  static tw_pool* const pool = tw_pool_open(0);
  if (!pool) raise_value("the threads of this process cannot be had: {}", tw_error());
  return pool;
}

}  // namespace tw::runtime
