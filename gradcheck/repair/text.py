"""An edit in the text: where a node stands, another is written, and nothing else moves."""

from __future__ import annotations

import ast
import difflib
import linecache
import os
import textwrap

from gradcheck.lines import BackwardText
from gradcheck.result import Edit

LOOSE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda, ast.Tuple)
"""What may need brackets where something else stood."""


def edited(text: str, old: ast.AST, new: ast.AST) -> str:
    """A text, at the left margin, with `new` where `old` stands; in brackets only if it needs them."""
    assert isinstance(old, (ast.expr, ast.stmt))
    ast.fix_missing_locations(new)
    written = ast.unparse(new)
    bare, safe = _spliced(text, old, written), _spliced(text, old, f"({written})")
    if not isinstance(new, LOOSE):
        return bare
    return bare if _same_tree(bare, safe) else safe


def _spliced(text: str, node: ast.expr | ast.stmt, written: str) -> str:
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    assert node.end_lineno is not None and node.end_col_offset is not None
    begin = starts[node.lineno - 1] + node.col_offset
    end = starts[node.end_lineno - 1] + node.end_col_offset
    encoded = text.encode()
    return (encoded[:begin] + written.encode() + encoded[end:]).decode()


def _same_tree(one: str, other: str) -> bool:
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False


def changes(written: BackwardText, text: str) -> tuple[Edit, ...]:
    """Each place of the file that differs, with what stands there before and after the edit."""
    before, after = at_margin(written.text).split("\n"), text.split("\n")
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return tuple(
        Edit(written.source.line + a, _joined(before[a:b]), _joined(after[c:d]))
        for tag, a, b, c, d in matcher.get_opcodes()
        if tag != "equal"
    )


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def unified(written: BackwardText, text: str) -> str:
    """The edit as a patch of the file that the backward pass is written in."""
    function, begin = written.source.function, written.source.line - 1
    file = function.__code__.co_filename
    whole = linecache.getlines(file) or list(written.source.lines)
    begin = begin if len(whole) > len(written.source.lines) else 0
    margin = len(written.source.lines[0]) - len(written.source.lines[0].lstrip())
    old = at_margin(written.text).splitlines(keepends=True)
    new = text.splitlines(keepends=True)
    changed = list(whole)
    for tag, a, b, c, d in reversed(difflib.SequenceMatcher(None, old, new, False).get_opcodes()):
        if tag != "equal":
            moved = [" " * margin + line if line.strip() else line for line in new[c:d]]
            changed[begin + a : begin + b] = moved
    name = os.path.relpath(file) if os.path.exists(file) else file
    if name.startswith(os.pardir):
        name = file.lstrip(os.sep)
    return "".join(difflib.unified_diff(whole, changed, f"a/{name}", f"b/{name}"))


def at_margin(text: str) -> str:
    """A text as its tree counts it: moved to the left margin."""
    return textwrap.dedent(text)
