"""A function's text as a table of lines: forward and backward lines that belong together bear one number."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from gradcheck.layer import Function

Signs = Mapping[int, Sequence[tuple[str, int]]]
"""For a line's number the signs beside it: `forward` or `backward`, and which."""


def text_of(function: Function) -> str:
    """The text of a function without its docstring, at the left margin."""
    return without_docstring(textwrap.dedent(inspect.getsource(function)))


def without_docstring(source: str) -> str:
    """A function's text, at the left margin, without its docstring."""
    tree = ast.parse(source).body[0]
    assert isinstance(tree, ast.FunctionDef)
    first = tree.body[0]
    if ast.get_docstring(tree) is None:
        return source
    lines = source.split("\n")
    return "\n".join([*lines[: first.lineno - 1], *lines[first.end_lineno :]])


def numbered(text: str) -> list[tuple[int, str]]:
    """The lines of a text with their numbers."""
    return list(enumerate(text.rstrip("\n").split("\n"), start=1))


def listing(
    lines: Sequence[tuple[int, str]], signs: Signs, marks: Mapping[int, str] | None = None
) -> str:
    """Numbered lines; those that give a value, and those that give its gradient, bear the same sign.

    `marks` are classes of the page's style for some line numbers, said in a word too.
    """
    marks = marks or {}
    rows = "".join(
        f'<tr{_style(marks.get(number))}><td class="n">{number}</td>'
        f'<td class="pair">{_signs(signs.get(number, ()))}</td>'
        f"<td>{escape(line)}</td>{_word(marks, number)}</tr>\n"
        for number, line in lines
    )
    return f'<div class="scroll"><table class="code">\n{rows}</table></div>'


def _style(mark: str | None) -> str:
    return f' class="{mark}"' if mark else ""


def _signs(signs: Sequence[tuple[str, int]]) -> str:
    return "".join(f'<span class="sign {way}">{sign}</span>' for way, sign in signs)


def _word(marks: Mapping[int, str], number: int) -> str:
    return f"<td><strong>{marks.get(number, '')}</strong></td>" if marks else ""


def pairs(text: str) -> dict[int, list[tuple[str, int]]]:
    """For each line that gives v on the way there or dv on the way back: which way, and their sign."""
    tree = ast.parse(text).body[0]
    assert isinstance(tree, ast.FunctionDef)
    inner = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n is not tree]
    back = [found for function in inner for found in _assigned(function)]
    there = [found for found in _assigned(tree) if found not in back]
    values = dict.fromkeys(one.name for one in there)
    gradients = {one.name for one in back}
    paired = {name: k for k, name in enumerate((n for n in values if f"d{n}" in gradients), 1)}
    found: dict[int, list[tuple[str, int]]] = {}
    for way, several, names in (
        ("forward", there, paired),
        ("backward", back, {f"d{name}": k for name, k in paired.items()}),
    ):
        for one in _filled(several):
            if one.name in names:
                found.setdefault(one.line, []).append((way, names[one.name]))
    return found


@dataclass(frozen=True)
class _Assigned:
    """A name that is given a value, or a part of it a value, and in which line."""

    line: int
    name: str
    part: bool


def _filled(several: Sequence[_Assigned]) -> list[_Assigned]:
    """Without the empty beginning of what is filled in parts."""
    in_parts = {one.name for one in several if one.part}
    return [one for one in several if one.part or one.name not in in_parts]


def _assigned(tree: ast.AST) -> Iterator[_Assigned]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets):
                for target in targets:
                    yield from _names(target)
            case ast.AugAssign(target) | ast.AnnAssign(target):
                yield from _names(target)


def _names(target: ast.expr) -> Iterator[_Assigned]:
    match target:
        case ast.Name(name):
            yield _Assigned(target.lineno, name, part=False)
        case ast.Subscript(ast.Name(name)):
            yield _Assigned(target.lineno, name, part=True)
        case ast.Tuple(parts) | ast.List(parts):
            for part in parts:
                yield from _names(part)
