"""Layers in a row, and what such a network is trained on; both are layers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from layers.losses import softmax_cross_entropy
from layers.types import Array, Backward, Layer, expect, present


@dataclass(frozen=True)
class Step:
    """One layer of a network: its name, the layer with its hyperparameters bound, its parameters.

    `parameters` gives each parameter's name and shape; the layer takes them after its input.
    """

    name: str
    layer: Layer
    parameters: tuple[tuple[str, tuple[int, ...]], ...] = ()

    @property
    def kind(self) -> str:
        """The layer's name and its hyperparameters."""
        if isinstance(self.layer, partial):
            options = ", ".join(f"{key}={value}" for key, value in self.layer.keywords.items())
            return f"{self.layer.func.__name__}({options})"
        return str(getattr(self.layer, "__name__", self.layer))


@dataclass(frozen=True)
class Visit:
    """One step as it really ran: the inputs that arrived there, its value, and its way back."""

    step: Step
    inputs: tuple[Array, ...]
    value: Array
    backward: Backward


class Network:
    """Layers in a row, itself a layer: `y, backward = network(x, *parameters)`.

    y = f_L(… f_2(f_1(x; θ_1); θ_2) …; θ_L)

    x (N, …), parameters in the order of `names` -> y of the last layer

        dh_L = dy,    dh_{l−1}, dθ_l = the way back of f_l at dh_l,    dx = dh_0
    """

    def __init__(self, steps: Sequence[Step], input_shape: tuple[int, ...]) -> None:
        self.steps = tuple(steps)
        self.input_shape = tuple(input_shape)
        self.names = tuple(f"{s.name}.{name}" for s in self.steps for name, _ in s.parameters)
        self.shapes = tuple(shape for s in self.steps for _, shape in s.parameters)
        self.input_names = ("x", *self.names)
        self.__name__ = "network"

    def __call__(self, x: Array, *parameters: Array) -> tuple[Array, Backward]:
        """Forward through all steps; the way back visits them in reverse."""
        visits = list(self.trace(x, *parameters))

        def backward(dy: Array) -> tuple[Array | None, ...]:
            gradients: list[Array | None] = []
            for visit in reversed(visits):
                upstream, *own = visit.backward(dy)
                gradients = [*own, *gradients]
                assert upstream is not None
                dy = upstream
            return (dy, *gradients)

        return visits[-1].value, backward

    def trace(self, x: Array, *parameters: Array) -> Iterator[Visit]:
        """Run forward, and show every step with the inputs that really arrive there."""
        expect(
            len(parameters) == len(self.names),
            f"{len(parameters)} parameters were given, the network has {len(self.names)}",
        )
        waiting = list(parameters)
        for step in self.steps:
            own, waiting = waiting[: len(step.parameters)], waiting[len(step.parameters) :]
            value, backward = step.layer(x, *own)
            yield Visit(step, (x, *own), value, backward)
            x = value

    def initialize(
        self, rng: np.random.Generator, *, scheme: str = "classic", dtype: type = np.float64
    ) -> tuple[Array, ...]:
        """Parameters to start from.

        `classic`: weights 0.01·normal. `he`: normal with variance 2/fan-in (He et al., 2015), the
        fan-in being all sizes but the last. Parameters with one axis start at zero (biases), or at
        one if they scale (gamma).
        """
        expect(scheme in ("classic", "he"), f"scheme is {scheme!r}, expected 'classic' or 'he'")
        parameters: list[Array] = []
        for name, shape in zip(self.names, self.shapes, strict=True):
            spread = 0.01 if scheme == "classic" else np.sqrt(2 / np.prod(shape[:-1]))
            if len(shape) > 1:
                values = spread * rng.normal(size=shape)
            else:
                values = np.full(shape, float(name.split(".")[-1].startswith("gamma")))
            parameters.append(values.astype(dtype))
        return tuple(parameters)

    def rows(self) -> list[tuple[str, str, str, int]]:
        """Name, kind, output shape and number of parameters of every step, for a summary."""
        x = np.zeros((1, *self.input_shape))
        parameters = [np.zeros(shape) for shape in self.shapes]
        return [
            (
                visit.step.name,
                visit.step.kind,
                "×".join(str(n) for n in visit.value.shape[1:]),
                sum(int(np.prod(shape)) for _, shape in visit.step.parameters),
            )
            for visit in self.trace(x, *parameters)
        ]

    @property
    def size(self) -> int:
        """The number of parameters."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def summary(self) -> str:
        """Every step with its shape and its number of parameters, and their sum."""
        rows = [(n, kind, shape, f"{count:,}") for n, kind, shape, count in self.rows()]
        rows = [("layer", "kind", "output", "parameters"), *rows, ("", "", "", f"{self.size:,}")]
        widths = [max(len(row[k]) for row in rows) for k in range(4)]
        return "\n".join(
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}"
            for a, b, c, d in rows
        )


class Objective:
    """What a network is trained on, itself a layer: `L, backward = objective(x, labels, *parameters)`.

    L = loss(network(x; θ), labels)

    x (N, …), labels (N,), parameters in the order of `network.names` -> L, a scalar

        dz = the way back of the loss at dL,    dx, dθ = the way back of the network at dz
    """

    def __init__(self, network: Network, loss: Layer = softmax_cross_entropy) -> None:
        self.network = network
        self.loss = loss
        self.input_names = ("x", "labels", *network.names)
        self.__name__ = "objective"

    def __call__(self, x: Array, labels: Array, *parameters: Array) -> tuple[Array, Backward]:
        """The loss, and the way back through it and the network."""
        z, backward_network = self.network(x, *parameters)
        L, backward_loss = self.loss(z, labels)

        def backward(dL: Array) -> tuple[Array | None, ...]:
            (dz,) = present(backward_loss(dL))
            dx, *gradients = backward_network(dz)
            return (dx, None, *gradients)

        return L, backward

    def gradients(self, x: Array, labels: Array, *parameters: Array) -> tuple[float, list[Array]]:
        """The loss, and its gradient for each parameter: all that a step of training needs."""
        L, backward = self(x, labels, *parameters)
        _, _, *gradients = backward(np.ones_like(L))
        return float(L), present(tuple(gradients))
