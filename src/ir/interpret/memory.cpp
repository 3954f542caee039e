#include "ir/interpret/memory.h"

#include <algorithm>
#include <cstring>

namespace tw::interpreter {
namespace {

constexpr int64_t kDenseLimit = int64_t{1} << 24;  // points of a dense table

/// a * b, or nothing when it leaves int64.
std::optional<int64_t> product(int64_t a, int64_t b) {
  int64_t value = 0;
  return __builtin_mul_overflow(a, b, &value) ? std::nullopt : std::optional(value);
}

struct Extent {
  int64_t elements, origin;
};

/// How many elements the dimensions span, and where the first one lies.
std::optional<Extent> span_of(const std::vector<Dimension>& dims) {
  for (const Dimension& dim : dims)
    if (dim.extent == 0) return Extent{0, 0};
  Extent span{1, 0};
  for (const Dimension& dim : dims) {
    if (dim.stride == INT64_MIN) return std::nullopt;
    const auto reach = product(dim.extent - 1, std::abs(dim.stride));
    if (!reach || __builtin_add_overflow(span.elements, *reach, &span.elements)) return std::nullopt;
    if (dim.stride < 0) span.origin += *reach;
  }
  return span;
}

template <class T>
CArray<T> zeroed(int64_t count) {
  return CArray<T>(
      static_cast<T*>(std::calloc(static_cast<std::size_t>(std::max<int64_t>(count, 1)), sizeof(T))));
}

}  // namespace

void InitTable::clear() {
  made_ = false;
  dense_.clear();
  sparse_.clear();
}

void InitTable::reset(const int64_t* extents, std::size_t rank) {
  clear();
  extents_.assign(extents, extents + rank);
  made_ = true;
  int64_t points = 1;
  for (int64_t extent : extents_) {
    const auto more = product(points, extent);
    if (!more || *more > kDenseLimit) return;
    points = *more;
  }
  dense_.assign(static_cast<std::size_t>(points), 0);
}

int64_t& InitTable::sparse_counter(const int64_t* point, std::size_t rank) {
  return sparse_[std::vector<int64_t>(point, point + rank)];
}

std::vector<Dimension> dense_dimensions(const std::vector<int64_t>& extents) {
  std::vector<Dimension> dims(extents.size());
  int64_t stride = 1;
  for (std::size_t d = extents.size(); d-- > 0;) {
    dims[d] = {extents[d], stride};
    // An overflow shows in the span: the dimension of this extent reaches as far.
    if (__builtin_mul_overflow(stride, std::max<int64_t>(extents[d], 1), &stride)) stride = INT64_MAX;
  }
  return dims;
}

Storage* Memory::reuse(std::size_t site) {
  const auto found = discarded_.find(site);
  if (found == discarded_.end() || found->second.empty())
    return all_.emplace_back(std::make_unique<Storage>()).get();
  Storage* storage = found->second.back();
  found->second.pop_back();
  return storage;
}

bool Memory::prepare(Storage& storage, const Request& request, int64_t elements, int64_t bytes) {
  const bool same = storage.data && storage.elements == elements;
  if (!same) {
    storage.data.reset(
        static_cast<std::byte*>(std::malloc(static_cast<std::size_t>(std::max<int64_t>(bytes, 1)))));
    storage.states = zeroed<ElementState>(elements);
    storage.times.reset();
    if (request.tracked) storage.times = zeroed<AccessTimes>(elements);
    if (request.owned) storage.owners = zeroed<int64_t>(elements);
    return storage.data && storage.states && (!request.tracked || storage.times) &&
           (!request.owned || storage.owners);
  }
  // As fresh: another turn may have had this memory before.
  std::fill_n(storage.states.get(), elements, ElementState::kUndefined);
  if (request.tracked) std::fill_n(storage.times.get(), elements, AccessTimes{});
  if (request.owned) std::fill_n(storage.owners.get(), elements, int64_t{0});
  return true;
}

Storage* Memory::allocate(const Request& request) {
  const auto span = span_of(request.dims);
  if (!span) return nullptr;
  const auto bytes = product(span->elements, request.buffer->dtype.bytes());
  if (!bytes || *bytes > limit_ - in_use_) return nullptr;
  Storage* storage = reuse(request.site);
  if (!prepare(*storage, request, span->elements, *bytes)) return nullptr;
  storage->init_tables.resize(request.init_tables);
  for (InitTable& table : storage->init_tables) table.clear();
  storage->buffer = request.buffer;
  storage->elements = span->elements;
  storage->origin = span->origin;
  storage->dims = request.dims;
  storage->site = request.site;
  storage->references = 1;
  in_use_ += *bytes;
  return storage;
}

void Memory::release(Storage* storage) {
  if (--storage->references > 0) return;
  in_use_ -= storage->elements * storage->buffer->dtype.bytes();
  discarded_[storage->site].push_back(storage);
}

}  // namespace tw::interpreter
