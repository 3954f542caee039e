#include "autotune/records/sqlite.h"

#include <cmath>
#include <limits>
#include <system_error>

#include <sqlite3.h>

#include "support/error.h"

namespace tw::autotune {
namespace {

/// How long a writer waits for another one.
constexpr int kBusySeconds = 30;

/// A path as an URI: SQLite takes options there.
std::string uri_of(const std::string& path, const char* options) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%')
      uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    else
      uri += c;
  }
  return uri + options;
}

/// What the system said of the last failure, in brackets.
std::string system_words(sqlite3* handle) {
  const int error = handle ? sqlite3_system_errno(handle) : 0;
  return error == 0 ? "" : fmt::format(" ({})", std::generic_category().message(error));
}

}  // namespace

void raise_damaged(const std::string& path, const std::string& found) {
  raise_value(
      "{0} is damaged: {1}. Take a copy from before, or save what can be read: sqlite3 {0} .recover | "
      "sqlite3 "
      "saved.db",
      path, found);
}

Connection::Connection(std::string path, Mode mode) : path_(std::move(path)) {
  const int flags =
      mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const std::string name =
      path_ == kInMemory ? path_ : uri_of(path_, mode == Mode::kImmutable ? "?immutable=1" : "");
  const int code =
      sqlite3_open_v2(name.c_str(), &handle_, flags | SQLITE_OPEN_URI | SQLITE_OPEN_FULLMUTEX, nullptr);
  if (code != SQLITE_OK) {
    try {
      fail(code);
    } catch (...) {
      sqlite3_close(handle_);
      throw;
    }
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_timeout(handle_, kBusySeconds * 1000);
}

Connection::~Connection() {
  sqlite3_close(handle_);
}

void Connection::fail(int code) const {
  const std::string said = handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code);
  switch (code & 0xff) {
    case SQLITE_FULL:
      raise_value(
          "{}: there is no space left on the disk{}; nothing of what was being written is kept, all before "
          "it "
          "is. Free some space, or give a path on another disk",
          path_, system_words(handle_));
    case SQLITE_READONLY:
      raise_value(
          "{} cannot be written to ({}); make it and its folder writable, open it read-only, or give "
          "another path",
          path_, said);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      raise_value(
          "{}: another process has been writing for more than {} s; wait for it, or give another path", path_,
          kBusySeconds);
    case SQLITE_CORRUPT: raise_damaged(path_, said);
    case SQLITE_NOTADB: raise_value("{} is no database: {}; give another path", path_, said);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      raise_value(
          "{} cannot be opened: {}{}; see that it and its folder may be read and written, or give "
          "another path",
          path_, said, system_words(handle_));
    case SQLITE_IOERR:
      raise_value(
          "{} could not be read or written: {}{}; nothing of what was being written is kept, all before it "
          "is. "
          "See that its disk works and has space, or give another path",
          path_, said, system_words(handle_));
    case SQLITE_TOOBIG: raise_value("{}: a value is too large for a database: {}", path_, said);
    case SQLITE_NOMEM: throw std::bad_alloc();
    default: raise_internal("{}: SQLite says {} (code {})", path_, said, code);
  }
}

void Connection::run(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
}

int64_t Connection::integer(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Connection::text(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.text(0) : "";
}

int64_t Connection::last_row() const {
  return sqlite3_last_insert_rowid(handle_);
}
int64_t Connection::changes() const {
  return sqlite3_changes64(handle_);
}
bool Connection::is_read_only() const {
  return sqlite3_db_readonly(handle_, "main") == 1;
}

Statement::Statement(Connection& db, const std::string& sql) : db_(db) {
  const int code =
      sqlite3_prepare_v2(db_.handle(), sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
  if (code != SQLITE_OK) db_.fail(code);
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

void Statement::bind(int at, std::string_view value) {
  const char* data = value.data() ? value.data() : "";  // a null pointer would be NULL
  const int code = sqlite3_bind_text64(statement_, at, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) db_.fail(code);
}
void Statement::bind(int at, int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, at, value); code != SQLITE_OK) db_.fail(code);
}
void Statement::bind(int at, double value) {
  if (!std::isfinite(value)) return bind(at, Null());
  if (const int code = sqlite3_bind_double(statement_, at, value); code != SQLITE_OK) db_.fail(code);
}
void Statement::bind(int at, Null) {
  if (const int code = sqlite3_bind_null(statement_, at); code != SQLITE_OK) db_.fail(code);
}

bool Statement::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) db_.fail(code);
  return false;
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))) : "";
}
int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
  return is_null(column) ? std::numeric_limits<double>::infinity()
                         : sqlite3_column_double(statement_, column);
}
bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::~Transaction() {
  // A failure that rolled back already makes this one fail; nothing is left to do then.
  if (!done_) sqlite3_exec(db_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Transaction::commit() {
  db_.run("COMMIT");
  done_ = true;
}

}  // namespace tw::autotune
