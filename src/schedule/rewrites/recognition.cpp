#include "schedule/rewrites/recognition.h"

#include <algorithm>

#include "ir/equal.h"
#include "ir/reducers.h"
#include "ir/simplify.h"
#include "ir/text.h"

namespace tw::schedule {
namespace {

/// The axes that the subscripts are, if these are all the spatial axes of the block, each once, over the
/// whole buffer. Empty with a reason otherwise.
std::optional<std::vector<Var>> whole_buffer_axes(const Block& block, const Buffer& buffer,
                                                  const std::vector<Expr>& indices) {
  std::vector<Var> axes;
  for (std::size_t d = 0; d < indices.size(); ++d)
    for (const BlockAxis& axis : block.axes)
      if (axis.axis_kind == AxisKind::kSpatial && axis.var.same_as(indices[d]) &&
          prove(eq(axis.extent, buffer->shape[d])) &&
          std::none_of(axes.begin(), axes.end(), [&](const Var& v) { return v.same_as(axis.var); }))
        axes.push_back(axis.var);
  const auto spatial = std::count_if(block.axes.begin(), block.axes.end(), [](const BlockAxis& axis) {
    return axis.axis_kind == AxisKind::kSpatial;
  });
  if (axes.size() != indices.size() || axes.size() != static_cast<std::size_t>(spatial)) return {};
  return axes;
}

bool same_axes(const std::vector<Var>& a, const std::vector<Var>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Var& x, const Var& y) { return x.same_as(y); });
}

/// The stores of a body that does nothing but bind values and store, with the values put in.
class PlainStores {
 public:
  explicit PlainStores(const Stmt& body) { plain_ = body && take(body, {}); }
  bool plain() const { return plain_; }
  std::vector<Store> stores;

 private:
  bool take(const Stmt& s, VarMap lets) {
    if (const auto* let = as<Let>(s)) {
      lets[&*let->var] = substitute(let->value, lets);
      return take(let->body, lets);
    }
    if (const auto* seq = as<Seq>(s))
      return std::all_of(seq->stmts.begin(), seq->stmts.end(), [&](const Stmt& x) { return take(x, lets); });
    const auto* store = as<Store>(s);
    if (!store || store->predicate || store->atomic) return false;
    stores.push_back(*store);
    stores.back().value = substitute(store->value, lets);
    return true;
  }
  bool plain_ = false;
};

bool reads_any(const Expr& e, const std::vector<Buffer>& buffers) {
  return contains<Load>(e.get(), [&](const Load& load) {
    return std::any_of(buffers.begin(), buffers.end(),
                       [&](const Buffer& buffer) { return buffer.same_as(load.buffer); });
  });
}

/// Whether the statement stores the identities of the reducer, one to each buffer.
bool stores_identities(const Stmt& body, const WholeReduction& reduction) {
  const PlainStores init(body);
  if (!init.plain() || init.stores.size() != reduction.outputs.size()) return false;
  for (const Store& store : init.stores) {
    const auto output = std::find_if(reduction.outputs.begin(), reduction.outputs.end(),
                                     [&](const Buffer& buffer) { return buffer.same_as(store.buffer); });
    if (output == reduction.outputs.end()) return false;
    const auto c = static_cast<std::size_t>(output - reduction.outputs.begin());
    if (!structural_equal(store.value, reduction.reducer->identities[c])) return false;
  }
  return true;
}

/// Finds what sets the elements before the block; a reason if nothing does as it must.
std::string find_init(const Program& program, WholeReduction& reduction) {
  const Block& block = *reduction.block;
  for (const Buffer& buffer : reduction.outputs)
    for (const BlockPlace& writer : writers_of(program, buffer)) {
      if (&writer.block() == &block) continue;
      if (reduction.init && reduction.init != &writer.block())
        return fmt::format("shares buffer {} with other writers", buffer->name.text);
      reduction.init = &writer.block();
    }
  if (block.init && reduction.init)
    return fmt::format("shares its buffer with block {}", reduction.init->name.text);
  if (!block.init && !reduction.init) return "does not start from the identity of its reducer";
  if (!stores_identities(block.init ? block.init : reduction.init->body, reduction))
    return "starts from something else than the identity of its reducer";
  if (!reduction.init) return "";
  for (const Store& store : PlainStores(reduction.init->body).stores)
    if (reduction.init->reducer || !whole_buffer_axes(*reduction.init, store.buffer, store.indices))
      return fmt::format("has its elements set by block {}, which does more or less than that",
                         reduction.init->name.text);
  return "";
}

Expr at_least_1(const Expr& quotient) {
  const Expr simple = simplify(quotient);
  return prove(lt(0, simple)) ? simple : simplify(max(simple, 1));
}

}  // namespace

Expr PointValue::at(const std::vector<Expr>& indices) const {
  VarMap values;
  for (std::size_t d = 0; d < axes.size(); ++d) values[&*axes[d]] = indices[d];
  return substitute(value, values);
}

Recognised<PointValue> point_value(const Program& program, const Buffer& buffer) {
  const std::vector<BlockPlace> writers = writers_of(program, buffer);
  if (writers.size() != 1)
    return {{}, fmt::format("buffer {} has {} writers", buffer->name.text, writers.size())};
  const Block& block = writers.front().block();
  const Store* store = only_store(block);
  if (!store || store->atomic || block.reducer || block.init)
    return {{}, fmt::format("block {} is more than one store", block.name.text)};
  const auto axes = whole_buffer_axes(block, store->buffer, store->indices);
  if (!axes || axes->size() != block.axes.size() || reads_any(store->value, {buffer}))
    return {{}, fmt::format("block {} does not store at all points of its axes", block.name.text)};
  return {PointValue{&block, store->buffer, *axes, store->value}, ""};
}

Recognised<WholeReduction> whole_reduction(const Program& program, const Block& block) {
  if (!block.reducer) return {{}, "is no reduction"};
  WholeReduction found;
  found.block = &block;
  found.reducer = block.reducer;
  for (const BlockAxis& axis : block.axes) {
    if (axis.axis_kind == AxisKind::kOrdered) return {{}, "has an ordered axis"};
    if (axis.axis_kind == AxisKind::kReduction) found.reduced.push_back(axis);
  }
  if (found.reduced.empty()) return {{}, "has no reduction axis"};
  const PlainStores body(block.body);
  const std::size_t count = block.reducer->results.size();
  if (!body.plain() || body.stores.size() != count)
    return {{}, "does more than to store each component of its reduction"};
  std::vector<Expr> before;
  for (const Store& store : body.stores) {
    found.outputs.push_back(store.buffer);
    before.push_back(Load::make(store.buffer, store.indices));
    const auto axes = whole_buffer_axes(block, store.buffer, store.indices);
    if (!axes || (&store != &body.stores.front() && !same_axes(*axes, found.spatial)))
      return {{},
              fmt::format("does not write the whole of buffer {} at its own axes", store.buffer->name.text)};
    found.spatial = *axes;
  }
  const ReducerNode& reducer = *block.reducer;
  Matcher sources({reducer.rhs.begin(), reducer.rhs.end()});
  for (std::size_t c = 0; c < count; ++c) sources.values[&*reducer.lhs[c]] = before[c];
  for (std::size_t c = 0; c < count; ++c)
    if (!sources.match(reducer.results[c], body.stores[c].value))
      return {{},
              fmt::format("stores {}, which is not what its reducer gives", to_text(body.stores[c].value))};
  for (const Var& rhs : reducer.rhs) {
    if (!sources.values.contains(&*rhs)) return {{}, "has a reducer that does not use all of its operands"};
    found.sources.push_back(sources.values[&*rhs]);
    if (reads_any(found.sources.back(), found.outputs)) return {{}, "reads what it writes"};
  }
  if (const std::string reason = find_init(program, found); !reason.empty()) return {{}, reason};
  return {found, ""};
}

std::vector<int64_t> WholeReduction::ids() const {
  std::vector<int64_t> ids = {block->id.value};
  if (init) ids.push_back(init->id.value);
  return ids;
}

bool is_known(const Reducer& reducer, std::string_view name) {
  if (reducer->rhs.size() != 1) return false;
  const Reducer known = known_reducer(name, reducer->rhs[0].dtype());
  return known && structural_equal(known, reducer);
}

bool Matcher::match(const Expr& pattern, const Expr& e) {
  const VarMap before = values;
  if (try_match(*pattern, *e)) return true;
  values = before;
  return false;
}

bool Matcher::all_match(const std::vector<Expr>& patterns, const std::vector<Expr>& es) {
  if (patterns.size() != es.size()) return false;
  for (std::size_t i = 0; i < es.size(); ++i)
    if (!try_match(*patterns[i], *es[i])) return false;
  return true;
}

bool Matcher::try_match(const ExprNode& pattern, const ExprNode& e) {
  if (const auto* var = as<Variable>(&pattern)) {
    if (const auto known = values.find(var); known != values.end())
      return structural_equal(known->second.get(), &e);
    const bool hole =
        std::any_of(holes_.begin(), holes_.end(), [&](const Var& v) { return v.get() == &pattern; });
    if (hole && e.dtype == pattern.dtype) values[var] = Expr(&e);
    return hole ? e.dtype == pattern.dtype : &pattern == &e;
  }
  if (pattern.kind != e.kind || pattern.dtype != e.dtype) return false;
  if (const auto* p = as<Binary>(&pattern)) {
    const auto& b = *as<Binary>(&e);
    if (p->op != b.op) return false;
    const VarMap before = values;
    if (try_match(*p->a, *b.a) && try_match(*p->b, *b.b)) return true;
    values = before;
    return (p->op == BinaryOp::kAdd || p->op == BinaryOp::kMul) && try_match(*p->a, *b.b) &&
           try_match(*p->b, *b.a);
  }
  if (const auto* p = as<Unary>(&pattern)) {
    const auto& u = *as<Unary>(&e);
    return p->op == u.op && try_match(*p->a, *u.a);
  }
  if (const auto* p = as<Select>(&pattern)) {
    const auto& s = *as<Select>(&e);
    return all_match({p->cond, p->on_true, p->on_false}, {s.cond, s.on_true, s.on_false});
  }
  if (const auto* p = as<Cast>(&pattern)) return try_match(*p->value, *as<Cast>(&e)->value);
  if (const auto* p = as<Load>(&pattern)) {
    const auto& l = *as<Load>(&e);
    return p->buffer.same_as(l.buffer) && !p->predicate && !l.predicate && all_match(p->indices, l.indices);
  }
  if (const auto* p = as<Call>(&pattern)) {
    const auto& c = *as<Call>(&e);
    return p->op == c.op && all_match(p->args, c.args);
  }
  return structural_equal(&pattern, &e);
}

std::string axis_name(const Var& axis) {
  const std::string& name = axis->name.text;
  return name.size() > 1 && name[0] == 'v' ? name.substr(1) : name;
}

const Expr& without_casts(const Expr& e) {
  const auto* cast = as<Cast>(e);
  return cast ? without_casts(cast->value) : e;
}

Expr Placeholders::reading(const Expr& e) {
  for_each_node(e, [&](const Node* node) {
    const auto* load = as<Load>(node);
    if (!load || te::as_tensor(load->buffer) || map_.contains(load->buffer.get())) return;
    const std::vector<te::Value> shape(load->buffer->shape.begin(), load->buffer->shape.end());
    const te::Tensor tensor = te::placeholder(shape, load->buffer->dtype);
    map_[load->buffer.get()] = tensor.buffer();
    tensors_.emplace_back(tensor, load->buffer);
  });
  return replace_buffers(e, map_);
}

Pieces Pieces::of_size(const Expr& extent, const Expr& size) {
  return {extent, at_least_1(ceildiv(extent, size)), size};
}

Pieces Pieces::of_count(const Expr& extent, const Expr& count) {
  return {extent, count, at_least_1(ceildiv(extent, count))};
}

bool Pieces::divides() const {
  return prove(eq(count * size, extent));
}

Expr Pieces::guarded(const Expr& point, const Expr& value, const Expr& beyond) const {
  return divides() ? value : select(lt(point, extent), value, beyond);
}

}  // namespace tw::schedule
