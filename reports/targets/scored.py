"""Inputs of a model with a loss of its own: its target is proposed as what the forward pass returns is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from gradcheck.forms.scored import Score
from reports.targets.asking import going_forward
from reports.targets.classes import ways
from reports.targets.draws import PENALTY, Inputs, between, classes, shared_out, shares
from reports.targets.found import Subject
from reports.targets.making import objects
from reports.targets.preparing import prepared
from reports.targets.proposals import wanted


def with_targets(
    subject: Subject, score: Score, inputs: Inputs, text: str, seed: int
) -> Iterator[Inputs]:
    """Inputs of a forward pass with each target that may be compared with what it returns, likely ones first."""
    beside = {**inputs, **dict.fromkeys(score.added, PENALTY)}
    with np.errstate(all="ignore"), suppress(Exception):
        predicted = np.asarray(_predicted(subject, inputs, seed), dtype=np.float64)
        for target in _targets(predicted, seed, of_classes="log(" in text):
            yield {**beside, score.target: target}


def _predicted(subject: Subject, inputs: Inputs, seed: int) -> Any:
    """What the forward pass returns, the first of several; of a class that of the first object that runs."""
    values = [inputs[name] for name in wanted(going_forward(subject))]
    if subject.made is None:
        return _first(subject.forward(*values))
    name, _ = ways(subject.made) or ("forward", "")
    for instance, _ in objects(subject.made, subject.make, seed):
        for ready in prepared(instance, values):
            with suppress(Exception):
                return _first(getattr(ready, name)(*values))
    return None


def _first(result: Any) -> Any:
    return result[0] if isinstance(result, tuple) else result


def _targets(predicted: Any, seed: int, *, of_classes: bool) -> Iterator[Any]:
    """Numbers where there are no classes; else shares of one and numbers below, then classes in rows, and labels.

    Of zeros and ones each is its own square, which might excuse a mistake: they come late.
    """
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=predicted.shape)
    if not of_classes:
        yield numbers
    axes = [k for k in (-1, 0) if predicted.ndim > 1 and predicted.shape[k] > 1]
    # Where numbers of both signs will do, those above zero would excuse a mask by their sign.
    for axis in axes if of_classes else ():
        yield shares(numbers, axis)
    if of_classes:
        yield between(numbers)
    for axis in axes:
        yield classes(numbers, axis)
    yield 1.0 * shared_out(rng, 2, predicted.shape)
    if predicted.ndim > 1:
        yield shared_out(rng, predicted.shape[-1], predicted.shape[:-1])
    yield numbers
