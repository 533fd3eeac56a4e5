"""What a function's own words say of its inputs' shapes: its docstring, its products, a bias that is added."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.forms.names import takes
from gradcheck.layer import Function
from reports.targets.texts import tree_of

SIZES = (3, 5, 2, 7, 4, 6, 8)
"""Lengths for the letters of a shape: different, so that a transposed matrix cannot fit by chance."""

Shape = tuple[int, ...]


def documented(function: Function, names: Sequence[str]) -> dict[str, Shape]:
    """Shapes that a docstring names, as in "x (N, D), W (D, M)"; a letter has one length throughout."""
    sizes = _lengths()
    found: dict[str, Shape] = {}
    text = inspect.getdoc(function) or ""
    for name, inside in re.findall(r"(\w+)[`*]*:?\s*\(([\w\s,]*)\)", text):
        if name in names and LETTERS.fullmatch(inside):
            letters = re.findall(r"\w+", inside)
            found.setdefault(name, tuple(int(x) if x.isdigit() else sizes[x] for x in letters))
    return found


LETTERS = re.compile(r"[\s,]*((\d+|[A-Za-z]\w?)\s*(,[\s,]*|$))*")
"""What stands between the brackets of a shape: letters and numbers, with commas between them."""


def _lengths() -> defaultdict[Any, int]:
    """A length for whatever asks for one, the same at the second time."""
    spare = itertools.cycle(SIZES)
    return defaultdict(lambda: next(spare))


def read_off(function: Function, names: Sequence[str], *, vectors: bool = True) -> dict[str, Shape]:
    """Shapes of matrices that a function multiplies, and of what it adds to them: of `x @ w + b` all three.

    X @ w with one letter large and one small is a matrix and a vector, as in most books, if `vectors`.

    Parameters that are asked for one by one, `p[0]` and `p[1]`, are as many. Empty where the text is not at
    hand. It is a guess: what is passed to other functions keeps its shape.
    """
    shapes = _read(function, names, vectors) or _read_behind(function, names, vectors)
    return {name: shapes[name,] for name in names if (name,) in shapes}


def held(function: Function, names: Sequence[str]) -> dict[str, dict[str, Shape]]:
    """The shapes of arrays that inputs hold by name, parameters["W1"], where the text tells all of them."""
    shapes, items = _read(function, names), Items(names).of(tree_of(function))
    each = {name: {k: shapes.get((name, k)) for n, k in items if n == name} for name, _ in items}
    return {n: by_key for n, by_key in each.items() if None not in by_key.values()}  # type: ignore[misc]


def _read(
    function: Function, names: Sequence[str], vectors: bool = True
) -> dict[tuple[str, ...], Shape]:
    """Shapes of inputs, (name,), and of items in them, (name, key): lengths that are one in the text are equal."""
    tree, items = tree_of(function) or ast.Pass(), Items(names)
    keys = items.of(tree)
    arrays = [name for name in names if not PENALTIES.match(name)]
    reader = _Reader([*arrays, *(key for _, key in keys)], vectors)
    for statement in ast.walk(items.visit(tree)):
        if isinstance(statement, (ast.Assign, ast.Return)):
            reader.follow(statement)
    sizes = _lengths() | {ONE: 1}
    known = [path for path in [*((n,) for n in names), *keys] if path[-1] in reader.known]
    read = {p: tuple(sizes[reader.axis(a)] for a in reader.known[p[-1]]) for p in known}
    return {**read, **{(name,): shape for name, shape in _one_by_one(tree, names).items()}}


def _read_behind(
    function: Function, names: Sequence[str], vectors: bool
) -> dict[tuple[str, ...], Shape]:
    """The same of the function of its module to which a function hands its inputs as they are."""
    for node in ast.walk(tree_of(function) or ast.Pass()):
        match node:
            case ast.Call(ast.Name(other), [ast.Name(), *_] as given):
                behind = getattr(function, "__globals__", {}).get(other)
                handed = [n.id for n in given if isinstance(n, ast.Name)]
                if inspect.isfunction(behind) and behind is not function:
                    shapes = _read(behind, takes(behind), vectors)
                    inner = dict(zip(handed, takes(behind), strict=False))
                    return {
                        (n,): shapes[i,] for n, i in inner.items() if (i,) in shapes and n in names
                    }
    return {}


class Items(ast.NodeTransformer):
    """Writes W1 for parameters["W1"], and for a variable that is given it: what is held by inputs, as inputs."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = set(names)
        self.variables: dict[str, str] = {}

    def of(self, tree: ast.AST | None) -> list[tuple[str, str]]:
        """The items that are read, input and key, each once."""
        nodes = [n for n in ast.walk(tree or ast.Pass()) if isinstance(n, ast.Subscript)]
        nodes.sort(key=lambda node: (node.lineno, node.col_offset))
        return list(dict.fromkeys(filter(None, map(self._item, nodes))))

    def _item(self, node: ast.AST) -> tuple[str, str] | None:
        match node:
            case ast.Subscript(ast.Name(name), ast.Constant(str(key)), ast.Load()):
                return (name, key) if name in self.names else None
        return None

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """W = parameters["W1"], alone or one of several, makes W another name of it."""
        target, value = node.targets[0], node.value
        pairs = zip(
            getattr(target, "elts", [target]), getattr(value, "elts", [value]), strict=False
        )
        for variable, item in pairs:
            if isinstance(variable, ast.Name) and (found := self._item(item)):
                self.variables[variable.id] = found[1]
        return self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """The item, by its key."""
        item = self._item(node)
        return ast.Name(item[1], node.ctx) if item else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """The item that a variable is another name of."""
        return ast.Name(self.variables.get(node.id, node.id), node.ctx)


def texts(function: Function, names: Sequence[str]) -> dict[str, list[str]]:
    """The words that an input is compared with, as in activation == "relu"."""
    tree, found = tree_of(function) or ast.Pass(), dict[str, list[str]]()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(str(word))]) if (
                name in names
            ):
                found.setdefault(name, []).append(word)
    return found


def indexing(function: Function) -> set[str]:
    """The names by which something is indexed: ids of W[ids], y of p[np.arange(n), y], words of x[words[t]]."""
    indices = [
        n.slice for n in ast.walk(tree_of(function) or ast.Pass()) if isinstance(n, ast.Subscript)
    ]
    parts = [part for index in indices for part in getattr(index, "elts", [index])]
    inner = (part.value if isinstance(part, ast.Subscript) else part for part in parts)
    names = {node.id for node in inner if isinstance(node, ast.Name)}
    return names.intersection(takes(function))


PENALTIES = re.compile(r"^(reg\w*|l2\w*|lambda_?|lambd|lam|weight_decay|decay)$", re.IGNORECASE)
"""Names of what weighs a penalty: where it is 0 by default a wrong gradient of the penalty would pass."""

WEIGHT = re.compile(r"^([WU][a-z\d]{0,2}|w\d?|[Ww]_\w+|weights?\d?|[Tt]heta\d?)$")
"""How a matrix is called that a layer learns."""

BIAS = re.compile(r"^(b[a-z\d]?|b_\w+|bias\w*|beta|intercept)$")
"""How is called what is added to every example."""


def are_no_less(inputs: Mapping[str, Any], seen: Mapping[str, Shape]) -> bool:
    """Whether inputs have as many axes as the text shows, and biases no more, unless all have more.

    A scalar for a bias, or one as large as the batch, would excuse a gradient that is summed over everything,
    or over nothing.
    """
    more = {name: _long(np.shape(inputs[name])) - _long(shape) for name, shape in seen.items()}
    others = [n for name, n in more.items() if not BIAS.match(name)]
    most = max(others, default=0)
    return all(n >= 0 and (n <= most or not BIAS.match(name)) for name, n in more.items())


def _long(shape: Shape) -> int:
    """How many axes are longer than one."""
    return sum(n > 1 for n in shape)


def _one_by_one(tree: ast.AST, names: Sequence[str]) -> dict[str, Shape]:
    """How many there are of an input of which single numbers are used alone, p[0] and p[1], or a, b = p."""
    nodes = list(ast.walk(tree))
    counts = [pair for node in nodes for pair in _counted(node)]
    used = [node.id for node in nodes if isinstance(node, ast.Name)]
    alone = (n for n in names if used.count(n) == [name for name, _ in counts].count(n) > 0)
    return {name: (max(count for n, count in counts if n == name),) for name in alone}


def _counted(node: ast.AST) -> list[tuple[str, int]]:
    """A name of which one number is used, or all of them, and how many there must be for that."""
    match node:
        case ast.Subscript(ast.Name(name), ast.Constant(int(position))):
            return [(name, position + 1)]
        case ast.Assign([ast.Tuple(parts)], ast.Name(name)):
            return [(name, len(parts))]
    return []


def _letter(node: ast.expr) -> str:
    """The name in an operand, W of W.T; nothing where there is more."""
    inner = node.value if isinstance(node, ast.Attribute) else node
    return inner.id if isinstance(inner, ast.Name) else ""


Axes = tuple[int, ...]
"""The axes of a value, by number; `_Reader.axis` says which are as long as each other."""


ONE = -1
"""The number of an axis of length one."""


class _Reader:
    """Follows a text from its inputs: `known` are the axes of its names, as far as it tells.

    `examples` are the axes that count examples and stand last: of columns behind a weight on their left, or
    of one number for each.
    """

    def __init__(self, inputs: Sequence[str], vectors: bool) -> None:
        self.open = set(inputs)
        self.vectors = vectors
        self.known: dict[str, Axes] = {}
        self.examples: set[int] = set()
        self.equal: dict[int, int] = {}
        self.count = itertools.count()

    def axis(self, number: int) -> int:
        """The first of all axes that are as long as this one."""
        while number in self.equal:
            number = self.equal[number]
        return number

    def follow(self, statement: ast.Assign | ast.Return) -> None:
        """A statement gives its name the shape of its value."""
        for part in ast.walk(statement.value or statement):
            self.of(part)
        axes, target = self.of(statement.value), getattr(statement, "targets", [None])[0]
        if axes and isinstance(target, ast.Name) and target.id not in self.open:
            self.known[target.id] = axes

    def of(self, node: ast.AST | None) -> Axes | None:
        """The axes of an expression, None where nothing is known of them."""
        match node:
            case ast.Name(name):
                return self.known.get(name)
            case ast.BinOp(left, ast.MatMult(), right) | ast.Call(
                ast.Attribute(left, "dot"), [right]
            ):
                return self.product(left, right)
            case ast.Call(ast.Attribute(_, "dot" | "matmul"), [left, right]):
                return self.product(left, right)
            case ast.BinOp(left, operator, right):
                return self.beside(left, right, isinstance(operator, ast.Add))
            case ast.Attribute(inner, "T"):
                return self.transposed(inner)
            case ast.Call(ast.Attribute(_, "sum" | "mean" | "max" | "min")) | ast.Call(
                ast.Name("len" | "float" | "int" | "sum" | "range")
            ):
                return None
            case ast.Call(_, [ast.Constant(), first, *_] | [first, *_]) | ast.Tuple([first, *_]):
                return self.of(first)
        return None

    def product(self, left: ast.expr, right: ast.expr) -> Axes | None:
        """Of a product of matrices; the axes in its middle are as long as each other."""
        vector = self.vectors and _letter(left).isupper() and _letter(right).islower()
        a, b = self.matrix(left), self.matrix(right, axes=1 if vector else 2)
        if a is None or b is None:
            return None
        self.same(a[-1], b[0])
        if WEIGHT.match(_letter(left)) and not WEIGHT.match(_letter(right)):
            self.examples.update(b[1:])
        elif not b[1:]:
            self.examples.update(a[:-1])
        return (*a[:-1], *b[1:])

    def matrix(self, node: ast.expr, axes: int = 2) -> Axes | None:
        """What is multiplied: an input of which nothing is known yet is a matrix, or a vector."""
        match node:
            case ast.Attribute(inner, "T"):
                self.matrix(inner, axes)
            case _ if self.is_new(node):
                self.known[node.id] = tuple(itertools.islice(self.count, axes))  # type: ignore[attr-defined]
        return self.of(node)

    def is_new(self, node: ast.expr) -> bool:
        """Whether it is an input of which nothing is known yet."""
        name = node.id if isinstance(node, ast.Name) else ""
        return name in self.open and name not in self.known

    def transposed(self, inner: ast.expr) -> Axes | None:
        axes = self.of(inner)
        return None if axes is None else axes[::-1]

    def beside(self, left: ast.expr, right: ast.expr, added: bool) -> Axes | None:
        """Of what is taken entry by entry: an input that is added is a bias, another like what it meets."""
        axes, other = self.of(left) or (), self.of(right) or ()
        for node, beside in ((left, other), (right, axes)):
            if beside and self.is_new(node):
                self.known[node.id] = self.bias(beside) if added else beside  # type: ignore[attr-defined]
        for a, b in zip(reversed(axes), reversed(other), strict=False):
            self.same(a, b)
        return max(axes, other, key=len) or None

    def bias(self, axes: Axes) -> Axes:
        """Of what is added to every example: a row, a column where examples are columns, one number to numbers."""
        if self.axis(axes[-1]) not in map(self.axis, self.examples):
            return axes[-1:]
        return (*axes[:-1], ONE) if axes[1:] else ()

    def same(self, one: int, other: int) -> None:
        """Two axes are as long as each other; one of length one meets any."""
        one, other = self.axis(one), self.axis(other)
        if one != other and ONE not in (one, other):
            self.equal[max(one, other)] = min(one, other)
