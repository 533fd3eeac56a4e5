"""The course: how a gradient is checked, the two stories of the homework, then the layers as they are taught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

import layers.mistakes
from gradcheck import check
from gradcheck.render import scientific
from gradcheck.result import Array, Report
from layers import max_pool2d, relu
from layers.catalogue import CATALOGUE
from layers.families import FAMILIES, layers_of
from layers.types import Backward
from reports.lecture.curves import measured_curves, v_curve
from reports.lecture.handout import sheet
from reports.page.drawing import captioned
from reports.page.prose import html_of
from reports.page.shell import caption, section
from reports.places import Place

STORIES = Path(layers.mistakes.__file__).parent / "stories"
TOLD = {"every_tie": "Ties on digits", "adam_restarted": "Adam restarted"}
"""The stories, in the order in which one meets them: the first is seen by a check, the second is not."""


def chapters() -> dict[str, str]:
    """The pages of the course beside those of the layers, by file name."""
    pages = {"index": index(), "checking": checking()}
    return pages | {name.replace("_", "-"): _story(name) for name in TOLD}


def index() -> str:
    """A page with a link to each chapter and to each layer, in the order of teaching."""
    head = (
        "<h1>Backpropagation, layer by layer</h1>\n"
        '<p class="lead">Each page: the derivation, the code, the numbers, the check, and mistakes to '
        "find.</p>"
    )
    first = [("checking", "How a gradient is checked, and why the step is 1e-5")]
    first += [(name.replace("_", "-"), title) for name, title in TOLD.items()]
    listed = "".join(f'<li><a href="{name}.html">{escape(title)}</a></li>' for name, title in first)
    families = [section(family.replace("_", " "), _family(family)) for family in FAMILIES]
    parts = [head, section("Before the layers", f"<ol>{listed}</ol>"), *families]
    return sheet("Backpropagation, layer by layer", parts)


def _family(family: str) -> str:
    rows = "".join(
        f'<tr><th scope="row"><a href="{name}.html">{escape(name)}</a></th>'
        f"<td><code>{escape(CATALOGUE[name].formula)}</code></td></tr>"
        for name in layers_of(family)
        if name in CATALOGUE
    )
    head = '<thead><tr><th scope="col">layer</th><th scope="col">formula</th></tr></thead>'
    told = caption(f"{family.replace('_', ' ')}, in the order of teaching")
    return f'<div class="scroll"><table>{told}{head}{rows}</table></div>'


def _story(name: str) -> str:
    text = (STORIES / f"{name}.md").read_text("utf-8")
    return sheet(TOLD[name], [html_of(text)])


def checking() -> str:
    """The chapter on the method: five sentences, step and precision, kinks, with numbers measured here."""
    parts = [
        "<h1>How a gradient is checked</h1>",
        section("Five sentences", html_of(SENTENCES), _shown(_small())),
        section("Why 1e-5?", html_of(STEP), _steps_table(), _figure()),
        section("Kinks and ties", html_of(KINKS), _shown(_kink()), html_of(TIES), _shown(_tie())),
    ]
    return sheet("How a gradient is checked", parts)


SENTENCES = r"""
1. Run forward and backward: $y = f(x)$, and $\bar{x}$ from an upstream gradient $\bar{y}$ with random signs.
2. Ask the numerical witness: $\varphi(x) = \sum_j \bar{y}_j f_j(x)$, entry by entry moved a little both ways.
3. Ask the tape, where there is one: TensorFlow's gradient of the same forward pass, written a second time.
4. Compare: the two sides differ by less than the bound of the witness on its own error, or by more.
5. Explain: which entries are wrong, what they have in common, and which line made them.

A dense layer, checked as this page was made:
"""
STEP = r"""
A central difference is off by $h^2 f^{(3)}/6$, and by about $\epsilon |f| / h$ of rounding. The sum is
smallest near $h = \epsilon^{1/3}$: $6 \cdot 10^{-6}$ in float64, $5 \cdot 10^{-3}$ in float32. For a
forward difference, off by $h f^{(2)}/2$, it is $\epsilon^{1/2}$. That is where 1e-5 comes from, and why it is
wrong in float32. Measured for the slope of tanh at 0.7, the best of steps half a power of ten apart:
"""
KINKS = """
Where a function has a corner, the slopes from both sides differ, and any value between them is a
subgradient. ReLU at 0:
"""
TIES = """
Two tied maxima are a corner too. Moved together they move the maximum by as much, so what they receive has
to add up to the upstream gradient: the first may have it all, or all may share it; the full gradient to
each is wrong. Right, and as it is often written:
"""

METHODS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "forward": lambda f, x, h: (f(x + h) - f(x)) / h,
    "central": lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h),
}
STEPS = 10.0 ** np.arange(-1.0, -13.0, -0.5)


def _steps_table() -> str:
    """For each precision and method the best step, and what 1e-5 gives."""
    heads = ("precision", "difference", "best step", "error there", "error at 1e-5")
    rows = [_measured(dtype, method) for dtype in (np.float64, np.float32) for method in METHODS]
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    told = caption("The slope of tanh at 0.7: relative errors")
    return f'<div class="scroll"><table>{told}<tr>{head}</tr>{body}</table></div>'


def _measured(dtype: type[Any], method: str) -> list[str]:
    x, true = dtype(0.7), 1 - np.tanh(0.7) ** 2
    slopes = [float(METHODS[method](np.tanh, x, dtype(h))) for h in STEPS]
    errors = np.abs(np.array(slopes) - true) / true
    best, usual = int(errors.argmin()), int(np.abs(STEPS - 1e-5).argmin())
    figures = (STEPS[best], errors[best], errors[usual])
    return [np.dtype(dtype).name, method, *(scientific(float(figure)) for figure in figures)]


def _tanh(x: Array) -> tuple[Array, Backward]:
    y = np.tanh(x)
    return y, lambda dy: (dy * (1 - y * y),)


def _figure() -> str:
    curves = measured_curves(_tanh, [np.linspace(0.3, 1.7, 5)], 0)
    return captioned(
        v_curve(curves), "tanh: error of the slope against the step, for four ways to difference."
    )


def _shown(reports: Iterator[Report]) -> str:
    shown = "".join(f"<div>{report.to_html()}</div>" for report in reports)
    return f'<div class="report worked">{shown}</div>'


def _small() -> Iterator[Report]:
    yield Place("dense", 0).check(name="dense")


def _kink() -> Iterator[Report]:
    yield check(relu, np.array([[-1.0, 0.0], [0.5, 2.0]]), name="relu")


def _tie() -> Iterator[Report]:
    image = np.array([2.0, 2.0, 1.0, 0.0]).reshape(1, 2, 2, 1)
    yield check(max_pool2d, image, name="to the first of them")
    yield check(_every_tie, image, name="to each in full", lines=False)


def _every_tie(x: Array) -> tuple[Array, Backward]:
    y = x.max(axis=(1, 2), keepdims=True)
    return y, lambda dy: (dy * (x == y),)
