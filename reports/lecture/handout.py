"""A handout, top to bottom: what the layer computes, its derivation, code, check, and mistakes to find."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from html import escape
from pathlib import Path

import numpy as np

from gradcheck.result import Report
from gradcheck.version import __version__
from layers.catalogue import CATALOGUE, Entry
from layers.derivations import text_of as derivation_of
from layers.mistakes import Mistake
from reports.lecture.blackboard import worked
from reports.lecture.curves import measured_curves, measured_taylor, taylor_curve, v_curve, v_said
from reports.lecture.example import Example, worked_example
from reports.lecture.puzzles import mistakes_of, puzzles
from reports.page.code import listing, numbered, pairs, text_of
from reports.page.drawing import captioned
from reports.page.prose import html_of
from reports.page.shell import page, section
from reports.places import Place

SEED = 0


def handout(name: str) -> str:
    """The page of a layer of the catalogue, as HTML that stands by itself.

    Raises:
        KeyError: if there is no such layer.
    """
    entry = CATALOGUE[name]
    example = worked_example(entry)
    report = checked(entry)
    parts = [
        head(entry),
        html_of(derivation(entry)),
        section("In code", code(entry)),
        section("By hand", *_by_hand(entry, example)),
        section(
            "Checked", checks(entry, report), '<div class="columns">', *figures(entry), "</div>"
        ),
        section("Find the bug", puzzles(entry, example)),
        foot(),
    ]
    return sheet(f"{name}: the backward pass", parts)


def sheet(title: str, parts: Iterable[str], *, script: str = "", style: str = "") -> str:
    """A page in the style of handouts, of those parts that are not empty."""
    ours = (Path(__file__).parent / "handout.css").read_text("utf-8")
    return page(title, "\n".join(part for part in parts if part), script, ours + style)


CODE = (
    "<p>A line that computes a value on the way there and the line that computes its gradient on the "
    'way back bear the same number, <span class="forward">forward</span> and '
    '<span class="backward">backward</span>.</p>'
)


THERE_AND_BACK = (
    "Small numbers, and every value there "
    '(<span class="forward">forward</span>) and back (<span class="backward">backward</span>).'
)
BY_HAND = (
    f"<p>{THERE_AND_BACK} "
    "Reckon one of the gradients with pencil and paper, then click on it: it opens to its sum, over all "
    "that the value is used for.</p>"
)
NOTED = "<p>An index along an axis of length 1 is not written.</p>"
IN_TIME = "<p>Time steps stand first; arrows from one to the next are left out.</p>"


def code(entry: Entry) -> str:
    """The layer's text, lines that belong together under one number, and what the numbers mean."""
    text = text_of(entry.layer)
    signs = pairs(text)
    return (CODE if signs else "") + listing(numbered(text), signs)


def _by_hand(entry: Entry, example: Example | None) -> Iterator[str]:
    if example is None:
        return
    yield BY_HAND
    yield NOTED
    if _loops(example):
        yield IN_TIME
    yield worked(entry.name, example.values, example.sums)


def _loops(example: Example) -> bool:
    """Whether a value is read before it stands there: by the step after."""
    names = [one.name for one in example.values]
    return any(
        name in names and names.index(name) >= k
        for k, one in enumerate(example.values)
        for name in one.reads
    )


def head(entry: Entry) -> str:
    """Name, formula and shapes."""
    return (
        f"<h1>{escape(entry.name)}</h1>\n"
        f'<p class="lead"><code>{escape(entry.formula)}</code><br>'
        f"<code>{escape(entry.shapes.strip())}</code></p>"
    )


def derivation(entry: Entry) -> str:
    """The derivation's own sections as Markdown; what is code there stands in the layer's own lines here."""
    text = re.sub(r"```.*?```\n?", "", derivation_of(entry.name), flags=re.S)
    text = re.sub(r"^# .*\n", "", text)
    # A handout stands by itself: other pages are named, not linked.
    text = re.sub(r"\[([^\]]+)\]\([^)\s]*\.md[^)]*\)", r"\1", text)
    return re.sub(
        r"^Planted, for `gradcheck mistakes NAME`.*?(?=\n\n|\Z)", "", text, flags=re.M | re.S
    )


def checked(entry: Entry) -> Report:
    """The report on a layer in its first configuration."""
    return Place(entry.name, 0).check(SEED, name=entry.name)


def checks(entry: Entry, report: Report) -> str:
    """What the check found, and what its columns mean."""
    label = entry.configurations[0].label
    words = (
        "<p>Every entry of every gradient beside a finite difference that carries a bound on its own "
        f"error (inputs: {escape(label)}): <span class='verdict'>{report.verdict}</span>. "
        "<em>rel. error</em> is ‖hand − numeric‖ / max(‖hand‖, ‖numeric‖), <em>resolution</em> the "
        "error below which nothing can be seen.</p>"
    )
    return f'{words}<div class="scroll report">{report.to_html()}</div>'


def figures(entry: Entry) -> Iterator[str]:
    """The V curve and Taylor's slopes, of the first input that has a derivative."""
    plain = entry.configurations[0]
    inputs = plain.inputs(np.random.default_rng(SEED))
    name = next(n for n, x in inputs.items() if np.asarray(x).dtype.kind == "f")
    position = list(inputs).index(name)
    at = list(inputs.values()), position
    said = v_said(name, measured_taylor(entry.bound(plain), *at))
    yield captioned(v_curve(measured_curves(entry.bound(plain), *at)), said)
    yield _taylor(entry, name, position)


def _is_smooth(mistake: Mistake, name: str, position: int) -> bool:
    """Whether a mistake in this gradient shows where the right one has slope 2: not at ties or corners."""
    if mistake.gradient != name:
        return False
    inputs = list(mistake.shows.inputs(np.random.default_rng(SEED)).values())
    right = partial(mistake.layer, **mistake.shows.options)
    return measured_taylor(right, inputs, position).passed


def _taylor(entry: Entry, name: str, position: int) -> str:
    """The remainder with the right gradient and a planted one, at inputs where the mistake shows."""
    wrong = next((m for m in mistakes_of(entry) if _is_smooth(m, name, position)), None)
    configuration = entry.configurations[0] if wrong is None else wrong.shows
    inputs = list(configuration.inputs(np.random.default_rng(SEED)).values())
    tests = {"right": measured_taylor(entry.bound(configuration), inputs, position)}
    if wrong is not None:
        planted = partial(wrong.planted, **configuration.options)
        tests["planted"] = measured_taylor(planted, inputs, position)
    figure = taylor_curve(tests)
    if figure is None:
        return ""
    told = "" if wrong is None else f" and with the planted mistake {wrong.name}"
    return captioned(
        figure,
        f"Taylor's remainder with the right d{name}{told}: it falls with slope 2 where the gradient is "
        "right, with slope 1 where it is wrong.",
    )


def foot() -> str:
    """How the page was made."""
    return (
        f"<footer>Made by gradcheck {escape(__version__)}, NumPy {escape(np.__version__)}, seed {SEED}. "
        "The derivation's formulas, this code and these numbers are what its tests run.</footer>"
    )
