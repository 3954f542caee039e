// Tensors: what Python can ask of one, and reading an element.
#include "te/tensor.h"

#include "bindings/dtype.h"
#include "bindings/value.h"
#include "ir/text.h"
#include "support/error.h"
#include "te/math.h"

namespace tw::python {
namespace {

constexpr const char* kTensorDoc = R"doc(An array of elements that an operation defines.

Subscripts read one element: `A[i, k]` is an expression. There are as many as dimensions; they are integers,
expressions, or elements of other tensors (a gather). A tensor of rank 0 is read as `A[()]` and may also stand
in expressions itself.

Tensors are equal when they are the same output of the same operation; of rank 0 they compare as expressions.

Attributes
----------
name : str
    The name given, or one made up.
dtype : str
    Name of the dtype of the elements.
shape : tuple of int or Expr
    Extents; symbolic dimensions are `te.Var`.
ndim : int
    Number of dimensions.

Examples
--------
>>> A = te.placeholder((2, 3), "float32", name="A")
>>> A
Tensor A: float32(2, 3)
>>> A[1, 2]
A[1, 2]
>>> A.shape, A.ndim, A.dtype
((2, 3), 2, 'float32')
)doc";

std::vector<te::Value> subscripts_from_python(const py::object& key) {
  if (!py::isinstance<py::tuple>(key)) return {value_from_python(key)};
  std::vector<te::Value> subscripts;
  for (py::handle one : key) subscripts.push_back(value_from_python(one));
  return subscripts;
}

std::string repr(const te::Tensor& tensor) {
  return fmt::format("Tensor {}: {}{}", tensor.name(), to_string(tensor.dtype()),
                     std::string(py::repr(shape_to_python(tensor.shape()))));
}

int64_t length(const te::Tensor& tensor) {
  if (tensor.rank() == 0) raise_type("tensor {} has rank 0 and so no length", tensor.name());
  if (const auto extent = as_int(tensor.shape()[0])) return *extent;
  raise_value("the length of tensor {} is symbolic, {}; use its shape", tensor.name(),
              to_text(tensor.shape()[0]));
}

py::object compare(const py::object& self, const py::object& other, bool equal) {
  const auto& tensor = self.cast<const te::Tensor&>();
  if (tensor.rank() > 0 && py::isinstance<te::Tensor>(other))
    return py::bool_(te::same_tensor(tensor, other.cast<const te::Tensor&>()) == equal);
  const auto a = value_from_python(self), b = value_from_python(other);
  return py::cast(equal ? te::equal(a, b) : te::not_equal(a, b));
}

std::size_t hash(const te::Tensor& tensor) {
  const void* origin = tensor.operation() ? static_cast<const void*>(tensor.operation().get()) : tensor.get();
  return std::hash<const void*>()(origin) + static_cast<std::size_t>(tensor.output());
}

}  // namespace

void bind_tensor(py::module_& m) {
  py::class_<te::Tensor> tensor(m, "Tensor", kTensorDoc);
  add_operators(tensor);
  add_comparisons(tensor);  // the order of rank 0; == and != are replaced below
  const auto equal = [](const py::object& a, const py::object& b) { return compare(a, b, true); };
  const auto not_equal = [](const py::object& a, const py::object& b) { return compare(a, b, false); };
  tensor.attr("__eq__") = py::cpp_function(equal, py::name("__eq__"), py::is_method(tensor));
  tensor.attr("__ne__") = py::cpp_function(not_equal, py::name("__ne__"), py::is_method(tensor));
  m.def("same_tensor", &te::same_tensor, py::arg("a"), py::arg("b"));
  tensor.def("__hash__", &hash)
      .def("__repr__", &repr)
      .def("__getitem__", [](const te::Tensor& t,
                             const py::object& key) { return te::read(t, subscripts_from_python(key)); })
      .def("__setitem__",
           [](const te::Tensor& t, const py::object&, const py::object&) {
             raise_type(
                 "tensor {} cannot be assigned to: tensors are definitions; an update is te.pieces or "
                 "te.scatter",
                 t.name());
           })
      .def("__iter__",
           [](const te::Tensor& t) -> py::object {
             raise_type(
                 "tensor {} cannot be iterated over: its elements have yet to be computed; subscript it "
                 "inside "
                 "te.compute",
                 t.name());
           })
      .def("__len__", &length)
      .def("__bool__",
           [](const te::Tensor& t) -> bool {
             raise_type(
                 "the truth of tensor {} is not defined; compare with None, or use te.where on its elements",
                 t.name());
           })
      .def(
          "astype",
          [](const te::Tensor& t, DType type) {
            if (t.rank() == 0) return te::astype(t, type);
            raise_type(
                "tensor {} has rank {}: convert its elements, as in te.compute(..., lambda *i: "
                "{}[i].astype({}))",
                t.name(), t.rank(), t.name(), to_string(type));
          },
          py::arg("dtype"),
          "Convert the element of a tensor of rank 0.\n\nExamples\n--------\n>>> te.placeholder((), "
          "name=\"x\")"
          ".astype(\"int32\")\nint32(x[])\n")
      .def_property_readonly("name", &te::Tensor::name, "The name given, or one made up.")
      .def_property_readonly("dtype", &te::Tensor::dtype, "Name of the dtype of the elements.")
      .def_property_readonly(
          "shape", [](const te::Tensor& t) { return shape_to_python(t.shape()); }, "Extents.")
      .def_property_readonly("ndim", &te::Tensor::rank, "Number of dimensions.")
      .def_property_readonly(
          "is_placeholder",
          [](const te::Tensor& t) {
            return t.operation() && t.operation()->kind == te::OpKind::kPlaceholder;
          },
          "Whether it is an input, not something that is computed.");
}

}  // namespace tw::python
