"""Two figures of a lecture on finite differences: the V of error against step, and Taylor's slopes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gradcheck.along import along
from gradcheck.curves import step_curves
from gradcheck.layer import Layer, random_upstream
from gradcheck.panels import draw_remainders, draw_steps
from gradcheck.result import Along, Array
from gradcheck.taylor import taylor_test
from reports.page.drawing import STYLE

SIZE = (5.2, 3.2)
"""Inches of a figure in a column of text."""


def v_curve(layer: Layer, inputs: Sequence[Array], position: int) -> Figure:
    """Error against step for one input of a layer: truncation falls, round-off rises, a V between."""
    curves = step_curves(*_along(layer, inputs, position))
    figure, axes = _empty()
    draw_steps(axes, curves)
    axes.legend(fontsize=8)
    return figure


def taylor_curve(
    right: Layer, wrong: Layer | None, inputs: Sequence[Array], position: int
) -> Figure | None:
    """Taylor's remainder with the right gradient and with a wrong one; None where the layer is linear."""
    tests = {"right: slope 2": taylor_test(*_along(right, inputs, position))}
    if wrong is not None:
        tests["planted: slope 1"] = taylor_test(*_along(wrong, inputs, position))
    if all(test.linear for test in tests.values()):
        return None
    figure, axes = _empty()
    draw_remainders(axes, tests)
    axes.legend(fontsize=8)
    return figure


def _along(layer: Layer, inputs: Sequence[Array], position: int) -> Along:
    value = np.asarray(layer(*inputs)[0])
    return along(layer, inputs, position, random_upstream(value, 0))


def _empty() -> tuple[Figure, Axes]:
    with plt.rc_context(STYLE):
        return plt.subplots(figsize=SIZE)
