"""Two figures of a lecture on finite differences: the V of error against step, and Taylor's slopes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from gradcheck.curves import step_curves
from gradcheck.layer import Layer, listed
from gradcheck.result import Array
from gradcheck.taylor import TaylorTest, taylor_test
from reports.page.drawing import STYLE

COLOURS = {
    "forward": "#999999",
    "central": "#0072B2",
    "extrapolated": "#D55E00",
    "complex": "#009E73",
}
"""Okabe and Ito's, which colour-blind eyes tell apart; the lines have names too."""

DRAWN_BELOW = 1e-17
"""Where an error of exactly zero is drawn on a logarithmic axis."""


def v_curve(layer: Layer, inputs: Sequence[Array], position: int) -> Figure:
    """Error against step for one input of a layer: truncation falls, round-off rises, a V between."""
    f, df = (partial(part, layer, inputs, position) for part in (_value, _gradient))
    curves = step_curves(f, df, inputs[position])
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.2, 3.2))
        for method, errors in curves.errors.items():
            shown = np.maximum(errors, DRAWN_BELOW)
            axes.loglog(curves.steps, shown, color=COLOURS[method], label=method, lw=1.5)
        axes.set(xlabel="step, relative to |x|", ylabel="relative error", ylim=(DRAWN_BELOW, 10))
        axes.legend(fontsize=8)
    return figure


def taylor_curve(
    right: Layer, wrong: Layer | None, inputs: Sequence[Array], position: int
) -> Figure | None:
    """Taylor's remainder with the right gradient and with a wrong one; None where the layer is linear."""
    tests = {"right: slope 2": _taylor(right, inputs, position)}
    if wrong is not None:
        tests["planted: slope 1"] = _taylor(wrong, inputs, position)
    if all(test.linear for test in tests.values()):
        return None
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(5.2, 3.2))
        for (label, test), colour in zip(tests.items(), ("#0072B2", "#D55E00"), strict=False):
            clear = test.remainders > test.floor
            axes.loglog(test.steps[clear], test.remainders[clear], ".-", color=colour, label=label)
        axes.set(xlabel="t", ylabel="|φ(t) − φ(0) − t·φ′(0)|")
        axes.legend(fontsize=8)
    return figure


def _taylor(layer: Layer, inputs: Sequence[Array], position: int) -> TaylorTest:
    f, df = (partial(part, layer, inputs, position) for part in (_value, _gradient))
    return taylor_test(f, df, inputs[position])


def _weights(value: Array) -> Array:
    """An upstream gradient that hides nothing: random signs, no entry near zero."""
    rng = np.random.default_rng(0)
    return np.asarray(rng.choice([-1.0, 1.0], value.shape) * rng.uniform(0.5, 1.5, value.shape))


def _put(inputs: Sequence[Array], position: int, x: Array) -> list[Array]:
    return [x if k == position else np.array(value) for k, value in enumerate(inputs)]


def _value(layer: Layer, inputs: Sequence[Array], position: int, x: Array) -> Array:
    value = np.asarray(layer(*_put(inputs, position, x))[0])
    return np.asarray((_weights(value) * value).sum())


def _gradient(layer: Layer, inputs: Sequence[Array], position: int, x: Array) -> Array:
    value, backward = layer(*_put(inputs, position, x))
    found = listed(backward(_weights(np.asarray(value))), len(inputs))[position]
    assert found is not None
    return found
