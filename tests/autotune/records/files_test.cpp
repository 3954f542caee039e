// Files that are no databases of ours, or cannot be written to: an error that says so, the file untouched.
#include <csignal>
#include <cstdlib>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "autotune/records/samples/samples.h"
#include "support/error.h"
#include "te/expect_error.h"

namespace tw::autotune {
namespace {

using te::expect_value_error;
namespace fs = std::filesystem;

/// Opening the file in either way fails with all these parts and its path, and leaves it and its folder as
/// they are.
void expect_refused(const std::string& path, std::vector<std::string> parts) {
  const std::string before = bytes_of(path);
  const auto time = fs::last_write_time(path);
  parts.push_back(path);
  for (const bool read_only : {false, true}) {
    expect_value_error(parts, [&] { Database::open(path, read_only); });
    EXPECT_EQ(bytes_of(path), before);
    EXPECT_EQ(fs::last_write_time(path), time);
    for (const char* beside : {"-wal", "-shm", "-journal"}) EXPECT_FALSE(fs::exists(path + beside)) << beside;
  }
}

/// A file that SQL makes.
void make_file(const std::string& path, const std::string& sql) {
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &raw), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
  sqlite3_close(raw);
}

/// A closed database with some records.
void make_database(const std::string& path, int records = 50) {
  Database db = Database::open(path);
  std::vector<Record> all;
  for (int i = 0; i < records; ++i) all.push_back(sample(1e-3 + i * 1e-6, 64 + i % 7));
  db.add(all);
}

TEST(DatabaseFile, that_is_not_there_is_made_only_to_be_written) {
  const Folder folder;
  expect_value_error({"there is no database", "a.db"}, [&] { Database::open(folder / "a.db", true); });
  EXPECT_FALSE(fs::exists(folder / "a.db"));
  EXPECT_EQ(Database::open(folder / "a.db").check(), "ok");
  EXPECT_TRUE(fs::exists(folder / "a.db"));
}

TEST(DatabaseFile, needs_a_folder_that_is_there) {
  const Folder folder;
  expect_value_error({"there is no folder", "nowhere"}, [&] { Database::open(folder / "nowhere/a.db"); });
  expect_value_error({"is a folder"}, [&] { Database::open(folder.path().string()); });
  expect_value_error({"needs a path"}, [&] { Database::open(""); });
  expect_value_error({"no plain file"}, [&] { Database::open("/dev/null"); });
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(DatabaseFile, that_is_empty_is_as_good_as_none) {
  const Folder folder;
  write_bytes(folder / "a.db", "");
  expect_value_error({"holds no records"}, [&] { Database::open(folder / "a.db", true); });
  Database db = Database::open(folder / "a.db");
  db.add(sample(1));
  EXPECT_EQ(db.records({}).size(), 1U);
}

TEST(DatabaseFile, in_memory_is_gone_in_the_end) {
  {
    Database db = Database::open(":memory:");
    db.add(sample(1));
    EXPECT_EQ(db.records({}).size(), 1U);
    EXPECT_EQ(db.check(), "ok");
  }
  EXPECT_TRUE(Database::open(":memory:").records({}).empty());
  EXPECT_FALSE(fs::exists(":memory:"));
}

TEST(DatabaseFile, that_is_no_database_is_refused) {
  const Folder folder;
  for (const std::string& bytes :
       {std::string("x"), std::string("{\"format\": 1}\n"), std::string(5000, '\0')}) {
    write_bytes(folder / "a.db", bytes);
    expect_refused(folder / "a.db", {"is no database", "give another path"});
  }
}

TEST(DatabaseFile, of_another_program_is_refused) {
  const Folder folder;
  make_file(folder / "a.db", "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  expect_refused(folder / "a.db", {"another program", "application_id"});
  make_file(folder / "b.db", "PRAGMA application_id = 77; PRAGMA user_version = 1; CREATE TABLE t (x)");
  expect_refused(folder / "b.db", {"another program", "0x4d"});
}

TEST(DatabaseFile, of_a_newer_version_is_refused) {
  const Folder folder;
  make_database(folder / "a.db");
  make_file(folder / "a.db", "PRAGMA user_version = 1000");
  // A database with a log opens one beside it while it is looked at; it is taken away again.
  expect_refused(folder / "a.db", {"is of version 1000", "newer Tilewright"});
}

TEST(DatabaseFile, that_was_cut_short_is_refused) {
  const Folder folder;
  make_database(folder / "whole.db");
  const std::string whole = bytes_of(folder / "whole.db");
  for (const std::size_t length : {std::size_t{10}, std::size_t{99}, std::size_t{100}, std::size_t{4096},
                                   whole.size() / 2, whole.size() - 1}) {
    write_bytes(folder / "a.db", whole.substr(0, length));
    expect_refused(folder / "a.db", {"was cut short"});
  }
}

TEST(DatabaseFile, that_is_damaged_is_refused_before_anything_is_written) {
  const Folder folder;
  make_database(folder / "whole.db");
  const std::string whole = bytes_of(folder / "whole.db");
  int refused = 0;
  for (std::size_t at = 4096; at + 4096 <= whole.size(); at += 4096) {
    std::string bytes = whole;
    bytes.replace(at, 2048, std::string(2048, '\xa5'));
    write_bytes(folder / "a.db", bytes);
    try {
      Database db = Database::open(folder / "a.db");
    } catch (const UserError& error) {
      ++refused;
      EXPECT_THAT(error.what(), testing::HasSubstr("is damaged"));
      EXPECT_THAT(error.what(), testing::HasSubstr(".recover"));
      EXPECT_EQ(bytes_of(folder / "a.db"), bytes);
    }
    // Whoever only reads meets the damage when it is read, if at all.
    try {
      Database::open(folder / "a.db", true).records({});
    } catch (const UserError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("damaged"));
    }
    EXPECT_EQ(bytes_of(folder / "a.db"), bytes);
    fs::remove(folder / "a.db");
  }
  EXPECT_GT(refused, 3);
}

/// Runs f in a child process as a user without special rights; gives what it says, or the error.
std::string as_plain_user(const std::function<std::string()>& f) {
  int channel[2];
  check_internal(pipe(channel) == 0, "no pipe");
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0 && (setegid(65534) != 0 || seteuid(65534) != 0)) _exit(9);
    std::string said;
    try {
      said = f();
    } catch (const std::exception& error) {
      said = error.what();
    }
    _exit(write(channel[1], said.data(), said.size()) == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(channel[1]);
  std::string said(4096, '\0');
  const ssize_t length = read(channel[0], said.data(), said.size());
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(length, 0)));
  return said;
}

TEST(DatabaseFile, that_may_not_be_written_to_can_be_read) {
  const Folder folder;
  make_database(folder / "a.db", 3);
  const std::string path = folder / "a.db", before = bytes_of(path);
  const auto write = [&] {
    Database::open(path).add(sample(1));
    return std::string("written");
  };
  const auto read = [&] { return std::to_string(Database::open(path, true).records({}).size()); };
  const auto all = fs::perms::owner_all | fs::perms::group_all | fs::perms::others_all;
  const auto readable = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
  const auto enter = fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

  fs::permissions(folder.path(), all);
  fs::permissions(path, readable);
  EXPECT_THAT(as_plain_user(write),
              testing::AllOf(testing::HasSubstr(path), testing::HasSubstr("written to")));
  EXPECT_EQ(as_plain_user(read), "3");

  fs::permissions(folder.path(), readable | enter);
  EXPECT_THAT(as_plain_user(write), testing::HasSubstr(path));
  EXPECT_EQ(as_plain_user(read), "3");
  EXPECT_THAT(as_plain_user([&] {
                Database::open(folder / "new.db").add(sample(1));
                return std::string("written");
              }),
              testing::AllOf(testing::HasSubstr("new.db"), testing::HasSubstr("cannot be opened")));

  fs::permissions(path, fs::perms::none);
  EXPECT_THAT(as_plain_user(read),
              testing::AllOf(testing::HasSubstr(path), testing::HasSubstr("cannot be read")));
  fs::permissions(folder.path(), all);
  fs::permissions(path, all);
  EXPECT_EQ(bytes_of(path), before);
}

/// A disk that has no more space: writes that make a file longer fail.
class FullDisk {
 public:
  explicit FullDisk(int error) {
    error_ = error;
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, "pwrite64", reinterpret_cast<sqlite3_syscall_ptr>(&refuse));
    vfs->xSetSystemCall(vfs, "pwrite", reinterpret_cast<sqlite3_syscall_ptr>(&refuse));
    vfs->xSetSystemCall(vfs, "write", reinterpret_cast<sqlite3_syscall_ptr>(&refuse_plain));
  }
  ~FullDisk() {
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    vfs->xSetSystemCall(vfs, nullptr, nullptr);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  static ssize_t refuse(int, const void*, size_t, off_t) {
    errno = error_;
    return -1;
  }
  static ssize_t refuse_plain(int, const void*, size_t) {
    errno = error_;
    return -1;
  }
  static inline int error_ = 0;
};

TEST(DatabaseFile, on_a_full_disk_keeps_what_it_has) {
  const Folder folder;
  Database db = Database::open(folder / "a.db");
  db.add(sample(1));
  {
    const FullDisk full(ENOSPC);
    expect_value_error({folder / "a.db", "no space left", "Free some space"}, [&] { db.add(sample(2)); });
    EXPECT_EQ(db.records({}).size(), 1U);
  }
  {
    const FullDisk broken(EIO);
    expect_value_error({folder / "a.db", "could not be read or written"}, [&] { db.add(sample(2)); });
  }
  EXPECT_EQ(db.records({}).size(), 1U);
  db.add(sample(2));  // and it goes on when there is space again
  EXPECT_EQ(db.records({}).size(), 2U);
  EXPECT_EQ(db.check(), "ok");
  const FullDisk full(ENOSPC);
  expect_value_error({"no space left"}, [&] { Database::open(folder / "b.db"); });
}

TEST(DatabaseFile, may_reach_a_limit_of_the_system) {
  const Folder folder;
  make_database(folder / "a.db", 3);
  const std::string said = as_plain_user([] { return std::string(); });  // forks work here
  EXPECT_EQ(said, "");
  const pid_t child = fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{200 << 10, 200 << 10};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(2);
    Database db = Database::open(folder / "a.db");
    int added = 0;
    try {
      for (; added < 100000; ++added) db.add(sample(1 + added, 64 + added));
    } catch (const UserError& error) {
      const std::string said_there = error.what();
      const bool clear = said_there.find("could not be read or written") != std::string::npos ||
                         said_there.find("no space left") != std::string::npos;
      const bool whole = db.records({}).size() == static_cast<std::size_t>(added) + 3;
      _exit(clear && whole && added > 0 ? 0 : 3);
    }
    _exit(4);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Database::open(folder / "a.db").check(), "ok");
}

}  // namespace
}  // namespace tw::autotune
