"""A function's text as a table of lines: forward and backward lines that belong together bear one number."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Any

CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"


def text_of(function: Callable[..., Any]) -> str:
    """The text of a function without its docstring, at the left margin."""
    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    first = tree.body[0]
    if ast.get_docstring(tree) is None:
        return source
    lines = source.split("\n")
    return "\n".join([*lines[: first.lineno - 1], *lines[first.end_lineno :]])


def listing(text: str, marks: Mapping[int, str] | None = None) -> str:
    """Numbered lines; those that give a value, and those that give its gradient, bear the same sign.

    Args:
        text: the text of a function, at the left margin.
        marks: for some line numbers a class of the page's style: `wrong`, `right`.
    """
    signs = pairs(text)
    rows = ""
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        way, sign = signs.get(number, ("", ""))
        style = f' class="{(marks or {})[number]}"' if number in (marks or {}) else ""
        rows += (
            f'<tr{style}><td class="n">{number}</td><td class="pair {way}">{sign}</td>'
            f"<td>{escape(line)}</td></tr>\n"
        )
    return f'<div class="scroll"><table class="code">\n{rows}</table></div>'


def pairs(text: str) -> dict[int, tuple[str, str]]:
    """For each line that gives v on the way there or dv on the way back: which way, and their sign."""
    tree = ast.parse(text).body[0]
    assert isinstance(tree, ast.FunctionDef)
    inner = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n is not tree]
    back = [found for function in inner for found in _assigned(function)]
    there = [found for found in _assigned(tree) if found not in back]
    values = dict.fromkeys([*(name for _, name in there), *(a.arg for a in tree.args.args)])
    gradients = {name for _, name in back}
    paired = [name for name in values if f"d{name}" in gradients]
    signs = dict(zip(paired, CIRCLED, strict=False))
    forward = {n: ("forward", signs[name]) for n, name in there if name in signs}
    return forward | {n: ("backward", signs[d[1:]]) for n, d in back if d[1:] in signs}


def _assigned(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets):
                for target in targets:
                    yield from ((node.lineno, name) for name in _names(target))
            case ast.AugAssign(target) | ast.AnnAssign(target):
                yield from ((node.lineno, name) for name in _names(target))


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(name) | ast.Subscript(ast.Name(name)):
            yield name
        case ast.Tuple(parts) | ast.List(parts):
            for part in parts:
                yield from _names(part)
