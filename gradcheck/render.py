"""How a table and a sentence are written for a terminal, a page, a paper, a spreadsheet: one escaping for each.

Nothing here knows what is in the cells. Text that comes from users (names, messages, source) goes
through `escape` for its format, once, here.
"""

from __future__ import annotations

import csv
import html
import io
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Literal

Format = Literal["text", "markdown", "latex", "html", "csv"]

_TABLES = {"text": "simple", "markdown": "github", "latex": "latex_raw", "html": "unsafehtml"}
"""Our names of the formats that tabulate draws, and its own; cells are escaped before."""

_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "×": r"$\times$",
    "±": r"$\pm$",
    "−": "--",
}
_EXPONENT = re.compile(r"^(-?\d+(?:\.\d+)?)e([+-]\d+)$")
_FORMULA = ("=", "+", "-", "@", "\t")
"""What a spreadsheet takes for a formula when a cell begins with it."""


POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may do with a page of ours: show it. No request, no script."""

STYLE = (
    "body { font-family: sans-serif; margin: 1em } td, th { padding: 0 0.5em; text-align: right }\n"
)


def scientific(value: float) -> str:
    """A figure in two digits, 0 where it is exactly that."""
    return "0" if value == 0 else f"{value:.1e}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is spoken: 3×5."""
    return "×".join(map(str, shape)) or "scalar"


def printable(text: str) -> str:
    """Text that cannot move the cursor or forge a line: what is not printable as Python writes it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def escape(text: str, form: Format) -> str:
    """One cell or sentence, safe and legible in a format."""
    text = printable(text)
    return _ESCAPED[form](text) if form in _ESCAPED else text


def _markdown(text: str) -> str:
    return re.sub(r"([|\\`*_<])", r"\\\1", text)


def _csv(text: str) -> str:
    """What a spreadsheet would run is text to it behind an apostrophe; numbers may begin with a minus."""
    number = re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", text)
    return f"'{text}" if text.startswith(_FORMULA) and len(text) > 1 and not number else text


def _latex(text: str) -> str:
    """Figures as 1.3 × 10⁻¹¹ and shapes as products, in math; the rest with its signs escaped."""
    figure = _EXPONENT.match(text)
    if figure:
        return rf"${figure[1]}\times10^{{{int(figure[2])}}}$"
    if re.fullmatch(r"\d+(×\d+)+", text):
        return "$" + text.replace("×", r"\times") + "$"
    return "".join(_LATEX.get(c, c) for c in text)


_ESCAPED: dict[str, Callable[[str], str]] = {
    "markdown": _markdown,
    "html": html.escape,
    "latex": _latex,
    "csv": _csv,
}


def table(columns: Sequence[str], body: Sequence[Sequence[str]], form: Format = "text") -> str:
    """Cells under their columns, as text; no final newline."""
    heads = [escape(c, form) for c in columns]
    rows = [[escape(c, form) for c in row] for row in body]
    if form == "csv":
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerows([heads, *rows])
        return out.getvalue().rstrip("\n")
    if form == "latex":
        return _booktabs(heads, rows)
    from tabulate import tabulate  # Who asks for a sentence need not wait for it.

    align = "right" if form == "text" else "left"
    drawn = tabulate(rows, heads, _TABLES[form], disable_numparse=True, stralign=align)
    return drawn.replace("<th>", '<th scope="col">') if form == "html" else drawn


def _booktabs(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [" & ".join(row) + r" \\" for row in rows]
    head = " & ".join(heads) + r" \\"
    start = rf"\begin{{tabular}}{{{'l' * len(heads)}}}"
    return "\n".join(
        [start, r"\toprule", head, r"\midrule", *lines, r"\bottomrule", r"\end{tabular}"]
    )


def fitting(
    columns: Sequence[str],
    body: Sequence[Sequence[str]],
    width: int | None,
    droppable: Sequence[str],
) -> str:
    """The table as text, without its least needed columns where it would be wider than `width`."""
    for count in range(len(droppable) + 1):
        gone = droppable[:count]
        drawn = table(*without(gone, columns, body))
        if width is None or max(map(len, drawn.split("\n"))) <= width:
            break
    return drawn


def without(
    gone: Sequence[str], columns: Sequence[str], body: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """Heads and cells without some columns."""
    kept = [k for k, column in enumerate(columns) if column not in gone]
    return [columns[k] for k in kept], [[row[k] for k in kept] for row in body]


def sentence(text: str, width: int | None) -> str:
    """A sentence, wrapped under its first line where it is longer than `width`."""
    text = printable(text)
    if width is None or len(text) <= width:
        return text
    wrapped = textwrap.wrap(text, width, subsequent_indent="    ", break_long_words=False)
    return "\n".join(wrapped)


def source_line(margin: str, text: str, width: int | None) -> str:
    """A line of source behind its margin; what is longer than `width` goes on under itself, further in."""
    text = printable(text.expandtabs(4))
    if width is None or len(margin + text) <= width:
        return margin + text
    code = text.lstrip()
    indent = " " * (len(text) - len(code))
    further = " " * len(margin) + indent + " " * 4
    # Beside a deep margin there is still room for a word.
    width = max(width, len(further) + 20)
    return "\n".join(
        textwrap.wrap(code, width, initial_indent=margin + indent, subsequent_indent=further)
    )


def fenced(text: str, kind: str) -> str:
    """Text as a block of code in Markdown, in a fence that nothing in it can close; nothing for nothing."""
    if not text:
        return ""
    text = "\n".join(map(printable, text.rstrip("\n").split("\n")))
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{kind}\n{text}\n{fence}"


def whole_page(title: str, body: str, style: str = STYLE, policy: str = POLICY) -> str:
    """A page for a browser around parts that were escaped where they were made; the title is escaped here."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title, "html")}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""
