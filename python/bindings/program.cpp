// Loop programs: their text, arguments, equality, checks, simplification and values.
#include "ir/program.h"

#include "bindings/dtype.h"
#include "bindings/interpret.h"
#include "bindings/value.h"
#include "ir/equal.h"
#include "ir/simplify.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "support/error.h"

namespace tw::python {
namespace {

constexpr const char* kProgramDoc =
    R"doc(A loop program: a named function of arrays and sizes as a tree of loops, blocks and stores.

`te.program` gives the first one of an expression. Its text, `str(program)`, parses back to an equal program.
Programs are immutable. Two are equal, and have the same hash, when they differ in names only.

Attributes
----------
name : str
    The program's name.
arguments : tuple of Argument
    What a caller gives and gets, in order.
digest : str
    128-bit hash of the structure as 32 hexadecimal digits, the same on every machine.

Examples
--------
>>> A = te.placeholder((2, 3), "float32", name="A")
>>> B = te.compute((2, 3), lambda i, j: A[i, j] + 1, name="B")
>>> program = te.program(B, name="increment")
>>> print(program)
program increment(A: in float32[2, 3], B: out float32[2, 3]):
  for i in 2:
    for j in 3:
      block B#0(vi: spatial(2) = i, vj: spatial(3) = j):
        reads A[vi, vj]
        writes B[vi, vj]
        B[vi, vj] = A[vi, vj] + 1.0f32
<BLANKLINE>
>>> tw.Program.parse(str(program)) == program
True
>>> program.interpret(np.zeros((2, 3), "float32"))
array([[1., 1., 1.],
       [1., 1., 1.]], dtype=float32)
)doc";

constexpr const char* kParseDoc = R"doc(Read the text of a program.

Parameters
----------
text : str
    What `str(program)` gives; docs/loop_programs.md is the grammar.

Returns
-------
Program
    The program that the text says.

Raises
------
InvalidValue
    If the text is no program; the message has line, column and what was expected.

Examples
--------
>>> program = tw.Program.parse('''
... program fill(A: out int32[4]):
...   for i in 4:
...     A[i] = 7i32
... ''')
>>> program.interpret()
array([7, 7, 7, 7], dtype=int32)
)doc";

constexpr const char* kVerifyDoc = R"doc(Check that the program is legal at a stage.

Parameters
----------
stage : {"schedule", "lowered", "flat"}
    How far the program has been lowered: with blocks, without them, or with flat buffers and vectors.

Raises
------
InvalidValue
    If it is not; the message shows the place in the program.

Examples
--------
>>> A = te.placeholder((4,), name="A")
>>> te.program(te.compute(4, lambda i: A[i] + 1)).verify("schedule")
)doc";

constexpr const char* kSimplifyDoc = R"doc(Simplify expressions and remove branches and loops that never run.

Returns
-------
Program
    A program of equal value.

Examples
--------
>>> tw.Program.parse('''
... program fill(A: out int32[4]):
...   for i in 4:
...     if i < 4:
...       A[i] = 7i32
... ''').simplify()
<tw.Program fill(A)>
)doc";

constexpr const char* kInterpretDoc = R"doc(Run the program, slowly and plainly, with every access checked.

Parameters
----------
*inputs : numpy.ndarray, number
    The inputs in the order of the arguments; a size is an int. Arrays may have any strides.
**named : numpy.ndarray, number
    Inputs, or parameters of a schedule, by name.

Returns
-------
numpy.ndarray or tuple of numpy.ndarray
    The output, or a tuple of several.

Raises
------
InvalidType
    If an input has the wrong dtype or is no array.
InvalidValue
    If inputs are too few or too many, or a shape or size does not fit, or the program reads what nobody
    wrote.
InvalidIndex
    If the program reads or writes out of bounds.

Examples
--------
>>> A = te.placeholder((te.var("n"),), "float32", name="A")
>>> double = te.program(te.compute(A.shape, lambda i: A[i] * 2, name="B"))
>>> double.interpret(np.ones(3, "float32"))
array([2., 2., 2.], dtype=float32)
>>> double.interpret(A=np.ones(2, "float32"))
array([2., 2.], dtype=float32)
)doc";

constexpr const char* kArgumentDoc = R"doc(One argument of a program.

Attributes
----------
name : str
    Its name.
kind : {"in", "const", "out", "inout", "size"}
    What the caller does with it: gives an array, a weight, takes an array, both, or gives an int.
dtype : str or None
    Name of the dtype; None for a size.
shape : tuple of int or Expr, or None
    The extents; None for a size.

Examples
--------
>>> A = te.placeholder((2, 3), name="A")
>>> program = te.program(te.compute(2, lambda i: A[i, 0], name="B"))
>>> [(a.name, a.kind, a.shape) for a in program.arguments]
[('A', 'in', (2, 3)), ('B', 'out', (2,))]
)doc";

constexpr Stage kStages[] = {Stage::kSchedule, Stage::kLowered, Stage::kFlat};

Stage parse_stage(const std::string& text) {
  std::string known;
  for (Stage stage : kStages) {
    if (text == to_string(stage)) return stage;
    known += (known.empty() ? "" : ", ") + std::string(to_string(stage));
  }
  raise_value("unknown stage '{}'; use one of {}", text, known);
}

const std::string& param_name(const Param& param) {
  return param.is_buffer() ? param.buffer->name.text : param.var->name.text;
}

std::vector<Param> arguments_of(const Program& program) {
  std::vector<Param> found;
  for (std::size_t p : argument_params(program)) found.push_back(program->params[p]);
  return found;
}

std::string repr(const Program& program) {
  std::string names;
  for (const Param& param : arguments_of(program)) names += (names.empty() ? "" : ", ") + param_name(param);
  return fmt::format("<tw.Program {}({})>", program->name.text, names);
}

std::string digest(const Program& program) {
  const Hash128 hash = structural_hash(program);
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

bool equal(const Program& a, const py::object& b) {
  return py::isinstance<Program>(b) && structural_equal(a, b.cast<Program>());
}

void bind_argument(py::module_& m) {
  py::class_<Param>(m, "Argument", kArgumentDoc)
      .def_property_readonly("name", &param_name, "Its name.")
      .def_property_readonly(
          "kind", [](const Param& p) { return to_string(p.param_kind); }, "What the caller does with it.")
      .def_property_readonly(
          "dtype",
          [](const Param& p) { return p.is_buffer() ? std::optional(p.buffer->dtype) : std::nullopt; },
          "Name of the dtype; None for a size.")
      .def_property_readonly(
          "shape",
          [](const Param& p) {
            return p.is_buffer() ? std::optional(shape_to_python(p.buffer->shape)) : std::nullopt;
          },
          "The extents; None for a size.")
      .def("__repr__", [](const Param& p) {
        const std::string text = fmt::format("<tw.Argument {}: {}", param_name(p), to_string(p.param_kind));
        if (!p.is_buffer()) return text + ">";
        return fmt::format("{} {}{}>", text, to_string(p.buffer->dtype),
                           std::string(py::repr(shape_to_python(p.buffer->shape))));
      });
}

}  // namespace

void bind_program(py::module_& m) {
  bind_argument(m);
  py::class_<Program>(m, "Program", kProgramDoc)
      .def_static(
          "parse", [](const std::string& text) { return parse_program(text); }, py::arg("text"), kParseDoc)
      .def(
          "verify", [](const Program& p, const std::string& stage) { verify(p, parse_stage(stage)); },
          py::arg("stage") = "schedule", kVerifyDoc)
      .def(
          "simplify", [](const Program& p) { return simplify(p); }, kSimplifyDoc)
      .def("interpret", &interpret_program, kInterpretDoc)
      .def("__str__", [](const Program& p) { return to_text(p); })
      .def("__repr__", &repr)
      .def("__eq__", &equal)
      .def("__hash__", [](const Program& p) { return static_cast<int64_t>(structural_hash(p).low >> 1); })
      .def_property_readonly(
          "name", [](const Program& p) { return p->name.text; }, "The program's name.")
      .def_property_readonly(
          "arguments", [](const Program& p) { return py::tuple(py::cast(arguments_of(p))); },
          "What a caller gives and gets, in order.")
      .def_property_readonly("digest", &digest, "Hash of the structure, the same on every machine.");
}

}  // namespace tw::python
