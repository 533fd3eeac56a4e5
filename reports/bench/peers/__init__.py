"""Other gradient checkers, each asked as its documentation asks: is this backward pass right?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from reports.bench.peers import differences, frameworks, ours
from reports.bench.peers.subject import Subject
from reports.machine import version_of


@dataclass(frozen=True)
class Peer:
    """A checker: how it is called, the package it is in, and its answer; a complaint may be an exception."""

    name: str
    package: str
    accepts: Callable[[Subject], bool]

    @property
    def installed(self) -> bool:
        """Whether it is there to be asked."""
        return not self.package or find_spec(self.package) is not None

    @property
    def version(self) -> str:
        """The release of its package, where it is one."""
        return version_of(self.package) if self.package else ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()


PEERS = (
    Peer("gradcheck", "gradcheck", ours.accepts),
    Peer("torch gradcheck, slow mode", "torch", frameworks.torch_slow),
    Peer("torch gradcheck, fast mode", "torch", frameworks.torch_fast),
    Peer("jax check_vjp", "jax", frameworks.jax),
    Peer("autograd check_grads", "autograd", frameworks.hips),
    Peer("tf.test.compute_gradient", "tensorflow", frameworks.tensorflow),
    Peer("scipy approx_fprime", "scipy", differences.scipy),
    Peer("numdifftools Gradient", "numdifftools", differences.numdifftools),
    Peer("the loop of a course", "", differences.course),
)
"""Ours first; the last needs nothing but NumPy."""
