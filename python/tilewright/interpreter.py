"""The reference interpreter on NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tilewright import _core, te
from tilewright._core import Tensor, Var
from tilewright.errors import InvalidType


def interpret(
    tensors: Tensor | Sequence[Tensor],
    inputs: Sequence[Any] | Mapping[str, Any],
    args: Sequence[Tensor | Var] | None = None,
) -> Any:
    """Evaluate tensors, slowly and plainly, with every access checked.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        What to evaluate.
    inputs : sequence or mapping of numpy.ndarray
        The inputs in the order of the arguments, or by name. Arrays have the dtype of their placeholder and
        any strides; symbolic dimensions that no shape shows are ints.
    args : sequence of Tensor and Var, optional
        The arguments in order, as of `te.program`.

    Returns
    -------
    numpy.ndarray or tuple of numpy.ndarray
        The value of the tensor; a tuple if `tensors` is a sequence.

    Raises
    ------
    InvalidType
        If an input has the wrong dtype or is no array.
    InvalidValue
        If inputs are too few or too many, or a shape does not fit.
    InvalidIndex
        If an element out of bounds is read or written.

    Examples
    --------
    >>> A = te.placeholder((2, 2), "float64", name="A")
    >>> trace = te.compute((), lambda: A[0, 0] + A[1, 1], name="trace")
    >>> tw.interpret(trace, [np.array([[1.0, 2.0], [3.0, 4.0]])])
    array(5.)
    >>> tw.interpret(trace, {"A": np.eye(2)})
    array(2.)
    """
    program = te.program(tensors, args)
    if isinstance(inputs, Mapping):
        values = program.interpret(**inputs)
    elif isinstance(inputs, (list, tuple)):
        values = program.interpret(*inputs)
    else:
        raise InvalidType(
            f"inputs is of type {type(inputs).__name__}; it is a list in argument order, or a dict"
        )
    if isinstance(tensors, Tensor):
        return values
    values = values if isinstance(values, tuple) else (values,)
    return tuple(values[place] for place in _places(list(tensors), args))


def _places(tensors: list[Tensor], args: Sequence[Tensor | Var] | None) -> list[int]:
    """Where each tensor's value is among the outputs of the program, of which those in `args` come first."""

    def find(tensor: Tensor, among: Sequence[Any]) -> int | None:
        return next((i for i, one in enumerate(among) if _core.same_tensor(one, tensor)), None)

    order = [a for a in args or [] if isinstance(a, Tensor) and find(a, tensors) is not None]
    order += [tensor for tensor in tensors if find(tensor, order) is None]
    return [place for tensor in tensors if (place := find(tensor, order)) is not None]
