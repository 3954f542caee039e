// Quotas of control groups, from files as the system shows them.
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "runtime/core/call.h"

extern "C" {
#include "runtime/core/usable_threads.h"
}

namespace tw {
namespace {

namespace fs = std::filesystem;

class Groups : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "tw_groups_XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

  int processors(const std::string& groups) {
    write("groups", groups);
    return tw_group_processors((root_ / "groups").c_str(), root_.c_str());
  }

  fs::path root_;
};

TEST_F(Groups, NoneWithoutFiles) {
  EXPECT_EQ(tw_group_processors("/nonexistent/groups", root_.c_str()), 0);
  EXPECT_EQ(processors(""), 0);
  EXPECT_EQ(processors("0::/\n"), 0);
  EXPECT_EQ(processors("garbage\n::\n1:\n:::\n\n0:cpu\n0::relative\n"), 0);
}

TEST_F(Groups, Version2) {
  write("a/b/cpu.max", "150000 100000\n");
  EXPECT_EQ(processors("0::/a/b\n"), 2);
  write("a/cpu.max", "100000 100000\n");
  EXPECT_EQ(processors("0::/a/b\n"), 1);
  EXPECT_EQ(processors("0::/\n"), 0);
  write("a/cpu.max", "max 100000\n");
  EXPECT_EQ(processors("0::/a/b"), 2);
  write("a/cpu.max", "1 0\n");
  EXPECT_EQ(processors("0::/a"), 0);
}

TEST_F(Groups, AContainerSeesItsOwnGroupAsTheRoot) {
  write("cpu.max", "300000 100000\n");
  EXPECT_EQ(processors("0::/docker/0123456789\n"), 3);
}

TEST_F(Groups, Version1) {
  write("cpu/a/cpu.cfs_quota_us", "-1\n");
  write("cpu/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processors("4:memory:/a\n3:cpu:/a\n"), 0);
  write("cpu/cpu.cfs_quota_us", "50000\n");
  write("cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processors("4:memory:/a\n3:cpu:/a\n"), 1);
  write("cpu,cpuacct/a/cpu.cfs_quota_us", "400000\n");
  write("cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(processors("3:cpuset:/a\n"), 0);
  write("cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(processors("3:cpu,cpuacct:/a\n"), 4);
}

TEST_F(Groups, LongPaths) {
  EXPECT_EQ(processors("0::/" + std::string(3000, 'x') + "\n"), 0);
  EXPECT_EQ(processors("0::/" + std::string(20000, 'x') + "\n"), 0);
}

}  // namespace
}  // namespace tw
