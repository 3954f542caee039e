#include "autotune/measure/guarded.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/ranges.h>
#include <sys/mman.h>

#include "runtime/array.h"
#include "runtime/element.h"
#include "support/error.h"
#include "support/half.h"

namespace tw::autotune {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// In front and behind: a kernel that is off by a row or a tile still meets them.
constexpr std::size_t kGuard = std::size_t{1} << 20;
constexpr unsigned char kPattern = 0xa5;

std::size_t rounded_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

template <class T>
void fill(char* data, int64_t elements, T value) {
  std::fill_n(reinterpret_cast<T*>(data), elements, value);
}

}  // namespace

GuardedArray::GuardedArray(std::string name, int32_t dtype, std::vector<int64_t> shape, Against against)
    : name_(std::move(name)), dtype_(dtype), shape_(std::move(shape)) {
  for (const int64_t extent : shape_) elements_ *= extent;
  bytes_ = static_cast<std::size_t>(elements_ * runtime::element_type(dtype).bytes);
  // As arrays of users (runtime/array.cpp): large ones on huge pages.
  const std::size_t unit = bytes_ >= kHugePage ? kHugePage : kPage;
  pages_bytes_ = rounded_up(std::max<std::size_t>(bytes_, 1), unit);
  mapping_bytes_ = pages_bytes_ + 2 * kGuard + unit;
  void* const got =
      mmap(nullptr, mapping_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  const auto no_memory = [&] {
    raise_value("there is no memory for the argument '{}' of shape [{}], {} bytes", name_,
                fmt::join(shape_, ", "), bytes_);
  };
  if (got == MAP_FAILED) no_memory();
  mapping_ = static_cast<char*>(got);
  pages_ = reinterpret_cast<char*>(rounded_up(reinterpret_cast<std::size_t>(mapping_) + kGuard, unit));
  if (mprotect(pages_, pages_bytes_, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapping_, mapping_bytes_);
    no_memory();
  }
  if (unit == kHugePage) madvise(pages_, pages_bytes_, MADV_HUGEPAGE);  // refused: small pages do too
  data_ =
      against == Against::kStart
          ? pages_
          : pages_ + pages_bytes_ - rounded_up(bytes_, static_cast<std::size_t>(runtime::kArrayAlignment));
  fill_edges();
  region_ = fault::add_region(name_, {mapping_, mapping_bytes_, data_, bytes_, false});
}

GuardedArray::~GuardedArray() {
  fault::remove_region(region_);
  munmap(mapping_, mapping_bytes_);
}

tw_tensor GuardedArray::view() const {
  return {data_, dtype_, static_cast<int32_t>(shape_.size()), shape_.data(), nullptr};
}

void GuardedArray::make_read_only() {
  mprotect(pages_, pages_bytes_, PROT_READ);
  fault::remove_region(region_);
  region_ = fault::add_region(name_, {mapping_, mapping_bytes_, data_, bytes_, true});
}

void GuardedArray::fill_edges() {
  std::memset(pages_, kPattern, static_cast<std::size_t>(data_ - pages_));
  std::memset(data_ + bytes_, kPattern, static_cast<std::size_t>(pages_ + pages_bytes_ - data_) - bytes_);
}

void GuardedArray::poison() {
  fill_edges();
  switch (dtype_) {
    case TW_FLOAT16: return fill(data_, elements_, Float16::kQuietNaN);
    case TW_BFLOAT16: return fill(data_, elements_, BFloat16::kQuietNaN);
    case TW_FLOAT32: return fill(data_, elements_, std::nanf(""));
    case TW_FLOAT64: return fill(data_, elements_, std::nan(""));
    default: std::memset(data_, kPattern, bytes_);
  }
}

std::optional<std::string> GuardedArray::damage() const {
  const auto is_pattern = [](char c) { return static_cast<unsigned char>(c) == kPattern; };
  const char* const end = pages_ + pages_bytes_;
  if (const char* at = std::find_if_not(data_ + bytes_, const_cast<char*>(end), is_pattern); at != end)
    return fmt::format("it wrote {} bytes behind the last element of '{}'", at - data_ - bytes_, name_);
  if (const char* at = std::find_if_not(pages_, data_, is_pattern); at != data_)
    return fmt::format("it wrote {} bytes before the first element of '{}'", data_ - at, name_);
  return std::nullopt;
}

}  // namespace tw::autotune
