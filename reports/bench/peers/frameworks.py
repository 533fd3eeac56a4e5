"""The checkers of the frameworks, with the layer made into a custom gradient of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from layers.types import Array
from reports.bench.peers.subject import Subject


def torch_slow(subject: Subject) -> bool:
    """`torch.autograd.gradcheck` as it comes: every entry of the Jacobian."""
    return _torch(subject, fast_mode=False)


def torch_fast(subject: Subject) -> bool:
    """`torch.autograd.gradcheck(fast_mode=True)`: one random projection of the Jacobian."""
    return _torch(subject, fast_mode=True)


def _torch(subject: Subject, *, fast_mode: bool) -> bool:
    import torch

    class Wrapped(torch.autograd.Function):  # type: ignore[misc]
        """The layer as an operation of torch."""

        @staticmethod
        def forward(ctx: Any, *point: Any) -> Any:
            ctx.point = [x.detach().numpy().copy() for x in point]
            return torch.from_numpy(np.array(subject.value(*ctx.point)))

        @staticmethod
        def backward(ctx: Any, dy: Any) -> Any:
            gradients = subject.gradients(ctx.point, dy.numpy())
            return tuple(torch.from_numpy(gradient) for gradient in gradients)

    point = [torch.from_numpy(x).requires_grad_() for x in subject.point]
    found = torch.autograd.gradcheck(
        Wrapped.apply, point, fast_mode=fast_mode, raise_exception=False
    )
    return bool(found)


def jax(subject: Subject) -> bool:
    """`jax.test_util.check_vjp` as it comes: one random direction."""
    import jax as framework
    from jax.test_util import check_vjp

    def forward(*point: Any) -> Array:
        return subject.value(*map(np.asarray, point))

    def with_backward(*point: Any) -> Any:
        def backward(dy: Any) -> tuple[Array, ...]:
            return tuple(subject.gradients([np.asarray(x) for x in point], np.asarray(dy)))

        return forward(*point), backward

    framework.config.update("jax_enable_x64", True)
    try:
        check_vjp(forward, with_backward, tuple(subject.point))
    except AssertionError:
        return False
    return True


def hips(subject: Subject) -> bool:
    """`autograd.test_util.check_grads` in every argument, not the first alone as it comes.

    Of the first order: a custom gradient has no second.
    """
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    @primitive  # type: ignore[untyped-decorator]
    def wrapped(*point: Array) -> Array:
        return subject.value(*point)

    def way_back(k: int) -> Any:
        return lambda y, *point: lambda dy: subject.gradients(point, dy)[k]

    defvjp(wrapped, *(way_back(k) for k in range(len(subject.positions))))
    try:
        every = tuple(range(len(subject.positions)))
        check_grads(wrapped, every, modes=["rev"], order=1)(*subject.point)
    except AssertionError:
        return False
    return True


def tensorflow(subject: Subject) -> bool:
    """`tf.test.compute_gradient`, its Jacobians compared as its documentation does: `assertAllClose`."""
    from gradcheck.tape import tensorflow as imported

    tf = imported()
    shape = subject.value(*subject.point).shape

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def wrapped(*point: Any) -> Any:
        y = tf.numpy_function(subject.value, point, tf.float64)
        y.set_shape(shape)

        def backward(dy: Any) -> Any:
            types = [tf.float64] * len(point)
            found = tf.numpy_function(lambda dy, *x: subject.gradients(x, dy), [dy, *point], types)
            gradients = found if isinstance(found, list) else [found]
            for gradient, x in zip(gradients, point, strict=True):
                gradient.set_shape(x.shape)
            return gradients

        return y, backward

    claimed, numerical = tf.test.compute_gradient(wrapped, subject.point)
    return _close(claimed, numerical)


def _close(claimed: Sequence[Array], numerical: Sequence[Array]) -> bool:
    """As `tf.test.TestCase.assertAllClose` compares: both tolerances are 1e-6."""
    return all(
        np.allclose(a, b, rtol=1e-6, atol=1e-6) for a, b in zip(claimed, numerical, strict=True)
    )
