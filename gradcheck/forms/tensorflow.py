"""TensorFlow: functions with a `tf.custom_gradient`, and Keras layers with their variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import numpy as np

from gradcheck.forms import foreign
from gradcheck.forms.names import takes
from gradcheck.layer import Function, name_of
from gradcheck.meant import must_be_functions
from gradcheck.result import Array, Report
from gradcheck.tape import tensorflow
from gradcheck.trees import flat


def check_tensorflow(f: Function, *inputs: Any, **named: Any) -> Report:
    """Check the gradient that TensorFlow uses for a function, a custom one above all.

        check_tensorflow(my_custom_gradient_function, x)
        check_tensorflow(MyKerasLayer(3), x)            its variables are inputs too

    Of half precision the formula is judged in float32, and the gradients in half precision beside it.

    Args:
        f: a function of tensors that returns a tensor, or several; or a Keras layer, built or not. Its
            trainable variables are moved and put back. A layer computes in its own dtype.
        *inputs: tensors or arrays, trees of them, and constants.
        **named: inputs by name, and options as for `check`.
    """
    must_be_functions("check_tensorflow(f, x)", f=f)
    tf = tensorflow()
    arrays = [_in_dtype_of(f, value) for value in inputs]
    if getattr(f, "built", True) is False:
        f(*[tf.convert_to_tensor(value) for value in arrays])
    variables = list(getattr(f, "trainable_variables", ()))
    values = [v.numpy() for v in variables]
    name = str(getattr(f, "name", name_of(f))) if variables else name_of(f)
    called: Function = getattr(f, "call", getattr(f, "python_function", f))
    held = dict(zip(_names(variables), values, strict=True))
    subject = foreign.Subject(f, called, name, held, _written(tf, called))
    room = _Room(tf, variables)
    try:
        return foreign.checked(subject, arrays, named, room, foreign.in_half(room, [arrays, named]))
    finally:
        room.assign(values)


def _written(tf: Any, called: Any) -> foreign.Written | None:
    """The function under a tf.custom_gradient, which returns its value and the way back."""
    decorator = getattr(called, "_tf_decorator", None)
    if getattr(decorator, "decorator_name", "") != "custom_gradient":
        return None
    function = called.__wrapped__

    def assemble(forward: Function, _: Any) -> Function:
        return tf.custom_gradient(wraps(function)(lambda *inputs: forward(*inputs)))  # type: ignore[no-any-return]

    return foreign.Written(function, None, assemble, tuple(takes(function)))


def _in_dtype_of(f: Any, value: Any) -> Any:
    """A float array in the dtype in which a Keras layer computes; anything else as it is."""
    dtype = getattr(f, "compute_dtype", None)
    known = hasattr(value, "dtype") or isinstance(value, float)
    if not known or dtype not in ("float32", "float64"):
        return value
    array = np.asarray(value)
    return array.astype(dtype) if array.dtype.kind == "f" else array


def _names(variables: Sequence[Any]) -> list[str]:
    """The variables' own names, numbered where several have the same."""
    names = [str(v.name).split("/")[-1].split(":")[0] for v in variables]
    return [n if names.count(n) == 1 else f"{n}_{k}" for k, n in enumerate(names)]


@dataclass(frozen=True, eq=False)
class _Room:
    """TensorFlow, and the variables of what is called; `half` is a dtype coarser than float32 to compute in."""

    tf: Any
    variables: Sequence[Any] = field(default_factory=list)
    half: Any = None

    def array(self, value: Any) -> Any:
        return foreign.in_single(value.numpy() if hasattr(value, "numpy") else value)

    def _tensor(self, array: Array) -> Any:
        tensor = self.tf.constant(np.array(array))
        halved = self.half is not None and tensor.dtype.is_floating
        return self.tf.cast(tensor, self.half) if halved else tensor

    def like(self, tensor: Any, array: Array) -> Any:
        return self.tf.constant(np.array(array), dtype=tensor.dtype)

    def assign(self, values: Sequence[Array]) -> None:
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)

    def run(
        self, call: Callable[[list[Any]], Any], leaves: Sequence[Array], parameters: Sequence[Array]
    ) -> tuple[Any, foreign.Pull]:
        tf, values = self.tf, [np.array(p) for p in parameters]
        self.assign(values)
        tensors = [self._tensor(leaf) for leaf in leaves]
        floats = [tensor for tensor in tensors if tensor.dtype.is_floating]
        watched = [getattr(v, "value", v) for v in self.variables]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(floats)
            outputs = call(tensors)
            results = flat(outputs, tf.is_tensor)
        pairs = zip(self.variables, watched, strict=True)
        sources = [*floats, *(v if callable(w) else w for v, w in pairs)]

        def pull(upstream: list[Array]) -> list[Array]:
            # A custom gradient may read the variables, which other runs have moved since.
            self.assign(values)
            given = [tf.cast(u, r.dtype) for u, r in zip(upstream, results, strict=True)]
            found = tape.gradient(
                results, sources, given, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
            return [self.array(tf.convert_to_tensor(gradient)) for gradient in found]

        return outputs, pull
