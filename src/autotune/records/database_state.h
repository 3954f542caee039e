// What a Database holds; for the files that implement it.
#pragma once

#include <mutex>

#include "autotune/records/database.h"
#include "autotune/records/sqlite.h"

namespace tw::autotune {

struct Database::State {
  State(const std::string& path, Connection::Mode mode) : db(path, mode) {}
  /// Held by every call: statements of a transaction are not mixed with those of another thread.
  std::mutex mutex;
  Connection db;
};

}  // namespace tw::autotune
