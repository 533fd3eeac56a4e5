"""What can be written in a line: the names that hold something there, and what expressions of them are worth."""

from __future__ import annotations

import ast
import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, zip_longest
from math import prod
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradcheck.repair.patience import patience
from gradcheck.repair.pure import only_computes
from gradcheck.repair.tree import Node, called_name, expression, inside, is_read, unannotated
from gradcheck.result import Array

Names = Mapping[str, Any]


class _Nothing:
    """The value of an expression that has none; nothing can be computed with it."""


NOTHING: Any = _Nothing()
TOO_LARGE: Any = object()
"""The value of an expression that would take too long."""
LARGEST = 1_000_000
"""Entries, or a power, beyond which nothing is computed: what is meant is of the size of what is written."""
COMPOUND = (ast.BinOp, ast.Call, ast.Compare, ast.Subscript, ast.Attribute, ast.UnaryOp)
"""Expressions that are more than a name or a number."""
DATA = (np.ndarray, np.generic, int, float, tuple, list, dict, type(None))


@dataclass(frozen=True)
class Pool:
    """What a function is written with, each expression once: any of it could be written elsewhere in it.

    `helpers` are the functions of its module that only compute, with how many arrays they take, `ahead`
    what the forward pass is written with, `unread` the names that are given a value and read nowhere,
    `returned` those that a call gives beside others, `options` those of hyperparameters, which are what they
    are in all sizes, `numbers` the constants written anywhere in either pass, those that everybody tries
    aside, `with_axes` what is given to names that are read as arrays.
    """

    operands: tuple[ast.expr, ...] = ()
    indices: tuple[ast.expr, ...] = ()
    ends: tuple[ast.expr, ...] = ()
    calls: tuple[ast.Call, ...] = ()
    helpers: Mapping[str, int] = field(default_factory=dict)
    ahead: tuple[ast.expr, ...] = ()
    unread: tuple[str, ...] = ()
    returned: frozenset[str] = frozenset()
    options: frozenset[str] = frozenset()
    numbers: tuple[ast.Constant, ...] = ()
    with_axes: frozenset[str] = frozenset()

    @staticmethod
    def of(tree: ast.AST, local: Names, module: Names, ahead: ast.AST) -> Pool:
        """The expressions of a tree, and what objects at hand hold: self.x, cache["x"], read or not."""
        tree = unannotated(tree)
        held = chain.from_iterable(map(_held, local, local.values()))
        ends = chain.from_iterable((s.lower, s.upper, s.step) for s in inside(tree, ast.Slice))
        return Pool(
            _distinct([*filter(is_read, inside(tree, *COMPOUND)), *held]),
            _distinct([one.slice for one in inside(tree, ast.Subscript)]),
            _distinct(filter(None, ends)),
            _distinct(inside(tree, ast.Call)),
            {name: count for name, value in module.items() if (count := _arrays_taken(value))},
            _distinct(filter(is_read, inside(ahead, *COMPOUND))),
            _unread(tree),
            frozenset(chain.from_iterable(map(_unpacked, inside(tree, ast.Assign)))),
            frozenset(chain.from_iterable(map(_options, inside(tree, ast.arguments)))),
            _distinct(
                filter(_is_a_number, chain(*(inside(one, ast.Constant) for one in (tree, ahead))))
            ),
            frozenset(_with_axes(tree)),
        )

    def calls_of(self, name: str) -> list[ast.Call]:
        """The calls of a function."""
        return [call for call in self.calls if called_name(call) == name]

    @cached_property
    def indexing(self) -> frozenset[str]:
        """The names by which something is indexed."""
        names = chain.from_iterable(inside(one, ast.Name) for one in self.indices)
        return frozenset(name.id for name in names)

    @cached_property
    def turns(self) -> list[ast.expr]:
        """The indices by which each turn of a loop has its own part of an array: i, (:, j)."""
        named = (one for one in self.indices if any(inside(one, ast.Name)))
        plain = (one for one in named if not any(inside(one, ast.Call, ast.BinOp, ast.Subscript)))
        return sorted(plain, key=ast.unparse)

    @cached_property
    def axes(self) -> list[ast.expr]:
        """The indices that only put in axes: (:, None)."""
        return [
            one
            for one in self.indices
            if set(ast.unparse(one).strip("()").split(", ")) <= AXES_ALONE
        ]

    @cached_property
    def parts(self) -> list[str]:
        """The indices that leave a part, as they are written."""
        return sorted(f"[{text}]" for text in map(ast.unparse, self.indices) if ":" in text)


def _options(arguments: ast.arguments) -> list[str]:
    """The arguments that have a default, or are given by name alone."""
    positional = [*arguments.posonlyargs, *arguments.args]
    with_default = positional[len(positional) - len(arguments.defaults) :]
    return [one.arg for one in (*with_default, *arguments.kwonlyargs)]


AXES_ALONE = {":", "None", "...", "np.newaxis"}
"""What an index is made of that leaves all entries where they are."""


def _unread(tree: ast.AST) -> tuple[str, ...]:
    """The names that a function gives a value and reads nowhere, nor do functions in it."""
    names = [one for one in inside(tree, ast.Name) if is_a_name(one.id)]
    read = {one.id for one in names if is_read(one)}
    return tuple(dict.fromkeys(one.id for one in names if one.id not in read))


def _unpacked(statement: ast.Assign) -> list[str]:
    """The names that what a call returns is given to, where that is several values."""
    match statement:
        case ast.Assign([ast.Tuple(targets)], ast.Call()):
            return [one.id for one in targets if isinstance(one, ast.Name)]
    return []


def is_a_name(name: str) -> bool:
    """Whether a name is there to be read, and not, as _ is, for what nobody needs."""
    return bool(name.strip("_"))


def _with_axes(tree: ast.AST) -> Iterator[str]:
    """What is written for names that are read as arrays."""
    names = {getattr(one, "id", "") for one in _read_as_arrays(tree)}
    for one in inside(tree, ast.Assign):
        if getattr(one.targets[0], "id", None) in names:
            yield ast.unparse(one.value)


def _read_as_arrays(tree: ast.AST) -> Iterator[ast.expr]:
    """What is indexed, asked for what arrays have, or multiplied as a matrix."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value) | ast.Attribute(value):
                yield value
            case ast.BinOp(left, ast.MatMult(), right):
                yield from (left, right)


def _held(text: str, value: Any, depth: int = 2) -> list[ast.expr]:
    """The arrays and numbers that an object or a dictionary holds, or one within it."""
    items = _items(text, value)
    found = [expression(one) for one, held in items.items() if isinstance(held, NUMBERS)]
    for one, held in items.items() if depth else ():
        found += _held(one, held, depth - 1)
    return found


def _items(text: str, value: Any) -> dict[str, Any]:
    """What an object or a dictionary holds, under what would be written to read it."""
    if isinstance(value, dict):
        return {f"{text}[{key!r}]": held for key, held in value.items() if isinstance(key, str)}
    return {f"{text}.{name}": held for name, held in getattr(value, "__dict__", {}).items()}


NUMBERS = (np.ndarray, np.floating, float, int)


def _arrays_taken(function: Any) -> int:
    """How many arrays a function of the user's takes that only computes, one or two; 0 of others."""
    if not isinstance(function, FunctionType):
        return 0
    count = function.__code__.co_argcount - len(function.__defaults__ or ())
    return count if count in (1, 2) and only_computes(function) else 0


def _is_a_number(node: ast.Constant) -> bool:
    """Whether a constant is one that says something, as 1.702 does."""
    return isinstance(node.value, float) and not (2 * node.value).is_integer()


def _distinct(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple({ast.unparse(node): node for node in nodes}.values())


@dataclass(frozen=True)
class Scope:
    """The names visible in one statement, as they were when it was last reached, with those of its module.

    `uneven` are those whose length was another when it was first reached: the words of each sentence, say.
    """

    local: Mapping[str, Any]
    surroundings: Mapping[str, Any]
    pool: Pool = Pool()
    uneven: frozenset[str] = frozenset()
    known: dict[int, tuple[ast.AST, Any]] = field(default_factory=dict)

    @cached_property
    def everything(self) -> dict[str, Any]:
        """All names: in one dict, so that comprehensions see them."""
        return {**self.surroundings, **self.local}

    def value(self, node: ast.AST) -> Any:
        """What an expression of the function is here; NOTHING if it raises or is none."""
        if id(node) not in self.known:
            self.known[id(node)] = node, self.run(code_of(node))
        return self.known[id(node)][1]

    def worth(self, new: ast.AST) -> Any:
        """What a new node is by itself, put together, where it can be, from what is known of its parts.

        NOTHING if it raises, TOO_LARGE if it would take too long.
        """
        match new:
            case ast.BinOp(left, op, right) if type(op) in OPERATIONS:
                with suppress(Exception), np.errstate(all="ignore"):
                    return OPERATIONS[type(op)](self.value(left), self.value(right))
                return NOTHING
        return self.run(code_of(new))

    def run(self, code: CodeType | None, **more: Any) -> Any:
        """What compiled code gives here, with more names; NOTHING if it raises."""
        self.everything.update(more)
        with suppress(Exception), np.errstate(all="ignore"), patience():
            return NOTHING if code is None else eval(code, self.everything)
        return NOTHING

    def shape(self, node: ast.AST) -> tuple[int, ...] | None:
        """The shape of an expression that is a number or an array of numbers, None of any other."""
        return shape_of(self.value(node))

    @cached_property
    def arrays(self) -> tuple[str, ...]:
        """The names of arrays."""
        return self._holding(np.ndarray)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names that hold data, those of arrays first."""
        return tuple(dict.fromkeys((*self.arrays, *self._holding(*DATA))))

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """The names of what has items."""
        return self._holding(np.ndarray, list)

    def _holding(self, *kinds: type) -> tuple[str, ...]:
        """The names that hold things of some kinds."""
        held = (name for name, value in self.local.items() if isinstance(value, kinds))
        return tuple(filter(is_a_name, held))

    @cached_property
    def counts(self) -> tuple[str, ...]:
        """The names of whole numbers."""
        return tuple(name for name in self.names if type(self.local[name]) is int)

    @cached_property
    def readable(self) -> tuple[str, ...]:
        """The names that hold data, and the module's own numbers."""
        own = [n for n, v in self.surroundings.items() if type(v) in (int, float)]
        return (*self.names, *(name for name in own if not name.startswith("__")))

    def others(self, name: str) -> tuple[str, ...]:
        """The names that could be read for one that holds data, or holds nothing yet."""
        return self.readable if name in self.readable or name not in self.everything else ()

    def same_shape(self, node: ast.expr) -> list[str]:
        """The names of arrays that have a node's shape."""
        shape = self.shape(node)
        return [name for name in self.arrays if self.local[name].shape == shape]

    def alike(self, node: ast.expr, kind: type[Node]) -> list[Node]:
        """The expressions of a kind that are read elsewhere and have a node's shape."""
        shape = self.shape(node)
        several = [one for one in self.pool.operands if isinstance(one, kind)]
        return [one for one in several if shape is not None and self.shape(one) == shape]

    @cached_property
    def all_sizes(self) -> dict[int, list[ast.expr]]:
        """The sizes of the arrays at hand, each with all the ways to read it."""
        found: dict[int, list[ast.expr]] = defaultdict(list)
        for size, text in chain.from_iterable(_sizes_of(n, self.local[n]) for n in self.arrays):
            found[size].append(expression(text))
        return {size: several for size, several in found.items() if size > 1}

    @cached_property
    def sizes(self) -> list[ast.expr]:
        """Each size as the first expression for it, and what only in the last turn of a loop is as large."""
        several = [first for first, *_ in self.all_sizes.values()]
        own = [expression(f"len({name})") for name in self.names if name in self.uneven]
        return [*several, *own]

    def is_uneven(self, node: ast.AST) -> bool:
        """Whether a number is read that may have been another one in each turn of a loop."""
        return self.shape(node) == () and any(
            one.id in self.uneven for one in inside(node, ast.Name)
        )


def uneven(first: Names, last: Names) -> frozenset[str]:
    """The names of what has another length by the end than it had at first."""
    both = first.keys() & last.keys()
    return frozenset(name for name in both if _length(first[name]) != _length(last[name]))


def _length(value: Any) -> int | None:
    """How many items something holds, if it holds any."""
    several = isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)
    return len(value) if several else None


def _sizes_of(name: str, array: Array) -> list[tuple[int, str]]:
    """The lengths of an array and how many entries it has, with how they are read."""
    texts = [f"len({name})", *(f"{name}.shape[{k}]" for k in range(1, array.ndim))]
    return [*zip(array.shape, texts, strict=False), (array.size, f"{name}.size")]


def _power(base: Any, exponent: Any) -> Any:
    """A power, of whole numbers only a small one: a huge one takes for ever."""
    whole = isinstance(base, int) and isinstance(exponent, int)
    if whole and (abs(exponent) > 3 or abs(base) > 100):
        return TOO_LARGE
    return base**exponent


def _fitting(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operation, which is not done if it gives too many entries."""

    def fitting(one: Any, other: Any) -> Any:
        shapes = (reversed(shape_of(value) or ()) for value in (one, other))
        entries = prod(max(pair) for pair in zip_longest(*shapes, fillvalue=1))
        return TOO_LARGE if entries > LARGEST else operation(one, other)

    return fitting


OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: _fitting(operator.add),
    ast.Sub: _fitting(operator.sub),
    ast.Mult: _fitting(operator.mul),
    ast.Div: _fitting(operator.truediv),
    ast.MatMult: operator.matmul,
    ast.Pow: _fitting(_power),
    ast.FloorDiv: _fitting(operator.floordiv),
}


def code_of(node: ast.AST) -> CodeType | None:
    """An expression, compiled; None if it is none by itself: a slice, say."""
    try:
        return compile(ast.fix_missing_locations(ast.Expression(node)), "<candidate>", "eval")  # type: ignore[arg-type]
    except (SyntaxError, ValueError, TypeError):
        return None


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of a number or an array of numbers, None of anything else."""
    if isinstance(value, (np.ndarray, np.generic)):
        # Text, dates, records and objects have a shape too, and no arithmetic.
        return value.shape if value.dtype.kind in "biufc" else None
    whole = isinstance(value, int) and value.bit_length() < LARGEST
    return () if whole or isinstance(value, float) else None


LARGEST = np.finfo(np.float64).maxexp
"""Bits of a whole number from which on it is no float."""


def is_mask(value: Any) -> bool:
    """Whether a value is true or false, or an array of that."""
    return isinstance(value, (np.ndarray, np.generic)) and value.dtype == np.bool_


def same(a: Any, b: Any) -> bool:
    """Whether two values are the same number or array, or equal data of another kind."""
    if type(a) is not type(b):
        return False
    try:
        return bool(np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b)
    except Exception:
        return False
