"""Breaking any one line of any backward pass of the catalogue is seen: the checker has no blind line."""

import ast
import inspect
import sys
import textwrap
from functools import partial

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check
from layers import windows
from layers.catalogue import CATALOGUE


class Breaker(ast.NodeTransformer):
    """Breaks the statement at a given line: an assigned value is changed, anything else left out.

    Or it raises, which tells who comes there.
    """

    def __init__(self, line, raises=False):
        self.line, self.raises = line, raises

    def visit(self, node):
        if not isinstance(node, ast.stmt) or node.lineno != self.line:
            return super().visit(node)
        if self.raises:
            return ast.parse("raise ArithmeticError").body[0]
        if not isinstance(node, ast.Assign):
            return ast.Pass()
        if isinstance(node.value, ast.ListComp):
            node.value.elt = self.changed(node.value.elt)
        else:
            node.value = self.changed(node.value)
        return node

    @staticmethod
    def changed(value):
        if isinstance(value, ast.Compare):
            return ast.parse(f"~({ast.unparse(value)})", mode="eval").body
        return ast.parse(f"1.01 * ({ast.unparse(value)}) + 0.01", mode="eval").body


def backward_lines(function, inner="backward"):
    """The lines of the statements that compute in the function `inner` inside another."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = next(
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == inner
    )
    simple = (ast.Assign, ast.AugAssign, ast.Expr)
    lines = [s.lineno for s in ast.walk(found) if isinstance(s, simple) and not _idle(s)]
    return tree, lines


def _idle(statement):
    """A docstring, or room made for what is computed later."""
    text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return text or "np.empty" in ast.unparse(statement)


def broken(function, line, inner="backward", raises=False):
    tree, _ = backward_lines(function, inner)
    tree = ast.fix_missing_locations(Breaker(line, raises).visit(tree))
    scope = dict(vars(sys.modules[function.__module__]))
    exec(compile(tree, f"<{function.__name__}, line {line} broken>", "exec"), scope)
    return scope[function.__name__]


LINES = [
    (name, line) for name, entry in CATALOGUE.items() for line in backward_lines(entry.layer)[1]
]


def verdicts(layer, entry):
    """One configuration after the other, as far as somebody looks."""
    for one in entry.configurations:
        inputs = one.inputs(np.random.default_rng(0))
        bound = partial(layer, **one.options)
        yield check(bound, *inputs.values(), lines=False).verdict


# `gradcheck bench mutants` breaks every line in several ways.
@pytest.mark.parametrize(("name", "line"), few_quick(LINES, 10))
def test_a_broken_line_is_convicted(name, line):
    entry = CATALOGUE[name]
    assert Verdict.FAIL in verdicts(broken(entry.layer, line), entry)


def test_the_lines_were_found():
    assert len(LINES) >= 200
    assert {name for name, _ in LINES} == set(CATALOGUE)


@pytest.mark.parametrize("line", few_quick(backward_lines(windows.fold, "fold")[1], 1))
def test_a_broken_line_of_the_shared_way_back_is_convicted(line, monkeypatch):
    import layers.conv
    import layers.pooling

    def convicted(raises):
        spoiled = broken(windows.fold, line, "fold", raises)
        monkeypatch.setattr(layers.conv, "fold", spoiled)
        monkeypatch.setattr(layers.pooling, "fold", spoiled)
        for name in ("conv2d", "max_pool2d", "avg_pool2d"):
            yield Verdict.FAIL in verdicts(CATALOGUE[name].layer, CATALOGUE[name])

    who_comes_there = list(convicted(raises=True))
    assert any(who_comes_there) and list(convicted(raises=False)) == who_comes_there
