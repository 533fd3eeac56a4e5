"""The figures: digits, loss curves, learned filters, errors; each made to be shown on a slide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from gradcheck.panels import BLUE, DRAWN_BELOW, GREEN, GREY, ORANGE, drawn, in_powers
from gradcheck.result import Array
from reports.files import write_text
from reports.page.drawing import svg
from reports.table import Line
from reports.training import Lockstep

STYLE: Any = {
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 14,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

LEGIBLE = 60
"""Lines of a figure that can be read where the whole of it is seen."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as an SVG with real text, whole or not at all, and forget it."""
    write_text(path, f'<?xml version="1.0" encoding="utf-8"?>\n{svg(figure)}')


def digits(images: Array, labels: Array, source: str) -> Figure:
    """The first images with their labels."""
    count = min(len(images), 40)
    rows = -(-count // 10)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(rows, 10, figsize=(10, 1.2 * rows + 0.6), squeeze=False)
        figure.suptitle(f"Digits to learn: {source}", x=0.01, ha="left", weight="bold")
        for k, axis in enumerate(axes.flat):
            axis.axis("off")
            if k < count:
                axis.imshow(images[k].mean(axis=-1), cmap="gray_r", vmin=0, vmax=1)
                axis.set_title(str(int(labels[k])), fontsize=11, loc="center", weight="normal")
    return figure


def losses(curves: Lockstep) -> Figure:
    """The loss curves of both twins, and how far they are apart."""
    ours, twins = np.array(curves.ours), np.array(curves.twins)
    apart = np.abs(ours - twins) / np.maximum(np.abs(ours), np.abs(twins))
    steps = np.arange(len(ours))
    with plt.rc_context(STYLE):
        figure, (above, below) = plt.subplots(
            2, 1, figsize=(9, 6.5), sharex=True, height_ratios=[2, 1]
        )
        above.plot(steps, ours, color=BLUE, lw=5, alpha=0.45, label="NumPy, derived by hand")
        above.plot(steps, twins, color=ORANGE, lw=1.6, ls="--", label="Keras, GradientTape")
        above.set_yscale("log")
        above.set_ylabel("cross-entropy loss")
        above.set_title("Two networks, the same weights, the same batches: one curve")
        above.legend()
        below.semilogy(steps, np.maximum(apart, DRAWN_BELOW), color=GREEN, marker=".", lw=1)
        in_powers(below.yaxis)
        below.set_ylabel("relative deviation")
        below.set_xlabel("step of Adam")
    return figure


def filters(before: Array, after: Array) -> Figure:
    """The first layer's filters, as they started and as they were learned."""
    count = before.shape[-1]
    limit = max(float(np.abs(before).max()), float(np.abs(after).max()))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(2, count, figsize=(1.3 * count + 1.4, 3.6), squeeze=False)
        figure.suptitle("Filters of the convolution", x=0.01, ha="left", weight="bold")
        for row, (label, weights) in enumerate((("before", before), ("after", after))):
            for k in range(count):
                axis = axes[row, k]
                shown = axis.imshow(
                    weights[:, :, :, k].mean(axis=2), cmap="RdBu_r", vmin=-limit, vmax=limit
                )
                axis.set_xticks([])
                axis.set_yticks([])
                for spine in axis.spines.values():
                    spine.set_visible(False)
            axes[row, 0].set_ylabel(label)
        figure.colorbar(shown, ax=axes, shrink=0.8, label="weight")
    return figure


def errors(table: Sequence[Line], title: str) -> Figure:
    """Relative error of every gradient against both witnesses, and what could be resolved."""
    names, places = _ticks(table)
    with plt.rc_context(STYLE | {"font.size": 10}):
        figure, axis = plt.subplots(figsize=(10, 1.8 + 0.22 * len(names)))
        resolution = [drawn(line.row.resolution) for line in table]
        axis.hlines(places, DRAWN_BELOW, resolution, color=GREY, lw=5, alpha=0.3)
        axis.plot([], [], color=GREY, lw=5, alpha=0.3, label="below the resolution: unseen")
        numeric = [drawn(line.row.relative_error) for line in table]
        axis.plot(numeric, places, "o", color=BLUE, ms=5, label="against differences")
        taped = [(line.row.tape_error, k) for k, line in zip(places, table, strict=True)]
        seen = [(drawn(error), k) for error, k in taped if error is not None]
        if seen:
            axis.plot(
                *zip(*seen, strict=True), "D", color=ORANGE, ms=4, label="against GradientTape"
            )
        for k, line in zip(places, table, strict=True):
            if str(line.row.verdict) != "PASS":
                axis.annotate(
                    str(line.row.verdict), (1, k), color="black", weight="bold", va="center"
                )
        axis.set_xscale("log")
        in_powers(axis.xaxis)
        axis.set_xlim(DRAWN_BELOW / 2, 10)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.set_yticks(np.arange(len(names)), names)
        axis.grid(axis="x", alpha=0.3)
        axis.set_xlabel("relative error (zero is drawn at the left edge)")
        axis.set_title(title)
        figure.legend(loc="outside lower center", ncols=3)
    return figure


def _ticks(table: Sequence[Line]) -> tuple[list[str], Array]:
    """What stands on the axis, and where each gradient is drawn: of many, a layer's share its line."""
    if len(table) <= LEGIBLE:
        names = [f"{line.layer} · {line.configuration} · d{line.row.name}" for line in table]
        return names, np.arange(len(table))
    layers = list(dict.fromkeys(line.layer for line in table))
    return layers, np.array([layers.index(line.layer) for line in table])
