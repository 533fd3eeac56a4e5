"""JAX: functions with a `custom_vjp` or `custom_jvp`, plain ones, and all of them under `jit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.forms import foreign
from gradcheck.forms.names import takes
from gradcheck.layer import Function, name_of
from gradcheck.meant import must_be_functions
from gradcheck.result import Array, Report


def check_jax(f: Function, *inputs: Any, **named: Any) -> Report:
    """Check the gradient that JAX uses for a function, a custom one above all.

        check_jax(my_custom_vjp_function, x, {"W": W, "b": b})

    float64 arrays are computed in float64, whatever JAX is configured to do. Of half precision the
    formula is judged in float32, and the gradients in half precision beside it.

    Args:
        f: a function of arrays that returns an array, or several.
        *inputs: arrays, trees of them, and constants.
        **named: inputs by name, and options as for `check`.
    """
    must_be_functions("check_jax(f, x)", f=f)
    jax = foreign.installed("jax")

    room = _Room(jax)
    halved = foreign.in_half(room, [inputs, named])
    with _double_precision(jax):
        return foreign.checked(
            foreign.Subject(f, f, name_of(f), written=_written(jax, f)), inputs, named, room, halved
        )


def _written(jax: Any, f: Any) -> foreign.Written | None:
    """The two functions of a custom_vjp, also of one under jit; None for anything else."""
    while not isinstance(f, jax.custom_vjp):
        if not hasattr(f, "__wrapped__"):
            return None
        f = f.__wrapped__
    if f.bwd is None:
        return None

    def assemble(forward: Function, backward: Any) -> Function:
        made = jax.custom_vjp(f.fun, nondiff_argnums=f.nondiff_argnums)
        made.defvjp(forward, backward)
        return made  # type: ignore[no-any-return]

    inputs = [name for k, name in enumerate(takes(f)) if k not in f.nondiff_argnums]
    return foreign.Written(f.fwd, f.bwd, assemble, tuple(inputs), tuple(takes(f.bwd)[-1:]))


@contextmanager
def _double_precision(jax: Any) -> Iterator[None]:
    """JAX with float64, and as it was before afterwards."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


@dataclass(frozen=True, eq=False)
class _Room:
    """JAX; `half` is the dtype to compute in if it is coarser than float32."""

    jax: Any
    half: Any = None

    def array(self, value: Any) -> Any:
        return foreign.in_single(np.asarray(value) if isinstance(value, self.jax.Array) else value)

    def like(self, tensor: Any, array: Array) -> Any:
        return self.jax.numpy.asarray(array, dtype=tensor.dtype)

    def run(
        self, call: Callable[[list[Any]], Any], leaves: Sequence[Array], parameters: Sequence[Array]
    ) -> tuple[Any, foreign.Pull]:
        arrays = [
            self.jax.numpy.array(leaf, dtype=self.half if leaf.dtype == np.float32 else None)
            for leaf in leaves
        ]
        floats = [k for k, leaf in enumerate(leaves) if leaf.dtype.kind == "f"]

        def of_floats(*moved: Any) -> Any:
            given = dict(zip(floats, moved, strict=True))
            return call([given.get(k, array) for k, array in enumerate(arrays)])

        outputs, vjp = self.jax.vjp(of_floats, *(arrays[k] for k in floats))

        def pull(upstream: list[Array]) -> list[Array]:
            leaves, structure = self.jax.tree_util.tree_flatten(outputs)
            given = iter(upstream)
            tangents = [self._tangent(leaf, given) for leaf in leaves]
            found = vjp(self.jax.tree_util.tree_unflatten(structure, tangents))
            return [self.array(gradient) for gradient in found]

        return outputs, pull

    def _tangent(self, leaf: Any, given: Iterator[Array]) -> Any:
        """The upstream gradient of an output; that of integers has a dtype of its own."""
        if not self.jax.numpy.issubdtype(leaf.dtype, np.floating):
            return np.zeros(np.shape(leaf), dtype=self.jax.dtypes.float0)
        return self.jax.numpy.asarray(next(given), dtype=leaf.dtype)
