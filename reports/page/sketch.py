"""Small figures, a thousand bytes each, so that every gradient of a report can have its own."""

from __future__ import annotations

import io
from base64 import b64encode
from html import escape

import matplotlib
import numpy as np
from PIL import Image

from gradcheck.layout import laid_out, reduced, signed_error
from gradcheck.render import scientific
from gradcheck.result import Array, Row

LEVELS = 17
"""Shades of a map: odd, so that zero has one of its own; more, nobody tells apart."""

GAP, BROKEN = LEVELS, LEVELS + 1
"""The palette's last two: between tiles, and where a number is not finite."""

WIDEST, SQUARE = 420, 14
"""Pixels of a map's width and of a square where there is room."""

POINTS = 80
"""Points of a scatter: a quarter are the entries furthest apart, the others are spread evenly."""


def _palette() -> bytes:
    """Cividis, whose lightness alone tells low from high: in grey and to colour-blind eyes too."""
    shades = matplotlib.colormaps["cividis"](np.linspace(0, 1, LEVELS))[:, :3]
    colours = [*shades.tolist(), [1, 1, 1], [0.8, 0, 0]]
    return bytes(round(255 * part) for colour in colours for part in colour)


def picture(plane: Array, scale: float, alt: str, *, grey: bool = False) -> str:
    """A plane of numbers within ±scale as an image, dark below zero and light above, or ink on paper.

    NaN is left blank, what is infinite is red.
    """
    with np.errstate(invalid="ignore"):
        level = np.rint((plane / (scale or 1.0) + 1) / 2 * (LEVELS - 1))
    level = np.where(np.isnan(plane), GAP, np.where(np.isfinite(plane), level, BROKEN))
    height, columns = plane.shape
    image = Image.frombytes("P", (columns, height), level.astype(np.uint8).tobytes())
    image.putpalette(_ink() if grey else _palette())
    out = io.BytesIO()
    image.save(out, format="png", optimize=True, transparency=GAP)
    width = round(columns * min(SQUARE, WIDEST / columns))
    data = b64encode(out.getvalue()).decode()
    return (
        f'<img class="map" width="{width}" alt="{escape(alt)}" src="data:image/png;base64,{data}">'
    )


def _ink() -> bytes:
    """White where there is nothing, black where there is most."""
    shades = np.concatenate([np.full(LEVELS // 2, 255), np.linspace(255, 0, LEVELS // 2 + 1)])
    return bytes(round(shade) for shade in shades for _ in range(3)) + bytes(
        [255, 255, 255, 204, 0, 0]
    )


def heat_map(row: Row) -> str:
    """The signed error of a gradient, laid out like the parameter; nothing where it was not seen whole."""
    error = signed_error(row)
    if error is None or error.size == 0:
        return ""
    finite = np.abs(error[np.isfinite(error)])
    scale = float(finite.max(initial=0.0))
    plane, block = reduced(laid_out(error, row.name))
    told = f"Hand-derived minus numeric, at most {scientific(scale)} in size."
    if block != (1, 1):
        told += f" Each square is the largest of {block[0]}×{block[1]} entries."
    if np.isinf(error).any():
        told += f" Red: {np.isinf(error).sum()} not finite."
    alt = f"Map of the error of d{row.name}"
    legend = "Dark: too small; light: too large." if scale else "Equal to the last bit."
    return _figure(picture(plane, scale, alt), f"{told} {legend}")


def scatter(row: Row) -> str:
    """Hand-derived against numeric: right entries lie on the diagonal, a factor is another slope."""
    if signed_error(row) is None:
        return ""
    hand, numeric = (np.ravel(values).astype(np.float64) for values in (row.analytic, row.numeric))
    kept = np.isfinite(hand) & np.isfinite(numeric)
    hand, numeric = hand[kept], numeric[kept]
    scale = max(np.abs(hand).max(initial=0.0), np.abs(numeric).max(initial=0.0))
    if not scale:
        return ""
    chosen = _chosen(hand, numeric)
    across, up = (np.rint(200 + 180 * v[chosen] / scale).astype(int) for v in (numeric, hand))
    marks = "".join(f"M{x} {400 - y}h0" for x, y in sorted(set(zip(across, up, strict=True))))
    told = "Each point an entry; on the line the two agree."
    if len(chosen) < row.numeric.size:
        told += f" {len(chosen)} of {row.numeric.size:,}, those furthest apart among them."
    drawing = (
        '<svg class="scatter" viewBox="0 0 400 400" role="img" '
        f'aria-label="Scatter of d{escape(row.name)}: hand-derived against numeric">'
        '<path class="axis" d="M20 200H380M200 20V380"/><path class="diagonal" d="M20 380L380 20"/>'
        f'<path class="points" d="{marks}"/>'
        '<text x="380" y="394" text-anchor="end">numeric →</text>'
        '<text x="4" y="16">↑ hand-derived</text></svg>'
    )
    return _figure(drawing, f"{told} Axes to ±{scale:.2g}.")


def _chosen(hand: Array, numeric: Array) -> Array:
    """Which entries are drawn: all of a few, of many the furthest apart and some spread evenly."""
    if hand.size <= POINTS:
        return np.arange(hand.size)
    worst = np.argsort(np.abs(hand - numeric), kind="stable")[-(POINTS // 4) :]
    even = np.linspace(0, hand.size - 1, POINTS - len(worst)).astype(int)
    return np.union1d(worst, np.argsort(numeric, kind="stable")[even])


def _figure(drawing: str, caption: str) -> str:
    return f"<figure>{drawing}<figcaption>{escape(caption)}</figcaption></figure>"
