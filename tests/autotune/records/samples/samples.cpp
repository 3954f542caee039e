#include "autotune/records/samples/samples.h"

#include <fstream>
#include <sstream>

#include <stdlib.h>

#include "support/error.h"
#include "te/lower.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::autotune {

namespace fs = std::filesystem;

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "records-XXXXXX").string();
  check_internal(mkdtemp(name.data()) != nullptr, "no folder for a test");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::permissions(path_, fs::perms::owner_all, ignored);
  fs::remove_all(path_, ignored);
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

Program matmul(int64_t m, int64_t n, int64_t k, const std::string& prefix, bool constant) {
  const te::Tensor a = te::placeholder({m, k}, kFloat32, prefix + "A");
  const te::Tensor b = te::placeholder({k, n}, kFloat32, prefix + "B", constant);
  const ReduceAxis axis = te::reduce_axis(k, prefix + "k");
  const te::Tensor c = te::compute({m, n},
                                   [&](const std::vector<Var>& at) -> te::Value {
                                     return te::sum(te::multiply(a({at[0], axis}), b({axis, at[1]})), {axis});
                                   },
                                   prefix + "C", {prefix + "i", prefix + "j"});
  return te::first_program({c}, std::nullopt, prefix + "main");
}

Setting this_setting() {
  Setting setting;
  setting.target = "llvm -mcpu=znver4 -threads=2";
  setting.machine = "cpu one, 2 threads";
  return setting;
}

Record sample(double seconds, int64_t m) {
  Record r;
  r.workload = key_of(matmul(m, 32, 48));
  r.setting = this_setting();
  r.sketch = "contraction";
  r.choices = {{"rows", 14}, {"mc", 96}};
  r.trace = R"({"steps":[],"version":1})";
  r.parameters = {{"mc", 96}};
  r.samples = {{seconds, seconds * 1.1, seconds * 0.95}};
  r.verified = true;
  r.seconds = seconds;
  r.roof_fraction = 0.5;
  r.predicted = seconds * 2;
  r.features = {1.0F, 0.1F, -3e-7F};
  r.compile_seconds = 0.0625;
  r.created = "2026-01-31T12:00:00.000Z";
  r.versions = {{"tilewright", "0.1.0"}, {"llvm", "19.1"}};
  return r;
}

Run sample_run() {
  Run run;
  run.workload = key_of(matmul(64, 32, 48));
  run.setting = this_setting();
  run.label = "matmul M=64";
  run.script = "ops.py:matmul";
  run.command = "autotune tune ops.py:matmul --seconds 60";
  run.seed = 7;
  run.options = R"({"seconds":60})";
  run.started = "2026-01-31T11:59:00.000Z";
  return run;
}

std::string text_of(const Record& record) {
  return to_json_line(record);
}

}  // namespace tw::autotune
