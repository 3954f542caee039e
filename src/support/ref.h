// Intrusive shared references to immutable objects.
//
// Nodes of the intermediate representation are shared freely between programs and between threads, so the
// count is atomic and lives in the object: a handle is one pointer wide.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace tw {

/// Base of everything a `Ref` can hold.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) {}  // a copy is a new object: nobody refers to it yet
  RefCounted& operator=(const RefCounted&) { return *this; }
  virtual ~RefCounted() = default;

 private:
  template <class T>
  friend class Ref;
  mutable std::atomic<int> references_{0};
};

/// A nullable shared reference. Compares by identity.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(const T* object) : object_(object) { acquire(); }
  Ref(const Ref& other) : object_(other.object_) { acquire(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U, class = std::enable_if_t<std::is_base_of_v<T, U>>>
  Ref(const Ref<U>& other) : object_(other.get()) {
    acquire();
  }
  ~Ref() { release(); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  const T* get() const { return object_; }
  const T* operator->() const { return object_; }
  const T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool same_as(const Ref& other) const { return object_ == other.object_; }

 private:
  void acquire() const {
    if (object_) object_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() const {
    if (object_ && object_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
  }
  const T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

/// Order and hash by identity, for maps and sets keyed on handles.
struct ByIdentity {
  template <class T>
  bool operator()(const Ref<T>& a, const Ref<T>& b) const {
    return a.get() == b.get();
  }
  template <class T>
  std::size_t operator()(const Ref<T>& a) const {
    return std::hash<const void*>()(a.get());
  }
};

}  // namespace tw
