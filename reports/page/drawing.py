"""Figures inside a page: SVG with real text, the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

STYLE: Any = {
    "svg.fonttype": "none",
    # What would be drawn at random in the file are the names of its parts.
    "svg.hashsalt": "gradcheck",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}

_PARTS = re.compile(r' id="[A-Za-z][A-Za-z0-9.]*_\d{1,4}"')
"""Names that Matplotlib gives to parts, `axes_1`: nothing refers to them, and two figures share them."""


def svg(figure: Figure) -> str:
    """A figure as an SVG element to put into HTML; the figure is closed."""
    out = io.StringIO()
    with plt.rc_context(STYLE):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = out.getvalue()
    return _PARTS.sub("", text[text.index("<svg") :]).strip()


def captioned(figure: Figure, caption: str) -> str:
    """A figure with its caption, which is also what a screen reader says of it."""
    drawn = re.sub("^<svg", f'<svg role="img" aria-label="{escape(caption)}"', svg(figure), count=1)
    return (
        f'<figure class="keep"><div class="drawing">{drawn}</div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
