"""Inputs of a regression, known by what they are called: examples, targets, weights, a bias, a penalty."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial

from gradcheck.forms.names import is_parameter, is_target
from reports.targets.draws import Draw, floats, labels, penalty
from reports.targets.shapes import PENALTIES, Shape

MODELS: tuple[dict[str, Shape], ...] = (
    {"data": (5, 3), "target": (5,), "weight": (3,), "bias": ()},
    {"data": (5, 3), "target": (5, 1), "weight": (3, 1), "bias": ()},
    {"data": (3, 5), "target": (1, 5), "weight": (3, 1), "bias": ()},
)
"""Shapes of a regression: examples in rows, with targets and weights flat or in a column; in columns."""

DATA, BIASES = (
    re.compile(r"^(t?x|x_?train|data|features|a)$", re.IGNORECASE),
    re.compile(r"^(b|bias|intercept)$", re.IGNORECASE),
)
"""How the examples of a regression are called, and its bias."""


def of_a_model(names: Sequence[str]) -> Iterator[tuple[Draw, ...]]:
    """Inputs of a regression, where names say that there is one: examples, targets, weights and a bias.

    Targets are zeros and ones, with which a regression of numbers and one of classes both agree.
    """
    kinds = {name: _kind(name) for name in names}
    if {"data", "target", "weight"} <= set(kinds.values()) and None not in kinds.values():
        for shapes in MODELS:
            draws = ((name, kind, shapes.get(kind or "", ())) for name, kind in kinds.items())
            yield tuple(_draw_of(name, kind, shape) for name, kind, shape in draws)


def is_a_model(names: Collection[str]) -> bool:
    """Whether names say that there is a regression."""
    return any(of_a_model(list(names)))


def _draw_of(name: str, kind: str | None, shape: Shape) -> Draw:
    if kind == "penalty":
        return penalty
    return partial(labels, size=shape) if kind == "target" else floats(name, shape)


def _kind(name: str) -> str | None:
    """What an input of a regression is, by its name."""
    kinds = (
        ("data", DATA.match(name)),
        ("target", is_target(name)),
        ("bias", BIASES.match(name)),
        ("penalty", PENALTIES.match(name)),
        ("weight", is_parameter(name)),
    )
    return next((kind for kind, fits in kinds if fits), None)
