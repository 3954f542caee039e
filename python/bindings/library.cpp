// tilewright.Library: exported libraries, called from Python as functions are.
#include "runtime/library.h"

#include "bindings/callable.h"

namespace tw::python {
namespace {

/// The parameters that callers give: in the order of the library's own interface.
std::vector<std::size_t> given_parameters(const tw_function& code) {
  std::vector<std::size_t> order;
  for (int32_t p = 0; p < code.n_params; ++p)
    if (code.params[p].kind <= TW_PARAM_SIZE) order.push_back(p);
  return order;
}

/// The library's own constants, which callers do not give.
std::vector<BoundArray> weights_of(const std::shared_ptr<const runtime::Library>& library) {
  std::vector<BoundArray> bound;
  for (const auto& [buffer, tensor] : library->weights()) {
    const std::shared_ptr<void> owner(library, tensor.data);
    std::vector<int64_t> shape(tensor.shape, tensor.shape + tensor.ndim);
    bound.push_back({static_cast<std::size_t>(buffer),
                     Array(owner, tensor.data, tensor.dtype, std::move(shape), {}, true)});
  }
  return bound;
}

class LibraryState : public Callable {
 public:
  LibraryState(const std::string& path, const std::string& weights)
      : LibraryState(runtime::Library::open(path, weights)) {}

  const std::string& name() const { return name_; }
  const std::string& description() const { return description_; }

 private:
  explicit LibraryState(const std::shared_ptr<const runtime::Library>& library)
      : Callable(library->name(),
                 load_function(library, library->function(), given_parameters(library->function()),
                               library->threads(), weights_of(library))),
        name_(library->name()),
        description_(library->description()) {}

  std::string name_;
  std::string description_;
};

}  // namespace

void bind_library(py::module_& m) {
  py::class_<LibraryState, Callable>(m, "LibraryState", "A loaded library; tilewright.Library is made of it.")
      .def(py::init<const std::string&, const std::string&>(), py::arg("path"), py::arg("weights"))
      .def_property_readonly("name", &LibraryState::name, "The name that its functions begin with in C.")
      .def("_description", &LibraryState::description);
}

}  // namespace tw::python
