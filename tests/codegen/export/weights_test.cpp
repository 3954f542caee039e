// Libraries that carry constants: in themselves, or in a file beside them.
#include "runtime/core/weights.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "codegen/export/exporting.h"
#include "runtime/library.h"
#include "support/error.h"

namespace tw::codegen {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kRows = 5, kColumns = 3;
constexpr int32_t kB = 1;  // among the buffers of matmul(A, B, C)

class Weights : public Exporting {
 protected:
  Weights() : b_(kRows * kColumns) {
    for (int64_t i = 0; i < kRows * kColumns; ++i)
      b_[i] = static_cast<float>(i / kColumns - 2 * (i % kColumns));
  }

  ExportOptions options(bool embed) const {
    return {{{kB, TW_FLOAT32, {kRows, kColumns}, b_.data(), static_cast<int64_t>(b_.size() * sizeof(float))}},
            embed};
  }

  void export_product(bool embed, const std::string& architecture = "x86_64",
                      const char* name = "libproduct.so") {
    export_library(ReadyModule(matmul_function, architecture), path(name), options(embed));
  }

  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename());
    return names;
  }

  /// What opening says; empty: it opens.
  std::string fault_of_opening(const std::string& weights = "") const {
    try {
      runtime::Library::open(path("libproduct.so"), weights);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  std::string program() const { return std::string(TW_TEST_SOURCES) + "/weights.c"; }

  std::vector<float> b_;
};

TEST_F(Weights, InTheLibrary) {
  export_product(true);
  EXPECT_THAT(files(), ElementsAre("libproduct.h", "libproduct.so"));
  EXPECT_EQ(compile_and_run(program(), "-lproduct").text, "0 product_run: 2 inputs given, needs 1: A\n");
  EXPECT_EQ(run(path("program") + " some.weights").text,
            "product_open: the library has its weights in itself, so pass NULL for 'some.weights'\n");
}

TEST_F(Weights, InAFileBeside) {
  export_product(false);
  EXPECT_THAT(files(), ElementsAre("libproduct.h", "libproduct.so", "libproduct.weights"));
  const std::string good = "0 product_run: 2 inputs given, needs 1: A\n";
  EXPECT_EQ(compile_and_run(program(), "-lproduct").text, good);
  EXPECT_EQ(run("cd / && " + path("program")).text, good);
  fs::rename(path("libproduct.weights"), path("elsewhere"));
  EXPECT_EQ(run(path("program")).text, "product_open: cannot open the weights '" +
                                           path("libproduct.weights") + "': No such file or directory\n");
  EXPECT_EQ(run(path("program") + " " + path("elsewhere")).text, good);
}

TEST_F(Weights, OnAArch64) {
  if (run("qemu-aarch64 --version").status != 0 || run("aarch64-linux-gnu-gcc --version").status != 0)
    GTEST_SKIP() << "needs qemu-user and gcc-aarch64-linux-gnu";
  for (const bool embed : {true, false}) {
    export_product(embed, "aarch64");
    const std::string go = "cd " + folder_.string() + " && ";
    const Output compiled = run(go + "aarch64-linux-gnu-gcc -I. " + program() + " -o program -L. -lproduct");
    ASSERT_EQ(compiled.status, 0) << compiled.text;
    EXPECT_EQ(run(go + "qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=. ./program").text,
              "0 product_run: 2 inputs given, needs 1: A\n");
  }
}

TEST_F(Weights, LieReadOnlyAndAligned) {
  for (const bool embed : {true, false}) {
    const std::string name = embed ? "libembedded.so" : "libbeside.so";
    export_product(embed, "x86_64", name.c_str());
    const auto library = runtime::Library::open(path(name));
    const auto weights = library->weights();
    ASSERT_EQ(weights.size(), 1u);
    const auto& [buffer, tensor] = weights[0];
    EXPECT_EQ(buffer, kB);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.data) % 64, 0u);
    EXPECT_EQ(std::memcmp(tensor.data, b_.data(), b_.size() * sizeof(float)), 0);
    std::ifstream maps("/proc/self/maps");
    std::string line, access;
    while (std::getline(maps, line)) {
      unsigned long begin = 0, end = 0;
      char flags[5] = "";
      std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, flags);
      const auto at = reinterpret_cast<unsigned long>(tensor.data);
      if (begin <= at && at < end) access = flags;
    }
    EXPECT_THAT(access, StartsWith("r--"));
  }
}

TEST_F(Weights, TheLibrarySaysWhatItTakes) {
  export_product(false);
  const auto json = nlohmann::json::parse(runtime::Library::open(path("libproduct.so"))->description());
  EXPECT_EQ(json["weights"], "libproduct.weights");
  EXPECT_EQ(json["inputs"].size(), 1u);
  EXPECT_EQ(json["inputs"][0]["name"], "A");
  EXPECT_EQ(json["constants"][0]["name"], "B");
  const std::string header = read_text(path("libproduct.h"));
  EXPECT_THAT(header, HasSubstr(" *   in[0]    A        float32 (m, k)\n *   out[0]   C"));
  EXPECT_THAT(header, HasSubstr(" *   n                 3\n"));
  EXPECT_THAT(header, HasSubstr("`weights` is the path of libproduct.weights, or NULL where it stands"));
}

TEST_F(Weights, OfManyAndOfLargeArrays) {
  // Every buffer of a function without code but its inout: sizes 0, odd, and 40 MB.
  std::vector<char> large(40 << 20);
  for (std::size_t i = 0; i < large.size(); i += 4096) large[i] = static_cast<char>(i / 4096);
  const ExportOptions options{
      {{0, TW_FLOAT64, {0}, nullptr, 0},
       {1, TW_INT8, {static_cast<int64_t>(large.size())}, large.data(), static_cast<int64_t>(large.size())},
       {2, TW_INT8, {7}, large.data(), 7}},
      false};
  tw_param params[] = {stretch_function.params[1], stretch_function.params[1], stretch_function.params[1]};
  const tw_extent extent = {-1, -1, "k"};
  for (tw_param& param : params) {
    param.kind = TW_PARAM_CONSTANT;
    param.shape = &extent;
  }
  tw_function function = stretch_function;
  function.n_params = function.n_buffers = 3;
  function.params = params;
  export_library(ReadyModule(function), path("libmany.so"), options);
  ExportOptions embedded = options;
  embedded.embed_weights = true;
  export_library(ReadyModule(function), path("libmore.so"), embedded);
  EXPECT_LT(fs::file_size(path("libmany.so")), 1u << 20);
  EXPECT_GT(fs::file_size(path("libmore.so")), large.size());
  // The interface of that library is the function's own in the object file, so only the image is looked at.
  const std::string image = read_text(path("libmany.weights"));
  const auto* header = reinterpret_cast<const tw_weights_header*>(image.data());
  EXPECT_EQ(header->count, 3u);
  EXPECT_EQ(header->bytes, image.size());
  EXPECT_EQ(header->checksum, tw_weights_checksum(header));
  const tw_weights weights{header, image.data(), 0};
  for (uint32_t i = 0; i < 3; ++i) {
    const tw_tensor tensor = tw_weights_tensor(&weights, i);
    EXPECT_EQ((static_cast<char*>(tensor.data) - image.data()) % 64, 0);
    EXPECT_EQ(tensor.shape[0], options.constants[i].shape[0]);
    const auto* expected = static_cast<const char*>(options.constants[i].data);
    EXPECT_TRUE(std::equal(expected, expected + options.constants[i].bytes, static_cast<char*>(tensor.data)));
  }
}

TEST_F(Weights, TooLargeToEmbed) {
  ExportOptions large = options(true);
  large.constants[0].bytes = kMostEmbedded + 1;
  try {
    export_library(ReadyModule(matmul_function), path("libproduct.so"), large);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("embed_weights=False"));
  }
  EXPECT_TRUE(files().empty());
}

TEST_F(Weights, AllFilesOrNone) {
  for (const char* taken : {"libproduct.so", "libproduct.h", "libproduct.weights"}) {
    fs::create_directory(folder_ / taken);
    EXPECT_THROW(export_product(false), UserError) << taken;
    EXPECT_THAT(files(), ElementsAre(taken));
    fs::remove(folder_ / taken);
  }
}

// Files that are not right

TEST_F(Weights, RefuseAFileThatIsCutOff) {
  export_product(false);
  const std::string whole = read_text(path("libproduct.weights"));
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    write("libproduct.weights", whole.substr(0, bytes));
    EXPECT_THAT(fault_of_opening(), HasSubstr("does not hold the weights: it is cut off")) << bytes;
  }
  write("libproduct.weights", whole + "x");
  EXPECT_THAT(fault_of_opening(), HasSubstr("it has more bytes than its header says"));
}

TEST_F(Weights, RefuseAnyOtherHeader) {
  export_product(false);
  const std::string whole = read_text(path("libproduct.weights"));
  tw_weights_header header;
  std::memcpy(&header, whole.data(), sizeof header);
  for (std::size_t at = 0; at < header.header_bytes; ++at)
    for (const int bit : {1, 0x80, 0xff}) {
      std::string other = whole;
      other[at] = static_cast<char>(other[at] ^ bit);
      write("libproduct.weights", other);
      EXPECT_THAT(fault_of_opening(), HasSubstr("does not hold the weights: ")) << at;
    }
  write("libproduct.weights", whole);
  EXPECT_EQ(fault_of_opening(), "");
}

TEST_F(Weights, RefuseRandomFiles) {
  export_product(false);
  const std::string whole = read_text(path("libproduct.weights"));
  std::mt19937 random(1);
  for (int turn = 0; turn < 500; ++turn) {
    std::string other = whole;
    // Some begin as they should; some have a checksum that is right.
    const std::size_t kept = turn % 3 == 0 ? 0 : turn % 3 == 1 ? 8 : 12;
    for (std::size_t i = kept; i < sizeof(tw_weights_header); ++i)
      if (random() % 3 == 0) other[i] = static_cast<char>(random());
    auto* header = reinterpret_cast<tw_weights_header*>(other.data());
    if (header->header_bytes <= other.size()) header->checksum = tw_weights_checksum(header);
    if (other == whole) continue;
    write("libproduct.weights", other);
    EXPECT_THAT(fault_of_opening(), HasSubstr("does not hold the weights: ")) << turn;
  }
}

TEST_F(Weights, RefuseTheFileOfAnotherLibrary) {
  export_product(false);
  b_[3] += 1;
  export_product(false, "x86_64", "libother.so");
  EXPECT_THAT(fault_of_opening(path("libother.weights")),
              HasSubstr("it belongs to another library, or to this one exported at another time"));
  EXPECT_THAT(fault_of_opening(path("libproduct.so")), HasSubstr("it is no file of weights"));
  EXPECT_EQ(fault_of_opening(path("libproduct.weights")), "");
}

TEST_F(Weights, RefuseWhatIsNoFile) {
  export_product(false);
  EXPECT_THAT(fault_of_opening(folder_.string()), HasSubstr("product_open: cannot "));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(fault_of_opening(path("pipe")), HasSubstr("cannot read '" + path("pipe")));
  EXPECT_THAT(fault_of_opening(path("none")), HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace tw::codegen
