"""Operator-definition scripts: operators as functions of their sizes, with schedules and workloads.

>>> @tw.operator
... def scale(n: int, dtype: str = "float32"):
...     A = te.placeholder((n,), dtype, name="A")
...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
>>> scale.workloads = [dict(n=16), dict(n=1024)]
>>> scale.build(n=4)(np.ones(4, "float32"))
array([2., 2., 2., 2.], dtype=float32)
"""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tilewright._core import Program, Tensor, Var
from tilewright.builder import build
from tilewright.errors import InvalidType, InvalidValue, UserError
from tilewright.function import Function
from tilewright.schedule import Schedule
from tilewright.te.tensors import program as first_program
from tilewright.tuning import TuneResult, tune

__all__ = ["Operator", "load_script", "operator"]


class Operator:
    """A function of sizes that gives tensors: inputs first, outputs last. `operator` makes it.

    Attributes
    ----------
    name : str
        Of the function.
    workloads : list of dict
        Sizes to be tuned: what `autotune tune` takes.
    sizes : list of dict or None
        Of operators with symbolic dimensions: at which values they are tuned, as of `tilewright.tune`.

    Examples
    --------
    >>> @tw.operator
    ... def twice(n: int):
    ...     A = te.placeholder((n,), name="A")
    ...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
    >>> twice
    <tw.Operator twice(n: int)>
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self.name = function.__name__
        self.workloads: list[dict[str, Any]] = []
        self.sizes: list[dict[str, float]] | None = None
        self._function = function
        self._signature = inspect.signature(function)
        self._schedules: dict[str, Callable[[Schedule], None]] = {}

    def __repr__(self) -> str:
        # Without evaluating annotations: they may be texts.
        sizes = ", ".join(str(p).replace("'", "") for p in self._signature.parameters.values())
        return f"<tw.Operator {self.name}({sizes})>"

    def __call__(self, *sizes: Any, **named: Any) -> tuple[Tensor | Var, ...]:
        """Give the tensors at these sizes.

        Parameters
        ----------
        *sizes, **named
            Of the operator.

        Returns
        -------
        tuple of Tensor and Var
            As the function returns them.

        Raises
        ------
        InvalidType
            If a size is missing or there is none of a name, or the function returns something else.

        Examples
        --------
        >>> @tw.operator
        ... def ones(n: int):
        ...     return te.compute((n,), lambda i: 1.0, name="one")
        >>> [tensor.name for tensor in ones(n=2)]
        ['one']
        """
        try:
            bound = self._signature.bind(*sizes, **named)
        except TypeError as error:
            raise InvalidType(f"operator {self.name}: {error}; it is {self!r}") from None
        made = self._function(*bound.args, **bound.kwargs)
        made = made if isinstance(made, tuple) else (made,)
        for one in made:
            if not isinstance(one, (Tensor, Var)):
                raise InvalidType(
                    f"operator {self.name} returned {one!r}; it must return its tensors, outputs last"
                )
        return made

    def program(self, *sizes: Any, **named: Any) -> Program:
        """Give the first program at these sizes: arguments in the order returned.

        Parameters
        ----------
        *sizes, **named
            Of the operator.

        Returns
        -------
        Program
            What schedules start from.

        Raises
        ------
        InvalidValue
            If nothing that is computed is returned.

        Examples
        --------
        >>> @tw.operator
        ... def twice(n: int):
        ...     A = te.placeholder((n,), name="A")
        ...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
        >>> print(twice.program(n=3))
        program twice(A: in float32[3], B: out float32[3]):
          for i in 3:
            block B#0(vi: spatial(3) = i):
              reads A[vi]
              writes B[vi]
              B[vi] = A[vi] * 2.0f32
        <BLANKLINE>
        """
        tensors = self(*sizes, **named)
        return first_program(self._outputs(tensors), list(tensors), name=self.name)

    def _outputs(self, tensors: tuple[Tensor | Var, ...]) -> list[Tensor]:
        outputs = [one for one in tensors if isinstance(one, Tensor) and not one.is_placeholder]
        if not outputs:
            raise InvalidValue(f"operator {self.name} returns placeholders only; return its outputs last")
        return outputs

    def schedule(self, target: str = "llvm") -> Callable[[Callable[[Schedule], None]], Callable]:
        """Say how the operator is scheduled for a kind of target where no record says it better.

        Parameters
        ----------
        target : str
            The back end: "llvm".

        Returns
        -------
        callable
            A decorator for a function of a `Schedule`.

        Examples
        --------
        >>> @tw.operator
        ... def twice(n: int):
        ...     A = te.placeholder((n,), name="A")
        ...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
        >>> @twice.schedule("llvm")
        ... def _(s):
        ...     (i,) = s.loops("B")
        ...     s.vectorize(s.split(i, [None, 16])[1])
        >>> twice.build(n=2)(np.ones(2, "float32"))
        array([2., 2.], dtype=float32)
        """

        def add(function: Callable[[Schedule], None]) -> Callable[[Schedule], None]:
            self._schedules[target.split()[0]] = function
            return function

        return add

    def scheduled(self, target: str = "llvm", **sizes: Any) -> Schedule:
        """Give the schedule at these sizes as its author wrote it; the default nest without one.

        Parameters
        ----------
        target : str
            Whose schedule: that of its first word.
        **sizes
            Of the operator.

        Returns
        -------
        Schedule
            To be changed further, or built.

        Examples
        --------
        >>> @tw.operator
        ... def twice(n: int):
        ...     A = te.placeholder((n,), name="A")
        ...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
        >>> twice.scheduled(n=8).blocks()
        [<tw.Block B>]
        """
        s = Schedule(self.program(**sizes))
        author = self._schedules.get(target.split()[0])
        if author:
            author(s)
        return s

    def build(self, target: str = "llvm", *, db: Any = None, strict: bool = False, **sizes: Any) -> Function:
        """Compile the operator at these sizes: by its best record, else as its author scheduled it.

        Parameters
        ----------
        target : str
            As of `tilewright.build`.
        db, strict
            As of `tilewright.build`.
        **sizes
            Of the operator.

        Returns
        -------
        Function
            Its arguments are what the operator returns, in that order.

        Raises
        ------
        UserError
            As `tilewright.build` does.

        Examples
        --------
        >>> @tw.operator
        ... def ones(n: int):
        ...     return te.compute((n,), lambda i: 1.0, name="one")
        >>> ones.build(n=2)()
        array([1., 1.])
        """
        tensors = self(**sizes)
        f = build(self._outputs(tensors), target, args=tensors, db=db, strict=strict)
        if f.record is None and target.split()[0] in self._schedules:
            return build(self.scheduled(target, **sizes), target)
        return f

    def tune(
        self, target: str = "llvm", db: Any = None, *, sizes: Any = None, **options: Any
    ) -> list[TuneResult]:
        """Tune every workload of the operator.

        Parameters
        ----------
        target, db, sizes, **options
            As of `tilewright.tune`; the limits hold for each workload.

        Returns
        -------
        list of TuneResult
            One for each of `workloads`.

        Raises
        ------
        UserError
            As `tilewright.tune` does; without workloads.

        Examples
        --------
        >>> @tw.operator
        ... def twice(n: int):
        ...     A = te.placeholder((n,), name="A")
        ...     return A, te.compute((n,), lambda i: A[i] * 2, name="B")
        >>> twice.workloads = [dict(n=64)]
        >>> [r] = twice.tune(trials=3, seconds=5)
        >>> r.best.verified
        True
        """
        if not self.workloads:
            raise InvalidValue(
                f"operator {self.name} has no workloads; set {self.name}.workloads = [dict(…)]"
            )
        return [
            tune(self.program(**w), target, db, sizes=sizes or self.sizes, label=self.label(w), **options)
            for w in self.workloads
        ]

    def label(self, sizes: Mapping[str, Any]) -> str:
        """Name a workload for people.

        Parameters
        ----------
        sizes : dict
            Of the operator.

        Returns
        -------
        str
            "matmul M=64 N=32".

        Examples
        --------
        >>> @tw.operator
        ... def ones(n: int):
        ...     return te.compute((n,), lambda i: 1.0, name="one")
        >>> ones.label({"n": 3})
        'ones n=3'
        """
        return " ".join([self.name, *(f"{name}={value}" for name, value in sizes.items())])


def operator(function: Callable[..., Any]) -> Operator:
    """Make an operator of a function of sizes that returns tensors, outputs last.

    Parameters
    ----------
    function : callable
        Its parameters are sizes, and others such as a dtype.

    Returns
    -------
    Operator
        With `build`, `tune`, `schedule` and `workloads`.

    Examples
    --------
    >>> @tw.operator
    ... def total(n: int):
    ...     A = te.placeholder((n,), name="A")
    ...     i = te.reduce_axis(n, name="i")
    ...     return A, te.compute((1,), lambda _: te.sum(A[i], axis=i), name="B")
    >>> total.build(n=3)(np.ones(3, "float32"))
    array([3.], dtype=float32)
    """
    if not callable(function):
        raise InvalidType(f"operator takes a function, not {function!r}")
    return Operator(function)


def load_script(path: str) -> dict[str, Operator]:
    """Run an operator-definition script and give its operators by name.

    Parameters
    ----------
    path : str
        A Python file. It runs with all rights of this process.

    Returns
    -------
    dict of str to Operator
        In the order of the file.

    Raises
    ------
    InvalidValue
        If there is no such file, it fails, or it defines no operator.

    Examples
    --------
    >>> from tilewright import operators
    >>> try:
    ...     operators.load_script("nowhere.py")
    ... except tw.UserError as error:
    ...     print(error)
    there is no script 'nowhere.py'
    """
    file = Path(path)
    if not file.is_file():
        raise InvalidValue(f"there is no script '{path}'")
    name = f"tilewright_script_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InvalidValue(f"'{path}' is no Python script: its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:
        raise InvalidValue(f"script '{path}' failed: {type(error).__name__}: {error}") from error
    found = dict(_operators_of(vars(module)))
    if not found:
        raise InvalidValue(f"script '{path}' defines no operator; decorate a function with @tw.operator")
    return found


def _operators_of(names: Mapping[str, Any]) -> Iterator[tuple[str, Operator]]:
    for name, value in names.items():
        if isinstance(value, Operator) and not name.startswith("_"):
            yield value.name, value
