"""Two figures of a lecture on finite differences: the V of error against step, and Taylor's slopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradcheck.along import along
from gradcheck.curves import StepCurves, step_curves
from gradcheck.layer import Layer, random_upstream
from gradcheck.panels import draw_remainders, draw_steps
from gradcheck.result import Along, Array
from gradcheck.taylor import TaylorTest, taylor_test
from reports.page.drawing import STYLE

SIZE = (5.2, 3.2)
"""Inches of a figure in a column of text: two beside each other on a side."""


def v_curve(curves: StepCurves) -> Figure:
    """Error against step: truncation falls, round-off rises, a V between."""
    figure, axes = _empty()
    draw_steps(axes, curves)
    axes.legend(fontsize=9)
    return figure


def taylor_curve(tests: Mapping[str, TaylorTest]) -> Figure | None:
    """Taylor's remainder with some gradients, by what they are; None where it is nothing but rounding."""
    if all(test.linear for test in tests.values()):
        return None
    figure, axes = _empty()
    draw_remainders(axes, {_sloped(name, test): test for name, test in tests.items()})
    axes.legend(fontsize=9)
    return figure


def _sloped(name: str, test: TaylorTest) -> str:
    if test.linear:
        return f"{name}: linear, no remainder"
    if not test.is_straight:
        return f"{name}: no line, no slope"
    return f"{name}: slope {test.slope:.2f}"


def v_said(name: str, test: TaylorTest) -> str:
    """What a V curve shows: of a linear layer only one side of it."""
    large = (
        "the layer is linear in it, and nothing is truncated"
        if test.linear
        else "at large steps truncation, and corners that are stepped over"
    )
    return (
        f"Error of the slope along a random direction of {name}, against the step: {large}; at small "
        "ones round-off, which grows as they shrink."
    )


def measured_curves(layer: Layer, inputs: Sequence[Array], position: int) -> StepCurves:
    """The error of each difference quotient at every step, for one input of a layer that is right."""
    return step_curves(*_along(layer, inputs, position))


def measured_taylor(layer: Layer, inputs: Sequence[Array], position: int) -> TaylorTest:
    """Taylor's remainder with the gradient that a layer returns for one input."""
    return taylor_test(*_along(layer, inputs, position))


def _along(layer: Layer, inputs: Sequence[Array], position: int) -> Along:
    value = np.asarray(layer(*inputs)[0])
    return along(layer, inputs, position, random_upstream(value, 0))


def _empty() -> tuple[Figure, Axes]:
    with plt.rc_context(STYLE):
        return plt.subplots(figsize=SIZE)
