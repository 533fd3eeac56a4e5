"""The network as a drawing: values with their shapes flow down, gradients with their norms flow back up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import log10
from typing import Any

from gradcheck.render import shape_text

STEP, BOX, WIDTH = 84, 40, 640
"""Pixels from one layer to the next, of a layer's box, and of the drawing."""

LONGEST, DECADES = 110, 4
"""Pixels of the bar of the largest norm, and the powers of ten below it that still have a bar."""


def flow(stations: Sequence[Mapping[str, Any]]) -> str:
    """The drawing, as an SVG element.

    `stations` are the layers in forward order, each with its `name` and `kind`, and of what arrives there
    the `shape` and the `norm` of its gradient.
    """
    largest = max(station["norm"] or 0.0 for station in stations)
    parts = [_station(k, station, largest) for k, station in enumerate(stations)]
    height = STEP * len(stations)
    said = ", ".join(station["name"] for station in stations)
    return (
        '<figure class="keep"><div class="scroll">'
        f'<svg class="flow" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        f'aria-label="The network in order: {escape(said)}; the figures stand in the table below">'
        f"{''.join(parts)}</svg></div><figcaption>Shapes flow forward, downwards; what flows back is the "
        "gradient of the loss times the check’s upstream gradient, here its norm ‖·‖ (bar: "
        "logarithmic).</figcaption></figure>"
    )


def _station(k: int, station: Mapping[str, Any], largest: float) -> str:
    top = k * STEP
    box = top + STEP - BOX
    return (
        f'<path class="forward" d="M250 {top + 4}V{box - 3}m-5 -7l5 7l5 -7"/>'
        f'<text class="forward" x="238" y="{top + 28}" text-anchor="end">{shape_text(station["shape"])}'
        f'</text><path class="backward" d="M390 {box - 3}V{top + 4}m-5 7l5 -7l5 7"/>'
        f"{_back(top, station['norm'], largest)}"
        f'<rect x="180" y="{box}" width="280" height="{BOX - 2}" rx="6"/>'
        f'<text x="320" y="{box + 17}" text-anchor="middle"><tspan class="name">'
        f'{escape(station["name"])}</tspan><tspan class="kind" x="320" dy="15">'
        f"{escape(station['kind'])}</tspan></text>"
    )


def _back(top: int, norm: float | None, largest: float) -> str:
    if not norm:
        return (
            f'<text class="backward" x="402" y="{top + 28}">{"-" if norm is None else "0"}</text>'
        )
    length = LONGEST * max(0.02, 1 + log10(norm / largest) / DECADES)
    return (
        f'<rect class="bar" x="402" y="{top + 18}" width="{length:.0f}" height="12"/>'
        f'<text class="backward" x="{410 + length:.0f}" y="{top + 28}" data-value="{norm!r}">'
        f"{norm:.2g}</text>"
    )
