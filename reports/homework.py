"""Mistakes that training hides: the classic homework's two, and others of training code, each measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.result import Array
from layers.mistakes import MISTAKES
from layers.network import Network, Objective
from layers.networks import digits_cnn
from reports.data import Digits
from reports.training import (
    STEPS,
    HandTrainer,
    KerasOptimizer,
    Lockstep,
    adam,
    keras_digits_cnn,
    keras_twin,
    lockstep,
)

IMAGES = 100
"""As many digits as the homework trains on."""


class Restarted(HandTrainer):
    """A new Adam at every step: without its moments Adam is sign descent, and the loss zigzags."""

    def step(self, x: Array, labels: Array) -> float:
        """One step with an optimizer that remembers nothing."""
        self.optimizer = KerasOptimizer(adam(), self.optimizer.parameters)
        return super().step(x, labels)


class Stale(HandTrainer):
    """Gradients taken at the parameters of one step ago: a copy that is updated too late."""

    def __init__(self, network: Network, parameters: Sequence[Array], optimizer: Any) -> None:
        super().__init__(network, parameters, optimizer)
        self.before = tuple(parameters)

    def step(self, x: Array, labels: Array) -> float:
        """One step whose gradients are a step old."""
        now, loss = self.optimizer.parameters, self.loss(x, labels)
        self.optimizer.step(self.objective.gradients(x, labels, *self.before)[1])
        self.before = now
        return loss


class Summed(HandTrainer):
    """A loss that is added up over the batch and not divided by it."""

    def step(self, x: Array, labels: Array) -> float:
        """One step along gradients that are too large by the batch size."""
        loss, gradients = self.objective.gradients(x, labels, *self.optimizer.parameters)
        self.optimizer.step([len(x) * gradient for gradient in gradients])
        return len(x) * loss


class Shuffled(HandTrainer):
    """Images shuffled for each epoch, and the labels left where they were."""

    def step(self, x: Array, labels: Array) -> float:
        """One step on images with the labels of others."""
        return super().step(np.roll(x, 1, axis=0), labels)


TRAINING_MISTAKES: dict[str, type[HandTrainer]] = {
    "adam-restarted": Restarted,
    "parameters-stale": Stale,
    "loss-not-averaged": Summed,
    "labels-shuffled-apart": Shuffled,
}
"""Mistakes of training code, which no gradient check can see."""


def trained(trainer: type[HandTrainer], data: Digits, steps: int = STEPS) -> Lockstep:
    """Train with a trainer, right or wrong, in lockstep with the Keras twin."""
    x, labels = data.x_train[:IMAGES], data.y_train[:IMAGES]
    network = digits_cnn(x.shape[1:], data.classes)
    start = network.initialize(np.random.default_rng(0), scheme="he")
    ours = trainer(network, start, adam())
    twin = keras_twin(keras_digits_cnn(x.shape[1:], data.classes), start, adam())
    return lockstep(ours, twin, [(x, labels)] * steps)


def exhibit_training(name: str, data: Digits) -> str:
    """One mistake of training code: its story, the two curves, and where they part."""
    trainer = TRAINING_MISTAKES[name]
    curves = trained(trainer, data)
    said = "the curves never part" if curves.parted_at is None else _parting(curves)
    return (
        f"{name}: {trainer.__doc__}\n\nNo gradient check sees it: every backward pass is right. "
        f"Trained in lockstep with the\ntwin on {len(data.x_train[:IMAGES])} digits, "
        f"{said}\n\nThe loss rises in {rises(curves.ours)} of {len(curves.ours) - 1} steps, "
        f"the twin's in {rises(curves.twins)}."
    )


def _parting(curves: Lockstep) -> str:
    step = curves.parted_at
    assert step is not None
    after = {0: "before any step", 1: "after the first step", 2: "after the second step"}
    return (
        f"the curves part {after.get(step, f'after step {step}')}: ours {curves.ours[step]:.6f}, "
        f"the twin's {curves.twins[step]:.6f}."
    )


def rises(losses: Sequence[float]) -> int:
    """In how many steps a loss went up."""
    return int((np.diff(losses) > 0).sum())


@dataclass(frozen=True)
class EveryTie:
    """The homework's max pooling, trained: its bias gradients over the true ones, and how it reads.

    Nine of ten `factors` lie between `low` and `high`; below zero, the step goes uphill.
    """

    factors: tuple[float, ...]
    accuracy: float
    right_accuracy: float

    @property
    def low(self) -> float:
        """One of twenty factors is smaller."""
        return float(np.quantile(self.factors, 0.05))

    @property
    def high(self) -> float:
        """One of twenty factors is larger."""
        return float(np.quantile(self.factors, 0.95))

    @property
    def uphill(self) -> float:
        """The share of factors below zero."""
        return float(np.mean([factor < 0 for factor in self.factors]))


def every_tie(data: Digits, steps: int = STEPS) -> EveryTie:
    """Train with the homework's max pooling; compare its bias gradients with the right ones."""
    x, labels = data.x_train[:IMAGES], data.y_train[:IMAGES]
    right = digits_cnn(x.shape[1:], data.classes)
    planted = partial(MISTAKES["max-pool-every-tie"].planted, size=2)
    wrong = Network(
        [replace(s, layer=planted) if s.name == "pool" else s for s in right.steps], x.shape[1:]
    )
    start = right.initialize(np.random.default_rng(0), scheme="he")
    ours, theirs = HandTrainer(right, start, adam()), HandTrainer(wrong, start, adam())
    bias = right.names.index("conv.b")
    factors = []
    for _ in range(steps):
        ours.step(x, labels)
        theirs.step(x, labels)
        there = theirs.optimizer.parameters
        true, claimed = (
            Objective(network).gradients(x, labels, *there)[1][bias] for network in (right, wrong)
        )
        factors += [float(c / t) for c, t in zip(claimed, true, strict=True) if t != 0]
    return EveryTie(tuple(factors), theirs.accuracy(x, labels), ours.accuracy(x, labels))
