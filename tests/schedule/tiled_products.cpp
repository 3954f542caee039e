#include "schedule/tiled_products.h"

#include "schedule/fixtures.h"
#include "te/math.h"
#include "te/reduce.h"

namespace tw::schedule {
te::Tensor converted(const te::Tensor& from, DType type, const std::string& name) {
  return te::compute({from.shape()[0], from.shape()[1]},
                     [&](const std::vector<Var>& p) -> te::Value {
                       return te::astype(from({p[0], p[1]}), type);
                     },
                     name, {"i", "j"});
}

Program product(const te::Value& n, const te::Value& m, const te::Value& k, DType a_type, DType b_type,
                DType c_type) {
  const auto a = converted(te::placeholder({n, k}, kFloat32, "A32"), a_type, "A");
  const auto b = converted(te::placeholder({k, m}, kFloat32, "B32"), b_type, "B");
  const ReduceAxis kk = te::reduce_axis(k, "k");
  const auto c = te::compute(
      {n, m},
      [&](const std::vector<Var>& p) -> te::Value {
        return te::sum(te::multiply(te::astype(a({p[0], kk}), c_type), te::astype(b({kk, p[1]}), c_type)),
                       {kk});
      },
      "C", {"i", "j"});
  return te::first_program({converted(c, kFloat32, "D")}, std::nullopt, "product");
}

Value tiled(Schedule& s, int64_t m, int64_t n) {
  const auto loops = loops_of(s, "C");
  const List i = split(s, loops[0], {{}, m}), j = split(s, loops[1], {{}, n});
  s.apply("reorder", {Value(List{i[0], j[0], loops[2], i[1], j[1]})});
  return i[1];
}

}  // namespace tw::schedule
