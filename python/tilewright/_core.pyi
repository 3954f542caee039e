# Written by python/generate_stubs.py; a test keeps it up to date.
"""
The compiled part of Tilewright.
"""

from __future__ import annotations
import collections.abc
import typing

import numpy

__all__: list[str] = [
    "Argument",
    "Array",
    "Bandwidth",
    "BlockRef",
    "BufferRef",
    "Cache",
    "Callable",
    "Choices",
    "ComputeRate",
    "DatabaseState",
    "Expr",
    "FunctionState",
    "IndexMap",
    "LibraryState",
    "LoopRef",
    "Machine",
    "Program",
    "ReduceAxis",
    "Rejected",
    "Roof",
    "ScheduleState",
    "ShippedRecords",
    "Tensor",
    "TraceData",
    "Tunable",
    "Var",
    "abs",
    "add_sketch",
    "all",
    "any",
    "applied_rewrites",
    "argmax",
    "argmin",
    "array",
    "backends",
    "ceil",
    "compute",
    "const",
    "const_of",
    "cos",
    "declare_intrinsic",
    "empty",
    "erf",
    "exp",
    "find_intrinsic",
    "floor",
    "intrinsics",
    "is_of_this_machine",
    "llvm_version",
    "log",
    "look_up",
    "machine",
    "max",
    "maximum",
    "measure_bandwidth",
    "measure_rate",
    "min",
    "minimum",
    "pieces",
    "placeholder",
    "pow",
    "primitives",
    "prod",
    "program",
    "reduce",
    "reduce_axis",
    "remove_sketch",
    "rewrites",
    "roof",
    "round",
    "rsqrt",
    "same_tensor",
    "scan",
    "scatter",
    "scheduled_as",
    "serve",
    "sigmoid",
    "sin",
    "sketch_names",
    "sketch_point",
    "sqrt",
    "sum",
    "tanh",
    "target_text",
    "tune",
    "var",
    "where",
    "workload_key",
    "workload_work",
    "xgboost",
]

class Expr:
    """
    A value that has yet to be computed.

    Expressions come from reading tensors, from the axes that the function of `te.compute` is called with, and
    from operators and functions of other expressions. They have a dtype and no shape. Dtypes mix as in NumPy 2: a
    Python number takes the dtype of what it meets, a NumPy scalar keeps its own.

    Attributes
    ----------
    dtype : str
        Name of the dtype. Axes and symbolic dimensions have "index", which becomes int64 where it meets data.

    Examples
    --------
    >>> A = te.placeholder((4,), "float32", name="A")
    >>> A[0] * 2 + 1
    A[0] * 2.0f32 + 1.0f32
    >>> (A[0] < 0).dtype
    'bool'
    """

    __array_ufunc__ = None
    __hash__: typing.ClassVar[None] = None
    def __abs__(self) -> Expr: ...
    def __add__(self, arg0: typing.Any) -> Expr: ...
    def __and__(self, arg0: typing.Any) -> Expr: ...
    def __bool__(self) -> bool: ...
    def __eq__(self, arg0: typing.Any) -> Expr: ...
    def __float__(self) -> float: ...
    def __floordiv__(self, arg0: typing.Any) -> Expr: ...
    def __ge__(self, arg0: typing.Any) -> Expr: ...
    def __gt__(self, arg0: typing.Any) -> Expr: ...
    def __invert__(self) -> Expr: ...
    def __le__(self, arg0: typing.Any) -> Expr: ...
    def __lshift__(self, arg0: typing.Any) -> Expr: ...
    def __lt__(self, arg0: typing.Any) -> Expr: ...
    def __mod__(self, arg0: typing.Any) -> Expr: ...
    def __mul__(self, arg0: typing.Any) -> Expr: ...
    def __ne__(self, arg0: typing.Any) -> Expr: ...
    def __neg__(self) -> Expr: ...
    def __or__(self, arg0: typing.Any) -> Expr: ...
    def __pos__(self) -> typing.Any: ...
    def __pow__(self, arg0: typing.Any) -> Expr: ...
    def __radd__(self, arg0: typing.Any) -> Expr: ...
    def __rand__(self, arg0: typing.Any) -> Expr: ...
    def __repr__(self) -> str: ...
    def __rfloordiv__(self, arg0: typing.Any) -> Expr: ...
    def __rlshift__(self, arg0: typing.Any) -> Expr: ...
    def __rmod__(self, arg0: typing.Any) -> Expr: ...
    def __rmul__(self, arg0: typing.Any) -> Expr: ...
    def __ror__(self, arg0: typing.Any) -> Expr: ...
    def __rpow__(self, arg0: typing.Any) -> Expr: ...
    def __rrshift__(self, arg0: typing.Any) -> Expr: ...
    def __rshift__(self, arg0: typing.Any) -> Expr: ...
    def __rsub__(self, arg0: typing.Any) -> Expr: ...
    def __rtruediv__(self, arg0: typing.Any) -> Expr: ...
    def __rxor__(self, arg0: typing.Any) -> Expr: ...
    def __str__(self) -> str: ...
    def __sub__(self, arg0: typing.Any) -> Expr: ...
    def __truediv__(self, arg0: typing.Any) -> Expr: ...
    def __xor__(self, arg0: typing.Any) -> Expr: ...
    def astype(self, dtype: typing.Any) -> Expr:
        """
        Convert to another dtype.

        Integers wrap, floats round to nearest even; a float becomes an integer by truncation and saturates, NaN gives
        0; bool is "not zero".

        Parameters
        ----------
        dtype : str or numpy dtype
            The dtype wanted.

        Returns
        -------
        Expr
            The converted value.

        Raises
        ------
        InvalidType
            If the dtype is unknown.

        Examples
        --------
        >>> A = te.placeholder((4,), "float32", name="A")
        >>> A[0].astype("int8")
        int8(A[0])
        """
    @property
    def dtype(self) -> str:
        """
        Name of the dtype.
        """

class Var(Expr):
    """
    A symbolic dimension, or an axis of an operation.

    Attributes
    ----------
    name : str
        Its name.
    range : tuple of int
        Least and greatest value; None for an open end.
    multiple_of : int
        What every value is a multiple of.

    Examples
    --------
    >>> n = te.var("n", range=(1, 512), multiple_of=4)
    >>> n.name, n.range, n.multiple_of
    ('n', (1, 512), 4)
    """
    @property
    def multiple_of(self) -> int:
        """
        What every value is a multiple of.
        """
    @property
    def name(self) -> str:
        """
        Its name.
        """
    @property
    def range(self) -> tuple:
        """
        Least and greatest value; None for an open end.
        """

class ReduceAxis(Expr):
    """
    An axis that a reduction goes over; an expression of its position.

    Attributes
    ----------
    name : str
        Its name.
    begin, end : int or Expr
        The axis takes the values begin, begin + 1, …, end - 1.

    Examples
    --------
    >>> k = te.reduce_axis((2, 10), name="k")
    >>> k.name, k.begin, k.end
    ('k', 2, 10)
    """
    @property
    def begin(self) -> typing.Any:
        """
        The first value.
        """
    @property
    def end(self) -> typing.Any:
        """
        One after the last value.
        """
    @property
    def name(self) -> str:
        """
        Its name.
        """

class Tensor:
    """
    An array of elements that an operation defines.

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
    """

    __array_ufunc__ = None
    def __abs__(self) -> Expr: ...
    def __add__(self, arg0: typing.Any) -> Expr: ...
    def __and__(self, arg0: typing.Any) -> Expr: ...
    def __bool__(self) -> bool: ...
    def __eq__(self, arg0: typing.Any) -> typing.Any: ...
    def __floordiv__(self, arg0: typing.Any) -> Expr: ...
    def __ge__(self, arg0: typing.Any) -> Expr: ...
    def __getitem__(self, arg0: typing.Any) -> Expr: ...
    def __gt__(self, arg0: typing.Any) -> Expr: ...
    def __hash__(self) -> int: ...
    def __invert__(self) -> Expr: ...
    def __iter__(self) -> typing.Any: ...
    def __le__(self, arg0: typing.Any) -> Expr: ...
    def __len__(self) -> int: ...
    def __lshift__(self, arg0: typing.Any) -> Expr: ...
    def __lt__(self, arg0: typing.Any) -> Expr: ...
    def __mod__(self, arg0: typing.Any) -> Expr: ...
    def __mul__(self, arg0: typing.Any) -> Expr: ...
    def __ne__(self, arg0: typing.Any) -> typing.Any: ...
    def __neg__(self) -> Expr: ...
    def __or__(self, arg0: typing.Any) -> Expr: ...
    def __pow__(self, arg0: typing.Any) -> Expr: ...
    def __radd__(self, arg0: typing.Any) -> Expr: ...
    def __rand__(self, arg0: typing.Any) -> Expr: ...
    def __repr__(self) -> str: ...
    def __rfloordiv__(self, arg0: typing.Any) -> Expr: ...
    def __rlshift__(self, arg0: typing.Any) -> Expr: ...
    def __rmod__(self, arg0: typing.Any) -> Expr: ...
    def __rmul__(self, arg0: typing.Any) -> Expr: ...
    def __ror__(self, arg0: typing.Any) -> Expr: ...
    def __rpow__(self, arg0: typing.Any) -> Expr: ...
    def __rrshift__(self, arg0: typing.Any) -> Expr: ...
    def __rshift__(self, arg0: typing.Any) -> Expr: ...
    def __rsub__(self, arg0: typing.Any) -> Expr: ...
    def __rtruediv__(self, arg0: typing.Any) -> Expr: ...
    def __rxor__(self, arg0: typing.Any) -> Expr: ...
    def __setitem__(self, arg0: typing.Any, arg1: typing.Any) -> None: ...
    def __sub__(self, arg0: typing.Any) -> Expr: ...
    def __truediv__(self, arg0: typing.Any) -> Expr: ...
    def __xor__(self, arg0: typing.Any) -> Expr: ...
    def astype(self, dtype: typing.Any) -> Expr:
        """
        Convert the element of a tensor of rank 0.

        Examples
        --------
        >>> te.placeholder((), name="x").astype("int32")
        int32(x[])
        """
    @property
    def dtype(self) -> str:
        """
        Name of the dtype of the elements.
        """
    @property
    def is_placeholder(self) -> bool:
        """
        Whether it is an input, not something that is computed.
        """
    @property
    def name(self) -> str:
        """
        The name given, or one made up.
        """
    @property
    def ndim(self) -> int:
        """
        Number of dimensions.
        """
    @property
    def shape(self) -> tuple:
        """
        Extents.
        """

class Argument:
    """
    One argument of a program.

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
    """
    def __repr__(self) -> str: ...
    @property
    def dtype(self) -> str | None:
        """
        Name of the dtype; None for a size.
        """
    @property
    def kind(self) -> str:
        """
        What the caller does with it.
        """
    @property
    def name(self) -> str:
        """
        Its name.
        """
    @property
    def shape(self) -> tuple | None:
        """
        The extents; None for a size.
        """

class Program:
    """
    A loop program: a named function of arrays and sizes as a tree of loops, blocks and stores.

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
    """
    @staticmethod
    def parse(text: str) -> Program:
        """
        Read the text of a program.

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
        """
    def __eq__(self, arg0: typing.Any) -> bool: ...
    def __hash__(self) -> int: ...
    def __repr__(self) -> str: ...
    def __str__(self) -> str: ...
    def interpret(self, *args, **kwargs) -> typing.Any:
        """
        Run the program, slowly and plainly, with every access checked.

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
        """
    def simplify(self) -> Program:
        """
        Simplify expressions and remove branches and loops that never run.

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
        """
    def verify(self, stage: str = "schedule") -> None:
        """
        Check that the program is legal at a stage.

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
        """
    @property
    def arguments(self) -> tuple:
        """
        What a caller gives and gets, in order.
        """
    @property
    def digest(self) -> str:
        """
        Hash of the structure, the same on every machine.
        """
    @property
    def name(self) -> str:
        """
        The program's name.
        """

class LoopRef:
    """
    Number of a loop in a schedule's table of handles.
    """
    def __eq__(self, arg0: LoopRef) -> bool: ...
    def __hash__(self) -> int: ...

class BlockRef:
    """
    Number of a block in a schedule's table of handles.
    """
    def __eq__(self, arg0: BlockRef) -> bool: ...
    def __hash__(self) -> int: ...

class BufferRef:
    """
    Number of a buffer in a schedule's table of handles.
    """
    def __eq__(self, arg0: BufferRef) -> bool: ...
    def __hash__(self) -> int: ...

class Tunable:
    """
    A parameter of a schedule; tilewright.param makes one.
    """
    def __init__(
        self,
        name: str,
        min: typing.SupportsInt | typing.SupportsIndex,
        max: typing.SupportsInt | typing.SupportsIndex,
        multiple_of: typing.SupportsInt | typing.SupportsIndex,
        default: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    @property
    def default(self) -> int: ...
    @property
    def max(self) -> int: ...
    @property
    def min(self) -> int: ...
    @property
    def multiple_of(self) -> int: ...
    @property
    def name(self) -> str: ...

class IndexMap:
    """
    A map of indices: a layout.
    """
    @staticmethod
    def parse(text: str) -> IndexMap: ...
    def __init__(self, function: collections.abc.Callable, names: collections.abc.Sequence[str]) -> None: ...
    def __str__(self) -> str: ...

class TraceData:
    """
    The steps of a schedule as data.
    """
    @staticmethod
    def from_json(text: str) -> TraceData: ...
    def __len__(self) -> int: ...
    def to_json(self) -> str: ...

class ScheduleState:
    """
    A loop program under a schedule; tilewright.Schedule wraps it.
    """
    @staticmethod
    def replay(first: Program, trace: TraceData) -> ScheduleState: ...
    def __init__(self, first: Program) -> None: ...
    def apply(self, primitive: str, args: collections.abc.Sequence) -> list: ...
    def block(self, name: str) -> BlockRef: ...
    def blocks(self) -> list[BlockRef]: ...
    def buffer(self, name: str) -> BufferRef: ...
    def loops(self, block: BlockRef) -> list[LoopRef]: ...
    def name_of(self, handle: typing.Any) -> str: ...
    def show_text(self) -> str: ...
    @property
    def first_program(self) -> Program: ...
    @property
    def program(self) -> Program: ...
    @property
    def trace(self) -> TraceData: ...

class Array:
    """
    An array in the memory of the CPU that functions read and write.

    `tw.empty` and `tw.array` make arrays of their own, row-major and aligned to 64 bytes. `Array.from_dlpack`
    takes the memory of other libraries without a copy, and `numpy` and `__dlpack__` give it: NumPy, PyTorch and
    JAX read an Array with their own `from_dlpack`.

    Attributes
    ----------
    shape : tuple of int
        The extents.
    strides : tuple of int
        From one element to the next along each dimension, in elements.
    dtype : str
        Name of the dtype.
    nbytes : int
        Bytes of all elements.
    read_only : bool
        Whether the memory must not be written.

    Examples
    --------
    >>> x = tw.array([[1, 2, 3], [4, 5, 6]], "float32")
    >>> x
    <tw.Array float32 (2, 3)>
    >>> np.from_dlpack(x) + 1
    array([[2., 3., 4.],
           [5., 6., 7.]], dtype=float32)
    """
    @staticmethod
    def from_dlpack(source: typing.Any) -> Array:
        """
        Take the memory of an array of another library, without a copy.

        Parameters
        ----------
        source : object
            Anything with `__dlpack__` and `__dlpack_device__`, on the CPU, with any strides.

        Returns
        -------
        Array
            On the same memory, which it keeps alive; read-only if the source says so.

        Raises
        ------
        InvalidType
            If the source has no `__dlpack__`, or a dtype that there is not.
        InvalidValue
            If it lies on another device, or refuses.

        Examples
        --------
        >>> a = np.arange(6, dtype="float64").reshape(2, 3)
        >>> x = tw.Array.from_dlpack(a.T)
        >>> x.shape, x.strides
        ((3, 2), (1, 3))
        >>> x.numpy()[2, 1] = 50
        >>> a[1, 2]
        np.float64(50.0)
        """
    def __array__(self, dtype: typing.Any = None, copy: typing.Any = None) -> typing.Any: ...
    def __dlpack__(
        self,
        *,
        stream: typing.Any = None,
        max_version: typing.Any = None,
        dl_device: typing.Any = None,
        copy: typing.Any = None,
    ) -> typing.Any: ...
    def __dlpack_device__(self) -> tuple[int, int]: ...
    def __len__(self) -> int: ...
    def __repr__(self) -> str: ...
    def numpy(self) -> numpy.ndarray:
        """
        Give a NumPy array on the same memory.

        Returns
        -------
        numpy.ndarray
            A view: writes to either are seen in both. bfloat16 has the dtype of ml_dtypes.

        Examples
        --------
        >>> x = tw.empty((2, 2), "int32")
        >>> x.numpy()[...] = 7
        >>> x.numpy()
        array([[7, 7],
               [7, 7]], dtype=int32)
        """
    @property
    def dtype(self) -> str:
        """
        Name of the dtype.
        """
    @property
    def nbytes(self) -> int:
        """
        Bytes of all elements.
        """
    @property
    def ndim(self) -> int:
        """
        How many dimensions.
        """
    @property
    def read_only(self) -> bool:
        """
        Whether the memory must not be written.
        """
    @property
    def shape(self) -> tuple:
        """
        The extents.
        """
    @property
    def strides(self) -> tuple:
        """
        From one element to the next along each dimension, in elements.
        """

class Callable:
    """
    What can be called with arrays.
    """
    def __call__(self: typing.Callable, *args, **kwargs) -> typing.Any:
        """
        Run the function.

        Parameters
        ----------
        *arguments : array or int
            All arguments in order, outputs among them, which are then written in place; or all but the outputs, which
            are then made. Arrays are of NumPy, `tw.Array`, or anything with `__dlpack__`, on the CPU, of the dtype
            that the program says. Inputs may have any strides: those that are not contiguous are copied, which
            `stats.copies` counts. Outputs must be contiguous, writable and overlap no input.
        **named : array or int
            Arguments by name. `params`, a dict, gives parameters of the schedule other values than their defaults;
            `threads`, an int, is the most threads to use.

        Returns
        -------
        numpy.ndarray, Array, tuple of them, or None
            None where outputs were given. Else the output, or a tuple of several: NumPy arrays if every array given is
            one, else `tw.Array`.

        Raises
        ------
        InvalidType
            If an argument has another dtype, or is no array.
        InvalidValue
            If arguments are missing, too many, of another shape, on another device; if an output is read-only, not
            contiguous, or overlaps an input; if a parameter is out of its range, or the function is closed.

        Examples
        --------
        >>> A = te.placeholder((2, 3), name="A")
        >>> f = tw.build(te.compute((2, 3), lambda i, j: A[i, j] * 2, name="B"))
        >>> a, b = np.ones((2, 3), "float32"), np.empty((2, 3), "float32")
        >>> f(a, b)
        >>> b
        array([[2., 2., 2.],
               [2., 2., 2.]], dtype=float32)
        >>> f(A=b)
        array([[4., 4., 4.],
               [4., 4., 4.]], dtype=float32)
        """
    def _close(self: typing.Callable) -> None: ...
    def _copies(self: typing.Callable) -> dict[str, int]: ...
    def _time(
        self: typing.Callable, arg0: bool, arg1: typing.SupportsFloat | typing.SupportsIndex, *args, **kwargs
    ) -> tuple[list[float], int]: ...
    def _tunables(self: typing.Callable) -> list: ...

class FunctionState(Callable):
    """
    Compiled code of a program; tilewright.Function is made of it.
    """
    @typing.overload
    def __init__(self, program: Program, target: str) -> None: ...
    @typing.overload
    def __init__(self, function: FunctionState, constants: dict) -> None: ...
    def _export(self, path: str, embed_weights: bool) -> None: ...
    def _source(self, kind: str) -> str: ...
    def _stats(self) -> dict: ...
    @property
    def program(self) -> Program:
        """
        The program that it was made of.
        """
    @property
    def target(self) -> str:
        """
        The target in full: with the CPU and its features.
        """

class Cache:
    """
    A data or unified cache.

    Attributes
    ----------
    level : int
        1 is the one nearest to the processor.
    bytes : int
        Of one such cache.
    shared_by : int
        Processors that share it.

    Examples
    --------
    >>> [cache.level for cache in tw.machine().caches] == sorted(cache.level for cache in tw.machine().caches)
    True
    """
    def __repr__(self) -> str: ...
    @property
    def bytes(self) -> int:
        """
        Of one such cache.
        """
    @property
    def level(self) -> int:
        """
        1 is the one nearest to the processor.
        """
    @property
    def shared_by(self) -> int:
        """
        Processors that share it.
        """

class Machine:
    """
    The machine that this process runs on.

    Attributes
    ----------
    cpu : str
        Vendor, family, model and name, as the system gives them.
    threads : int
        Processors that this process may use.
    caches : list of Cache
        From the first level on, as far as the system tells.
    memory_bytes : int
        0: unknown.
    vector_bits : int
        Of the widest vector registers.
    vector_registers : int
        How many of them there are.

    Examples
    --------
    >>> tw.machine()  # doctest: +ELLIPSIS
    <tw.Machine ... threads, vectors of ... bits, caches of ...>
    """
    def __repr__(self) -> str: ...
    def cache_bytes(
        self,
        level: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex = 1,
    ) -> int:
        """
        How much threads may keep in the caches of a level.

        Parameters
        ----------
        level : int
            1 to 3.
        threads : int
            How many, spread over the processors as widely as they go.

        Returns
        -------
        int
            Bytes of all the caches that they reach; a usual size where the system does not tell.

        Raises
        ------
        InvalidValue
            For another level, or fewer than 1 thread.

        Examples
        --------
        >>> machine = tw.machine()
        >>> machine.cache_bytes(1) <= machine.cache_bytes(2)
        True
        """
    @property
    def caches(self) -> list[Cache]:
        """
        From the first level on, as far as the system tells.
        """
    @property
    def cpu(self) -> str:
        """
        Vendor, family, model and name, as the system gives them.
        """
    @property
    def memory_bytes(self) -> int:
        """
        0: unknown.
        """
    @property
    def threads(self) -> int:
        """
        Processors that this process may use.
        """
    @property
    def vector_bits(self) -> int:
        """
        Of the widest vector registers.
        """
    @property
    def vector_registers(self) -> int:
        """
        How many of them there are.
        """

class ComputeRate:
    """
    Arithmetic held in registers, by dtype and threads.

    Attributes
    ----------
    dtype : str
        Of the factors.
    instructions : str
        What computed it.
    threads : int
        How many ran.
    operations : float
        A second, all threads together; a multiply-add counts as two.

    Examples
    --------
    >>> tw.measure_rate("float32", 1)  # doctest: +ELLIPSIS
    <tw.ComputeRate float32, 1 threads: ... Gop/s by ...>
    """
    def __repr__(self) -> str: ...
    @property
    def dtype(self) -> str:
        """
        Of the factors.
        """
    @property
    def instructions(self) -> str:
        """
        What computed it.
        """
    @property
    def operations(self) -> float:
        """
        A second, all threads together.
        """
    @property
    def threads(self) -> int:
        """
        How many ran.
        """

class Bandwidth:
    """
    Passes over memory, by working set and threads.

    Attributes
    ----------
    working_set : int
        Bytes of all threads together.
    threads : int
        How many ran.
    read, write : float
        Bytes a second.
    copy : float
        Bytes read and bytes written, a second.

    Examples
    --------
    >>> tw.measure_bandwidth(1 << 16, 1)  # doctest: +ELLIPSIS
    <tw.Bandwidth 64 KiB, 1 threads: read ..., write ..., copy ... GB/s>
    """
    def __repr__(self) -> str: ...
    @property
    def copy(self) -> float:
        """
        Bytes read and bytes written a second.
        """
    @property
    def read(self) -> float:
        """
        Bytes a second.
        """
    @property
    def threads(self) -> int:
        """
        How many ran.
        """
    @property
    def working_set(self) -> int:
        """
        Bytes of all threads together.
        """
    @property
    def write(self) -> float:
        """
        Bytes a second.
        """

class Roof:
    """
    The most that this machine computes and moves in a second, measured.

    Attributes
    ----------
    machine : str
        What hardware it was measured on.
    quick : bool
        Whether few points were measured.
    rates : list of ComputeRate
        Arithmetic, by dtype and threads.
    bandwidths : list of Bandwidth
        Memory, by threads and working set.

    Examples
    --------
    >>> roof = tw.roof(quick=True)
    >>> roof.operations("float32", 1) > 0
    True
    >>> roof.seconds("float32", operations=2 * 1024**3, bytes=3 * 4 * 1024**2, threads=1) > 0
    True
    """
    def __repr__(self) -> str: ...
    def bandwidth(
        self,
        kind: str,
        working_set: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> float:
        """
        Bytes a second over a working set.

        Parameters
        ----------
        kind : {"read", "write", "copy"}
            "copy" counts bytes read and bytes written.
        working_set : int
            Bytes, of all threads together.
        threads : int
            At least 1.

        Returns
        -------
        float
            Of all threads together.

        Raises
        ------
        InvalidValue
            For another kind, or fewer than 1 thread.

        Examples
        --------
        >>> roof = tw.roof(quick=True)
        >>> roof.bandwidth("read", 1 << 14, 1) >= roof.bandwidth("read", 1 << 40, 1)
        True
        """
    def operations(self, dtype: str, threads: typing.SupportsInt | typing.SupportsIndex) -> float:
        """
        Operations a second, a multiply-add counting as two.

        Parameters
        ----------
        dtype : {"float32", "bfloat16", "int8"}
            Of the factors.
        threads : int
            At least 1. Between counts that were measured: on the line between them.

        Returns
        -------
        float
            Of all threads together.

        Raises
        ------
        InvalidValue
            For another dtype, or fewer than 1 thread.

        Examples
        --------
        >>> roof = tw.roof(quick=True)
        >>> roof.operations("int8", 1) >= roof.operations("float32", 1)
        True
        """
    def seconds(
        self,
        dtype: str,
        operations: typing.SupportsFloat | typing.SupportsIndex,
        bytes: typing.SupportsInt | typing.SupportsIndex,
        threads: typing.SupportsInt | typing.SupportsIndex,
    ) -> float:
        """
        The least time of a kernel.

        Parameters
        ----------
        dtype : {"float32", "bfloat16", "int8"}
            What it computes with.
        operations : float
            Its arithmetic, a multiply-add counting as two.
        bytes : int
            What it reads and writes, which is its working set too.
        threads : int
            At least 1.

        Returns
        -------
        float
            Seconds: of the arithmetic or of the memory, whichever takes longer.

        Raises
        ------
        InvalidValue
            For another dtype, or fewer than 1 thread.

        Examples
        --------
        >>> tw.roof(quick=True).seconds("float32", 0, 1 << 30, 1) > 0
        True
        """
    def to_json(self) -> str:
        """
        Give the figures as JSON.

        Returns
        -------
        str
            An object with "machine", "rates" and "bandwidths".

        Examples
        --------
        >>> import json
        >>> sorted(json.loads(tw.roof(quick=True).to_json()))
        ['bandwidths', 'machine', 'quick', 'rates', 'version']
        """
    @property
    def bandwidths(self) -> list[Bandwidth]:
        """
        Memory, by threads and working set.
        """
    @property
    def machine(self) -> str:
        """
        What hardware it was measured on.
        """
    @property
    def quick(self) -> bool:
        """
        Whether few points were measured.
        """
    @property
    def rates(self) -> list[ComputeRate]:
        """
        Arithmetic, by dtype and threads.
        """

class LibraryState(Callable):
    """
    A loaded library; tilewright.Library is made of it.
    """
    def __init__(self, path: str, weights: str) -> None: ...
    def _description(self) -> str: ...
    @property
    def name(self) -> str:
        """
        The name that its functions begin with in C.
        """

class DatabaseState:
    """
    An open database; tilewright.Database wraps it.
    """
    def __init__(self, path: str, read_only: bool) -> None: ...
    def best(
        self,
        program: Program,
        target: str,
        cache: str,
        bounded: bool,
        sizes: collections.abc.Sequence[
            collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex]
        ],
    ) -> typing.Any: ...
    def check(self) -> str: ...
    def close(self) -> None: ...
    def export(self, path: str, best: bool) -> int: ...
    def merge(self, other: str) -> int: ...
    def neighbours(
        self,
        program: Program,
        target: str,
        cache: str,
        bounded: bool,
        limit: typing.SupportsInt | typing.SupportsIndex,
    ) -> list: ...
    def record(self, id: typing.SupportsInt | typing.SupportsIndex) -> tuple: ...
    def records(
        self,
        workload: str,
        target: str,
        machine: str,
        cache: str,
        ok: bool,
        verified: bool,
        best: bool,
        run: typing.SupportsInt | typing.SupportsIndex,
        limit: typing.SupportsInt | typing.SupportsIndex,
    ) -> list: ...
    def runs(self) -> list: ...
    def verify(
        self,
        ids: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        worker: collections.abc.Sequence[str],
    ) -> list: ...
    @property
    def path(self) -> str: ...

class ShippedRecords:
    """
    Records that come with Tilewright.
    """
    def __init__(self, folder: str) -> None: ...
    def notes(self) -> list[str]: ...
    def records(self) -> list: ...

class Choices:
    """
    The holes of a sketch; each method fills one.
    """
    def flag(self, name: str, preferred: bool = False) -> bool:
        """
        Yes or no.
        """
    def parameter(
        self,
        name: str,
        values: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        preferred: typing.SupportsInt | typing.SupportsIndex,
    ) -> Tunable:
        """
        A factor of `split` that is filled when the kernel runs.
        """
    def pick(
        self,
        name: str,
        values: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex],
        preferred: typing.SupportsInt | typing.SupportsIndex,
    ) -> int:
        """
        One of the values; code is generated for it.
        """
    def reject(self, why: str) -> None:
        """
        Says that no such point exists.
        """
    def way(
        self,
        name: str,
        ways: collections.abc.Sequence[str],
        preferred: typing.SupportsInt | typing.SupportsIndex = 0,
    ) -> int:
        """
        One of the ways, by its position.
        """

class Rejected(ValueError):
    pass

def abs(x: typing.Any) -> Expr: ...
def add_sketch(
    name: str, summary: str, applies: collections.abc.Callable, apply: collections.abc.Callable
) -> None:
    """
    Adds a sketch written in Python.
    """

def all(x: typing.Any, axis: typing.Any) -> Expr: ...
def any(x: typing.Any, axis: typing.Any) -> Expr: ...
def applied_rewrites(program: Program) -> list:
    """
    The rewrites that made a program, in order, with the bounds that they declare.
    """

def argmax(x: typing.Any, axis: typing.Any) -> Expr: ...
def argmin(x: typing.Any, axis: typing.Any) -> Expr: ...
def array(source: typing.Any, dtype: typing.Any = None) -> Array:
    """
    Make an array with the values of another.

    Parameters
    ----------
    source : array-like
        A NumPy array, numbers, nested lists, or anything with `__dlpack__`.
    dtype : dtype-like, optional
        What to convert to; the dtype of the source if left out.

    Returns
    -------
    Array
        Row-major, aligned to 64 bytes: a copy always.

    Raises
    ------
    InvalidType
        If there is no such dtype.

    Examples
    --------
    >>> tw.array(np.eye(2, dtype="float32")).dtype
    'float32'
    >>> tw.array([1, 2], "int8")
    <tw.Array int8 (2,)>
    """

def backends() -> list:
    """
    The back ends: name, summary, why it cannot be used on this machine (empty: it can).
    """

def ceil(x: typing.Any) -> Expr: ...
def compute(
    shape: typing.Any, fn: typing.Any, name: str, axes: collections.abc.Sequence[str]
) -> typing.Any: ...
def const(value: typing.Any) -> Expr: ...
def const_of(value: typing.Any, dtype: typing.Any) -> Expr: ...
def cos(x: typing.Any) -> Expr: ...
def declare_intrinsic(
    name: str,
    output: Tensor,
    accumulates: bool,
    operand_names: collections.abc.Sequence[str],
    operands: typing.Any,
    implementations: typing.Any,
    numerics: dict,
    summary: str,
) -> str:
    """
    Adds a tensor intrinsic to the registry.
    """

def empty(shape: typing.Any, dtype: typing.Any = "float32") -> Array:
    """
    Make an array, its elements not set.

    Parameters
    ----------
    shape : int or sequence of int
        The extents.
    dtype : dtype-like
        A name such as "float32", or a NumPy dtype.

    Returns
    -------
    Array
        Row-major, aligned to 64 bytes.

    Raises
    ------
    InvalidValue
        If an extent is negative or there is not so much memory.

    Examples
    --------
    >>> tw.empty((2, 3), "bfloat16").nbytes
    12
    """

def erf(x: typing.Any) -> Expr: ...
def exp(x: typing.Any) -> Expr: ...
def find_intrinsic(name: str) -> typing.Any:
    """
    A tensor intrinsic as plain data, or None.
    """

def floor(x: typing.Any) -> Expr: ...
def intrinsics() -> list:
    """
    Families of tensor intrinsics and declared ones.
    """

def is_of_this_machine(target: str, machine: str) -> bool:
    """
    Whether records of a target and machine can be run here.
    """

def log(x: typing.Any) -> Expr: ...
def look_up(
    program: Program,
    target: str,
    bounded: bool,
    cache: str,
    database: DatabaseState | None,
    shipped: ShippedRecords | None,
) -> tuple:
    """
    The scheduled program of the best record, the record, and why.
    """

def machine() -> Machine:
    """
    Say what the machine is that this process runs on.

    Returns
    -------
    Machine
        Its threads, caches and vectors.

    Examples
    --------
    >>> tw.machine().threads >= 1
    True
    """

def max(x: typing.Any, axis: typing.Any) -> Expr: ...
def maximum(a: typing.Any, b: typing.Any) -> Expr: ...
def measure_bandwidth(
    working_set: typing.SupportsInt | typing.SupportsIndex, threads: typing.SupportsInt | typing.SupportsIndex
) -> Bandwidth:
    """
    Measure bandwidth over one working set now.

    Parameters
    ----------
    working_set : int
        Bytes of all threads together; at least 16 KiB a thread are taken.
    threads : int
        At least 1, at most the processors of this process.

    Returns
    -------
    Bandwidth
        With `read`, `write` and `copy` in bytes a second.

    Raises
    ------
    InvalidValue
        For a number of threads out of range.

    Examples
    --------
    >>> tw.measure_bandwidth(1 << 20, 1).copy > 0
    True
    """

def measure_rate(dtype: str, threads: typing.SupportsInt | typing.SupportsIndex) -> ComputeRate:
    """
    Measure the rate of one dtype now, whatever is known.

    Clocks change with what else a machine does: a figure is best compared with a roof of the same minute.

    Parameters
    ----------
    dtype : {"float32", "bfloat16", "int8"}
        Of the factors.
    threads : int
        At least 1, at most the processors of this process.

    Returns
    -------
    ComputeRate
        With `operations` a second.

    Raises
    ------
    InvalidValue
        For another dtype, or a number of threads out of range.

    Examples
    --------
    >>> tw.measure_rate("bfloat16", 1).operations > 0
    True
    """

def min(x: typing.Any, axis: typing.Any) -> Expr: ...
def minimum(a: typing.Any, b: typing.Any) -> Expr: ...
def pieces(
    shape: typing.Any,
    pairs: collections.abc.Sequence[tuple[typing.Any, typing.Any]],
    name: str,
    axes: collections.abc.Sequence[str],
) -> Tensor: ...
def placeholder(shape: typing.Any, dtype: typing.Any, name: str, constant: bool) -> Tensor: ...
def pow(a: typing.Any, b: typing.Any) -> Expr: ...
def primitives() -> list:
    """
    The registered primitives of schedules as plain data.
    """

def prod(x: typing.Any, axis: typing.Any) -> Expr: ...
def program(outputs: collections.abc.Sequence[Tensor], args: list | None, name: str) -> Program: ...
def reduce(
    combine: collections.abc.Callable,
    identity: collections.abc.Callable,
    name: str,
    operands: typing.Any,
    axis: typing.Any,
) -> list[Expr]: ...
def reduce_axis(begin: typing.Any, end: typing.Any, name: str) -> ReduceAxis: ...
def remove_sketch(name: str) -> None:
    """
    Takes a sketch away.
    """

def rewrites() -> list:
    """
    The registered rewrites as plain data.
    """

def roof(quick: bool = False, refresh: bool = False) -> Roof:
    """
    Measure the most that this machine computes and moves in a second.

    What was measured on the same hardware before is taken from a file: in $XDG_CACHE_HOME/tilewright, or
    ~/.cache/tilewright.

    Parameters
    ----------
    quick : bool
        One thread and all of them, a working set for each cache: half a second, else two.
    refresh : bool
        Measure even where the figures are known. Where other programs ran at the first time, they are too low.

    Returns
    -------
    Roof
        The figures.

    Examples
    --------
    >>> tw.roof(quick=True)  # doctest: +ELLIPSIS
    <tw.Roof ... Gop/s of float32 ...>
    """

def round(x: typing.Any) -> Expr: ...
def rsqrt(x: typing.Any) -> Expr: ...
def same_tensor(a: Tensor, b: Tensor) -> bool: ...
def scan(
    inits: tuple, step: typing.Any, length: typing.Any, name: str, axes: collections.abc.Sequence[str]
) -> tuple: ...
def scatter(
    init: Tensor,
    domain: typing.Any,
    index: typing.Any,
    value: typing.Any,
    combine: str,
    name: str,
    axes: collections.abc.Sequence[str],
) -> Tensor: ...
def scheduled_as(line: str) -> Program:
    """
    The program that a record's line says.
    """

def serve(
    input: typing.SupportsInt | typing.SupportsIndex, output: typing.SupportsInt | typing.SupportsIndex
) -> int:
    """
    Answer a tuner's requests until its end of the pipe closes.

    Parameters
    ----------
    input, output : int
        File descriptors that messages come from and go to. stdin and stdout are moved away first: what kernels
        print goes to stderr.

    Returns
    -------
    int
        The exit status: 0, or another when what came were no messages.
    """

def sigmoid(x: typing.Any) -> Expr: ...
def sin(x: typing.Any) -> Expr: ...
def sketch_names(
    program: Program,
    target: str,
    bounded: bool,
    sizes: collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex],
) -> list[str]:
    """
    The sketches that apply.
    """

def sketch_point(
    program: Program,
    target: str,
    sketch: str,
    choices: collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex],
    bounded: bool,
    sizes: collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex],
) -> typing.Any:
    """
    The program, trace, parameters and holes of a point of a sketch.
    """

def sqrt(x: typing.Any) -> Expr: ...
def sum(x: typing.Any, axis: typing.Any) -> Expr: ...
def tanh(x: typing.Any) -> Expr: ...
def target_text(text: str) -> str:
    """
    A target in full.
    """

def tune(program: Program, options: dict, database: str, shipped: str, on_progress: typing.Any) -> dict:
    """
    Searches; gives the result as plain data.
    """

def var(
    name: str,
    min: typing.SupportsInt | typing.SupportsIndex,
    max: typing.SupportsInt | typing.SupportsIndex | None,
    multiple_of: typing.SupportsInt | typing.SupportsIndex,
) -> Var: ...
def where(condition: typing.Any, on_true: typing.Any, on_false: typing.Any) -> Expr: ...
def workload_key(program: Program) -> tuple[str, str]:
    """
    The hash and the text that records of the expression have.
    """

def workload_work(
    program: str,
    sizes: collections.abc.Sequence[collections.abc.Mapping[str, typing.SupportsInt | typing.SupportsIndex]],
) -> dict:
    """
    Operations and bytes of a run of a workload's text; operations and bytes a second of this machine.
    """

def xgboost() -> dict:
    """
    The file and version of the XGBoost library that models use, or why there is none.
    """

__version__: str = "0.1.0"
llvm_version: str = "19.1.7"
