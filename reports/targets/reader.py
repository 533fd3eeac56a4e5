"""A text read from its inputs on: which axes of them are as long as which, and what they hold by name."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Sequence


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


WEIGHT = re.compile(r"^([WU][a-z\d]{0,2}|w\d?|[Ww]_\w+|weights?\d?|[Tt]heta\d?)$")
"""How a matrix is called that a layer learns."""


def letter(node: ast.expr) -> str:
    """The name in an operand, W of W.T; nothing where there is more."""
    inner = node.value if isinstance(node, ast.Attribute) else node
    return inner.id if isinstance(inner, ast.Name) else ""


def by_letters(left: str, right: str) -> bool:
    """X @ w is a matrix and a vector, as in most books."""
    return left.isupper() and right.islower()


def never(left: str, right: str) -> bool:
    """Whatever is multiplied is a matrix."""
    return False


def always(left: str, right: str) -> bool:
    """What a matrix is multiplied with is a vector: weights of a single output."""
    return True


RESHAPING = ("transpose", "ravel", "flatten", "squeeze", "item", "tolist", "trace", "diagonal")
"""Methods without arguments after which an array has other axes; others work entry by entry."""

Axes = tuple[int, ...]
"""The axes of a value, by number; `Reader.axis` says which are as long as each other."""

ONE = -1
"""The number of an axis of length one."""


class Reader:
    """Follows a text from its inputs: `known` are the axes of its names, as far as it tells.

    Of a product `is_vector` says by the names of both whether the second is taken for a vector.
    `examples` are the axes that count examples and stand last: of columns behind a weight on their left, or
    of one number for each.
    """

    def __init__(self, inputs: Sequence[str], is_vector: Callable[[str, str], bool]) -> None:
        self.open = set(inputs)
        self.is_vector = is_vector
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
            case ast.Call(ast.Attribute(inner, name), []) if name not in RESHAPING:
                return self.of(inner)
            case ast.Call(_, [ast.Constant(), first, *_] | [first, *_]) | ast.Tuple([first, *_]):
                return self.of(first)
        return None

    def product(self, left: ast.expr, right: ast.expr) -> Axes | None:
        """Of a product of matrices; the axes in its middle are as long as each other."""
        vector = self.is_vector(letter(left), letter(right))
        a, b = self.matrix(left), self.matrix(right, axes=1 if vector else 2)
        if a is None or b is None:
            return None
        self.same(a[-1], b[0])
        if WEIGHT.match(letter(left)) and not WEIGHT.match(letter(right)):
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
        """Of a matrix turned round."""
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
