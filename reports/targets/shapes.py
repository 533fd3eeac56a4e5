"""What a function's own words say of its inputs' shapes: its docstring, its products, a bias that is added."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.forms.names import takes
from gradcheck.layer import Function
from reports.targets.inlined import inlined
from reports.targets.reader import ONE, WEIGHT, Items, Reader, always, by_letters, never
from reports.targets.texts import comments_ahead, tree_of

SIZES = (3, 5, 2, 7, 4, 6, 8)
"""Lengths for the letters of a shape: different, so that a transposed matrix cannot fit by chance."""

Shape = tuple[int, ...]
IsVector = Callable[[str, str], bool]


def documented(function: Function, names: Sequence[str]) -> dict[str, Shape]:
    """Shapes that a docstring names, as in "x (N, D), W (D, M)" or "W: weights of shape (D, M)"."""
    return _said(inspect.getdoc(function) or "", names)


def _said(text: str, names: Sequence[str]) -> dict[str, Shape]:
    """Shapes that a text names, "a, b: (N,)" of both; a letter has one length throughout."""
    sizes = _lengths()
    found: dict[str, Shape] = {}
    for said, lengths in SAID:
        for several, inside in said.findall(text):
            letters = re.findall(r"\w+", inside)
            mine = [name for name in re.findall(r"\w+", several) if name in names]
            for name in mine if lengths.fullmatch(inside) else ():
                found.setdefault(name, tuple(int(x) if x in FEW else sizes[x] for x in letters))
    return found


FEW = frozenset(map(str, range(1, 11)))
"""Lengths that are taken as they are said; larger ones, 784, are those of real data, and as good as letters."""

SAID = (
    (
        re.compile(r"((?:\w+, *)*\w+)[`*]*:?\s*\(([\w\s,]*)\)"),
        re.compile(r"[\s,]*((\d+|[A-Za-z]\w?)\s*(,[\s,]*|$))*"),
    ),
    (
        re.compile(r"^[^\w\n]*(\w+)\b[^\n]*?\bshape:?\s*\(([^)\n]*)\)", re.MULTILINE),
        re.compile(r"[\s,]*((\d+|[A-Za-z]\w*)\s*(,[\s,]*|$))*"),
    ),
)
"""How shapes are said: x (N, D), or a line that begins with x and says "of shape (N, features)"; and what stands
between the brackets, letters, in the second case names too, and numbers with commas between them."""


def _lengths() -> defaultdict[Any, int]:
    """A length for whatever asks for one, the same at the second time."""
    spare = itertools.cycle(SIZES)
    return defaultdict(lambda: next(spare))


def read_off(
    function: Function, names: Sequence[str], is_vector: IsVector = by_letters
) -> dict[str, Shape]:
    """Shapes of matrices that a function multiplies, and of what it adds to them: of `x @ w + b` all three.

    Parameters that are asked for one by one, `p[0]` and `p[1]`, are as many. Empty where the text is not at
    hand. It is a guess: what is passed to other functions keeps its shape.
    """
    shapes = _read(function, names, is_vector)
    return {name: shapes[name,] for name in names if (name,) in shapes}


def told(function: Function, names: Sequence[str]) -> dict[str, Shape]:
    """Shapes that a function's own words tell, its docstring's and comments before those that its text shows."""
    commented = _said(comments_ahead(function), names)
    return {**read_off(function, names), **commented, **documented(function, names)}


def readings_of(function: Function, names: Sequence[str]) -> list[dict[str, Shape]]:
    """Shapes as a text may be read, the likely reading first: weights are matrices, or have a single output."""
    others = (read_off(function, names, is_vector) for is_vector in (never, always))
    return [told(function, names), *others]


def held(function: Function, names: Sequence[str]) -> dict[str, dict[str, Shape]]:
    """The shapes of arrays that inputs hold by name, parameters["W1"], where the text tells all of them."""
    shapes, items = _read(function, names), Items(names).of(inlined(function))
    each = {name: {k: shapes.get((name, k)) for n, k in items if n == name} for name, _ in items}
    return {n: by_key for n, by_key in each.items() if None not in by_key.values()}  # type: ignore[misc]


def keyed(function: Function) -> set[str]:
    """The names of what is asked by words, as p[f"W{k}"]: no array is."""
    nodes = ast.walk(inlined(function))
    asked = [(n.value, n.slice) for n in nodes if isinstance(n, ast.Subscript)]
    return {
        value.id
        for value, index in asked
        if isinstance(value, ast.Name) and any(map(_is_word, ast.walk(index)))
    }


def _is_word(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _read(
    function: Function, names: Sequence[str], is_vector: IsVector = by_letters
) -> dict[tuple[str, ...], Shape]:
    """Shapes of inputs, (name,), and of items in them, (name, key); helpers' text is asked where it tells more."""
    trees = (tree_of(function) or ast.Pass(), inlined(function))
    return max((_told_by(tree, names, is_vector) for tree in trees), key=len)


def _told_by(
    tree: ast.AST, names: Sequence[str], is_vector: IsVector
) -> dict[tuple[str, ...], Shape]:
    """Shapes that a text tells: lengths that are one in it are equal."""
    items = Items(names)
    keys = items.of(tree)
    arrays = [name for name in names if not PENALTIES.match(name)]
    reader = Reader([*arrays, *(key for _, key in keys)], is_vector)
    for statement in ast.walk(items.visit(tree)):
        if isinstance(statement, (ast.Assign, ast.Return)):
            reader.follow(statement)
    sizes = _lengths() | {ONE: 1}
    known = [path for path in [*((n,) for n in names), *keys] if path[-1] in reader.known]
    read = {p: tuple(sizes[reader.axis(a)] for a in reader.known[p[-1]]) for p in known}
    return {**read, **{(name,): shape for name, shape in _one_by_one(tree, names).items()}}


def texts(function: Function, names: Sequence[str]) -> dict[str, list[str]]:
    """The words that an input is compared with, as in activation == "relu"."""
    found = dict[str, list[str]]()
    for node in ast.walk(inlined(function)):
        match node:
            case ast.Compare(ast.Name(name), [ast.Eq()], [ast.Constant(str(word))]) if (
                name in names
            ):
                found.setdefault(name, []).append(word)
    return found


def classified(function: Function) -> set[str]:
    """The names that are compared with 0 or 1, as in y == 1: any other numbers are all on one side."""
    found = set[str]()
    for node in ast.walk(inlined(function)):
        match node:
            case ast.Compare(ast.Name(name), [ast.Eq() | ast.NotEq()], [ast.Constant(0 | 1)]):
                found.add(name)
    return found


def indexing(function: Function) -> set[str]:
    """The names by which something is indexed: ids of W[ids], y of p[np.arange(n), y], words of x[words[t]]."""
    indices = [n.slice for n in ast.walk(inlined(function)) if isinstance(n, ast.Subscript)]
    parts = [part for index in indices for part in getattr(index, "elts", [index])]
    inner = (part.value if isinstance(part, ast.Subscript) else part for part in parts)
    names = {node.id for node in inner if isinstance(node, ast.Name)}
    return names.intersection(takes(function))


def counts(function: Function) -> list[str]:
    """The inputs that say how many there are of something: in a slice, in a reshape, of zeros, of turns."""
    nodes = list(ast.walk(inlined(function)))
    sizes = [part for n in nodes if isinstance(n, ast.Slice) for part in (n.lower, n.upper)]
    sizes += [size for n in nodes if isinstance(n, ast.Call) for size in _sizes_in(n)]
    names = {name for size in sizes if size is not None for name in _numbers_in(size)}
    names |= {other for node in nodes for other in _other_names(node, names)}
    return [name for name in takes(function) if name in names]


def lengths_of(function: Function) -> list[int]:
    """The whole numbers of its module that a function and its helpers use: how many units a network has there."""
    known = getattr(inspect.unwrap(function), "__globals__", {})
    nodes = ast.walk(inlined(function))
    values = [known.get(node.id) for node in nodes if isinstance(node, ast.Name)]
    return list(dict.fromkeys(n for n in values if type(n) is int and 1 < n <= MOST))


MOST = 64
"""The longest axis that is tried."""


def _other_names(node: ast.AST, names: Collection[str]) -> Iterator[str]:
    """What one of some names is another name of: k = n_classes."""
    match node:
        case ast.Assign([ast.Name(name)], ast.Name(other)) if name in names:
            yield other


SIZED = dict.fromkeys(("full", "zeros", "ones", "empty", "eye", "range"), 0) | dict.fromkeys(
    ("reshape", "resize"), 1
)
"""NumPy's functions that are told a size, and after how many arguments; a method has its array in front."""


def _sizes_in(call: ast.Call) -> list[ast.expr]:
    """What a call is told of sizes."""
    match call.func:
        case ast.Attribute(ast.Name("np" | "numpy"), name) | ast.Name(name) if name in SIZED:
            return call.args[SIZED[name] :][: None if name in ("reshape", "range", "eye") else 1]
        case ast.Attribute(_, "reshape"):
            return call.args
    return []


def _numbers_in(size: ast.AST) -> Iterator[str]:
    """The names in a sum or a product of sizes; what has a shape, an item or a length is no number."""
    if isinstance(size, ast.Name):
        yield size.id
    elif isinstance(size, (ast.BinOp, ast.Tuple, ast.List, ast.UnaryOp)):
        for part in ast.iter_child_nodes(size):
            yield from _numbers_in(part)


PENALTIES = re.compile(
    r"^_?(reg\w*|l[12]\w*|p?la?mb?d?a*_?(l?[12]|reg)?|weight_decay|decay)$", re.IGNORECASE
)
"""Names of what weighs a penalty: where it is 0 by default a wrong gradient of the penalty would pass."""

BIAS = re.compile(r"^(b[a-z\d]?|b_\w+|bias\w*|beta|intercept)$")
"""How what is added to every example is called."""


def biases_of(names: Iterable[str]) -> set[str]:
    """Which names are those of biases; of a and b the second is not."""
    return {name for name in names if BIAS.match(name)} if "a" not in names else set()


def are_no_less(inputs: Mapping[str, Any], seen: Mapping[str, Shape]) -> bool:
    """Whether inputs have as many axes as the text shows; a bias more or fewer where its weights have.

    A scalar for a bias, or one as large as the batch, would excuse a gradient that is summed over everything,
    or over nothing. What the text takes for a matrix may be a vector: a weight without outputs, with a scalar.
    """
    axes = {name: long_axes(np.shape(value)) for name, value in inputs.items()}
    more = {name: axes[name] - long_axes(shape) for name, shape in seen.items()}
    biases = biases_of(inputs)
    others = {name: n for name, n in more.items() if name not in biases}
    beside = [0, *(n for name, n in others.items() if WEIGHT.match(name))]
    most = max(beside[1:] or others.values(), default=0)
    largest = max((axes[name] for name in axes.keys() - biases), default=0)
    as_large = largest >= MATRIX and any(axes[name] >= largest for name in biases)
    # What is added to something has no axes in front of its.
    most_axes = max((np.ndim(inputs[name]) for name in axes.keys() - biases), default=MATRIX)
    as_large |= any(np.ndim(inputs[name]) > max(most_axes, MATRIX) for name in biases)
    fit = all(min(beside) <= more.get(name, 0) <= most for name in biases & more.keys())
    return fit and not as_large and all(n >= -bool(WEIGHT.match(o)) for o, n in others.items())


def biases_belong(inputs: Mapping[str, Any], seen: Mapping[str, Shape]) -> bool:
    """Whether biases are as long as axes of weights, where there are some, and no columns where the text has rows.

    Any other is one for each example, and excuses a sum along the wrong axis.
    """
    lengths = {n for name in inputs if WEIGHT.match(name) for n in np.shape(inputs[name])}
    biases = {name: np.shape(inputs[name]) for name in biases_of(inputs)}
    mine = {n for shape in biases.values() for n in shape}
    turned = (shape[1:] == (1,) != seen[n][-1:] for n, shape in biases.items() if seen.get(n))
    return not any(turned) and (not lengths or mine <= lengths | {1})


def are_as_many(inputs: Mapping[str, Any], seen: Mapping[str, Shape]) -> bool:
    """Whether inputs have as many axes as the text shows, where it shows any."""
    return bool(seen) and all(
        long_axes(np.shape(inputs[n])) == long_axes(s) for n, s in seen.items()
    )


MATRIX = 2
"""Axes of a batch of rows; beside a single row of numbers a bias is as large."""


def long_axes(shape: Shape) -> int:
    """How many axes are longer than one."""
    return sum(n > 1 for n in shape)


def layout(inputs: Mapping[str, Any]) -> tuple[Shape, ...]:
    """The shapes with each length replaced by where it comes first: which axes of inputs are as long as which."""
    shapes = [np.shape(value) for value in inputs.values()]
    lengths = list(dict.fromkeys(n for shape in shapes for n in shape))
    return tuple(tuple(map(lengths.index, shape)) for shape in shapes)


def _one_by_one(tree: ast.AST, names: Sequence[str]) -> dict[str, Shape]:
    """How many there are of an input of which single numbers are used alone, p[0] and p[1], or a, b = p."""
    nodes = list(ast.walk(tree))
    counts = [pair for node in nodes for pair in counted(node)]
    used = [node.id for node in nodes if isinstance(node, ast.Name)]
    alone = (n for n in names if used.count(n) == [name for name, _ in counts].count(n) > 0)
    return {name: (max(count for n, count in counts if n == name),) for name in alone}


def counted(node: ast.AST) -> list[tuple[str, int]]:
    """A name or attribute of which one number is used, or all of them, and how many there must be for that."""
    match node:
        case ast.Subscript(ast.Name(name) | ast.Attribute(attr=name), ast.Constant(int(position))):
            return [(name, position + 1)]
        case ast.Assign([ast.Tuple(parts)], ast.Name(name) | ast.Attribute(attr=name)):
            return [(name, len(parts))]
    return []
