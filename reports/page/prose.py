"""Markdown with formulas, as the derivations are written, made into HTML with MathML."""

from __future__ import annotations

import re
from html import escape

from latex2mathml.converter import convert
from markdown_it import MarkdownIt

_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.S)
PLUS_EQUALS = "<mo><mrow><mo>&#x0002B;</mo></mrow></mo><mo>&#x0003D;</mo>"
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", re.S)


def html_of(text: str) -> str:
    """A page's text as HTML. Raw HTML in it is shown, not used.

    Formulas stand between `$` or `$$`, code between backticks, where a dollar is a dollar.
    """
    formulas: list[str] = []

    def kept(found: re.Match[str]) -> str:
        display, inline = found.groups()
        formulas.append(formula(display or inline, block=display is not None))
        return f"\ue000{len(formulas) - 1}\ue001"

    parts = _CODE.split(text)
    prose = "".join(part if k % 2 else _FORMULA.sub(kept, part) for k, part in enumerate(parts))
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(prose)
    return re.sub("\ue000(\\d+)\ue001", lambda found: formulas[int(found[1])], rendered)


def formula(latex: str, *, block: bool = False) -> str:
    """A formula as MathML; its LaTeX is what a reader without MathML, and a search, finds."""
    mathml = convert(latex.strip(), display="block" if block else "inline")
    # latex2mathml does not know that += is one sign.
    mathml = mathml.replace(PLUS_EQUALS, "<mo>+=</mo>")
    if block:
        # Brackets around a sum are as high as the sum.
        mathml = mathml.replace(' stretchy="false"', "")
    return mathml.replace("<math ", f'<math alttext="{escape(latex.strip())}" ', 1)
