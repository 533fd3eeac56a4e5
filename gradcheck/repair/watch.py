"""What the names of a function hold: each statement reports them when it is reached."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.lines.source import blocks
from gradcheck.lines.statements import base_of, name_of
from gradcheck.repair.tree import inside
from gradcheck.trees import copied

SEEN = "_seen"
"""The name under which a watched function knows what to report its names to."""
LARGEST = 100_000
"""Entries beyond which an array is not copied: watching must not cost more than running."""

Place = tuple[int, int]
"""The line and column in which a statement begins."""


@dataclass
class Watch:
    """Keeps the names of every statement as they were when it was last reached, and when it was first.

    Functions within the watched one outlive its run, and report whenever an edit calls them: nothing is
    kept once it no longer `looks`. What is `written_into`, an object whose weights are updated, is kept as a
    whole.
    """

    written_into: frozenset[str] = frozenset()
    found: dict[Place, dict[str, Any]] = field(default_factory=dict)
    first: dict[Place, dict[str, Any]] = field(default_factory=dict)
    looks: bool = True

    def __call__(self, line: int, column: int, names: Mapping[str, Any]) -> None:
        """Keep the names of the statement that begins there."""
        if self.looks:
            kept = {n: self._kept(n, v) for n, v in names.items() if not isinstance(v, ModuleType)}
            self.found[line, column] = kept
            self.first.setdefault((line, column), kept)

    def _kept(self, name: str, value: Any) -> Any:
        """What is written into later is kept as it is now."""
        if isinstance(value, np.ndarray) and value.size <= LARGEST:
            return value.copy()
        if name in self.written_into:
            return copied(value)
        return list(value) if isinstance(value, list) else value

    def last(self, lines: Collection[int]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The names as the last statement within some lines sees them, and as the last without does."""
        places = sorted(self.found)
        last = {place[0] in lines: self.found[place] for place in places}
        return last.get(True, {}), last.get(False, {})


def written_into(tree: ast.AST) -> frozenset[str]:
    """The names of what a function writes into by an attribute or a key: self.W -= dW, p["W"] -= dW."""
    targets = (node.target for node in inside(tree, ast.AugAssign))
    names = filter(None, map(name_of, targets))
    return frozenset(base_of(name) for name in names if base_of(name) != name)


def watched(tree: ast.FunctionDef) -> ast.FunctionDef:
    """A copy of a function that reports its names before each of its statements."""
    changed = copy.deepcopy(tree)
    for node in inside(changed, *WATCHED):
        for block in blocks(node):
            block[:] = [one for statement in block for one in _reported(statement)]
    return changed


WATCHED = (ast.FunctionDef, ast.For, ast.While, ast.If, ast.With, ast.Try, ast.Match)


UNREPORTED = (ast.FunctionDef, ast.Global, ast.Nonlocal)


def _reported(statement: ast.stmt) -> Iterator[ast.stmt]:
    if not isinstance(statement, UNREPORTED):
        yield ast.parse(f"{SEEN}({statement.lineno}, {statement.col_offset}, locals())").body[0]
    yield statement


def lines_of(tree: ast.stmt | None) -> range:
    """The lines of a statement, none of none."""
    return range(0) if tree is None else range(tree.lineno, (tree.end_lineno or 0) + 1)
