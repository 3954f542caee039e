// SQLite's C interface as C++: statements with typed values, transactions, and every failure as a UserError
// that names the file, what was found, and the remedy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace tw::autotune {

/// The path of a database that is no file, and gone when it is closed.
inline constexpr const char* kInMemory = ":memory:";

/// A file whose pages are not as they should be.
[[noreturn]] void raise_damaged(const std::string& path, const std::string& found);

class Connection {
 public:
  enum class Mode : uint8_t {
    kReadWrite,  // made where it is not there
    kReadOnly,
    kImmutable,  // read-only, no locks, no files beside it: for folders that cannot be written to
  };
  Connection(std::string path, Mode mode);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  const std::string& path() const { return path_; }
  /// Statements without parameters and results.
  void run(const char* sql);
  void run(const std::string& sql) { run(sql.c_str()); }
  /// The first value of the first row.
  int64_t integer(const char* sql);
  std::string text(const char* sql);
  /// The number of the row that was inserted last.
  int64_t last_row() const;
  /// How many rows the last statement changed.
  int64_t changes() const;
  /// Whether the file cannot be written to.
  bool is_read_only() const;

  /// Throws what a failure means to the user.
  [[noreturn]] void fail(int code) const;
  sqlite3* handle() const { return handle_; }

 private:
  std::string path_;
  sqlite3* handle_ = nullptr;
};

/// NULL, as a value for a statement.
struct Null {};

/// A statement with its parameters filled in:
///
///   Statement rows(db, "SELECT hash, id FROM … WHERE family = ?", family);
///   while (rows.step()) use(rows.text(0), rows.integer(1));
class Statement {
 public:
  template <class... Values>
  Statement(Connection& db, const std::string& sql, const Values&... values) : Statement(db, sql) {
    int at = 0;
    (bind(++at, values), ...);
  }
  Statement(Connection& db, const std::string& sql);
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  void bind(int at, std::string_view value);
  void bind(int at, const std::string& value) { bind(at, std::string_view(value)); }
  void bind(int at, const char* value) { bind(at, std::string_view(value)); }
  void bind(int at, int64_t value);
  void bind(int at, int value) { bind(at, int64_t{value}); }
  void bind(int at, bool value) { bind(at, int64_t{value}); }
  void bind(int at, double value);  // NULL where it is not finite
  void bind(int at, Null);

  /// The next row, if there is one.
  bool step();
  /// Runs a statement that gives no rows.
  void run() { step(); }
  std::string text(int column) const;
  int64_t integer(int column) const;
  double real(int column) const;  // infinity for NULL
  bool is_null(int column) const;

 private:
  Connection& db_;
  sqlite3_stmt* statement_ = nullptr;
};

/// Everything until `commit`, or nothing of it. It waits for other writers.
class Transaction {
 public:
  explicit Transaction(Connection& db) : db_(db) { db_.run("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  Connection& db_;
  bool done_ = false;
};

}  // namespace tw::autotune
