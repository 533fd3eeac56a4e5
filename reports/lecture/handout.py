"""A handout, top to bottom: what the layer computes, its derivation, code, check, and mistakes to find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from html import escape

import numpy as np

from gradcheck import __version__, check
from gradcheck.result import Report
from layers.catalogue import CATALOGUE, Configuration, Entry
from layers.derivations import text_of as derivation_of
from layers.mistakes import MISTAKES, Mistake
from reports.lecture.curves import taylor_curve, v_curve
from reports.lecture.example import worked_example
from reports.mistakes import examine, said
from reports.page.code import listing, text_of
from reports.page.drawing import captioned
from reports.page.prose import html_of
from reports.page.shell import folded, page, section

SEED = 0


def handout(name: str) -> str:
    """The page of a layer of the catalogue, as HTML that stands by itself.

    Raises:
        KeyError: if there is no such layer.
    """
    entry = CATALOGUE[name]
    report = _checked(entry, entry.configurations[0])
    parts = [
        _head(entry),
        *_derivation(entry),
        section("In code", CODE, listing(text_of(entry.layer))),
        section("By hand", BY_HAND, worked_example(entry)),
        section("Checked", _checks(entry, report), *_figures(entry)),
        section("Find the bug", *_puzzles(entry)),
        _foot(),
    ]
    return page(f"{name}: the backward pass", "\n".join(part for part in parts if part))


CODE = (
    "<p>A line that computes a value on the way there and the line that computes its gradient on the "
    'way back bear the same number, <span class="forward">forward</span> and '
    '<span class="backward">backward</span>.</p>'
)


BY_HAND = (
    "<p>The smallest inputs that still show something, and every value there "
    '(<span class="forward">forward</span>) and back (<span class="backward">backward</span>): '
    "reckon one of them with pencil and paper. Time steps stand first.</p>"
)


def _head(entry: Entry) -> str:
    return (
        f"<h1>{escape(entry.name)}</h1>\n"
        f'<p class="lead"><code>{escape(entry.formula)}</code><br>'
        f"<code>{escape(entry.shapes.strip())}</code></p>"
    )


def _derivation(entry: Entry) -> Iterator[str]:
    """The derivation's own sections; what is code there stands in the layer's own lines here."""
    text = re.sub(r"```.*?```\n?", "", derivation_of(entry.name), flags=re.S)
    text = re.sub(r"^# .*\n", "", text)
    text = re.sub(
        r"^Planted, for `gradcheck mistakes NAME`.*?(?=\n\n|\Z)", "", text, flags=re.M | re.S
    )
    yield html_of(text)


def _checked(entry: Entry, configuration: Configuration) -> Report:
    inputs = configuration.inputs(np.random.default_rng(SEED))
    return check(entry.bound(configuration), *inputs.values(), name=entry.name, seed=SEED)


def _checks(entry: Entry, report: Report) -> str:
    label = entry.configurations[0].label
    words = (
        "<p>Every entry of every gradient beside a finite difference that carries a bound on its own "
        f"error ({escape(label)}): <span class='verdict'>{report.verdict}</span>. "
        "<em>rel. error</em> is ‖hand − numeric‖ / max(‖hand‖, ‖numeric‖), <em>resolution</em> the "
        "error below which nothing can be seen.</p>"
    )
    return f'{words}<div class="scroll">{report.to_html()}</div>'


def _figures(entry: Entry) -> Iterator[str]:
    """The V curve and Taylor's slopes, of the first input that has a derivative."""
    inputs = entry.configurations[0].inputs(np.random.default_rng(SEED))
    name = next(n for n, x in inputs.items() if np.asarray(x).dtype.kind == "f")
    position = list(inputs).index(name)
    yield '<div class="columns">'
    yield captioned(
        v_curve(entry.bound(entry.configurations[0]), list(inputs.values()), position),
        f"Error of the slope along a random direction of {name}, against the step: truncation falls "
        "with the step, round-off grows as it shrinks.",
    )
    yield _taylor(entry, name, position)
    yield "</div>"


def _taylor(entry: Entry, name: str, position: int) -> str:
    """The remainder with the right gradient and a planted one, at inputs where the mistake shows."""
    wrong = _about(entry, name)
    configuration = entry.configurations[0] if wrong is None else wrong.shows
    planted = None if wrong is None else partial(wrong.planted, **configuration.options)
    inputs = list(configuration.inputs(np.random.default_rng(SEED)).values())
    figure = taylor_curve(entry.bound(configuration), planted, inputs, position)
    if figure is None:
        return ""
    told = "" if wrong is None else f" and with the planted mistake {wrong.name}"
    return captioned(
        figure, f"Taylor's remainder with the right d{name}{told}: its slope is the verdict."
    )


def _about(entry: Entry, gradient: str) -> Mistake | None:
    """A planted mistake in this gradient that shows in any configuration."""
    return next((m for m in _mistakes(entry) if m.gradient == gradient), None)


def _mistakes(entry: Entry) -> list[Mistake]:
    return [m for m in MISTAKES.values() if m.layer is entry.layer]


def _puzzles(entry: Entry) -> Iterator[str]:
    """Each planted mistake: the code with it, and folded what the checker says."""
    found = _mistakes(entry)
    if not found:
        return
    yield (
        "<p>In each of these one thing is wrong. Where, what will the gradient look like, and at which "
        "inputs would nobody notice?</p>\n<ol>"
    )
    for mistake in found:
        code = folded("the code", _planted_code(mistake))
        yield f"<li>{code}{folded('the answer', _answer(mistake))}</li>"
    yield "</ol>"


def _planted_code(mistake: Mistake) -> str:
    return f"<pre>{escape(mistake.changed[1])}</pre>"


def _answer(mistake: Mistake) -> str:
    report = examine(mistake, mistake.shows)
    sentences = "".join(
        f"<li><code>{escape(finding.code)}</code>: {escape(finding.message)}</li>"
        for finding in said(mistake, report)
    )
    hides = f"<p>Hidden at: {escape(mistake.hides.label)}.</p>" if mistake.hides else ""
    return (
        f"<p>{escape(mistake.story)}</p>\n<pre>{escape(str(mistake.diff))}</pre>\n"
        f"<p>What the checker says (<code>gradcheck mistakes {escape(mistake.name)}</code>):</p>"
        f"<ul>{sentences}</ul>{hides}"
    )


def _foot() -> str:
    return (
        f"<footer>Made by gradcheck {escape(__version__)}, NumPy {escape(np.__version__)}, seed {SEED}. "
        "The derivation's formulas, this code and these numbers are what its tests run.</footer>"
    )
