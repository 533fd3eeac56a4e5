"""What a statement does with names: which it gives a value, which it writes into, which it computes with.

A name is what stands for one value: `z`, an attribute `self.z`, an item `cache["z"]` of a dictionary.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.lines.recorder import item


def name_of(node: ast.AST) -> str | None:
    """The name that an expression is, if it is one."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            base = name_of(value)
            return None if base is None else f"{base}.{attribute}"
        case ast.Subscript(value, ast.Constant(str(key))):
            base = name_of(value)
            return None if base is None else item(base, key)
    return None


def key_of(name: str) -> str:
    """What is left of a name without its object or dictionary: z of self.z and of cache["z"]."""
    if name.endswith('"]'):
        return name[: -len('"]')].rpartition('["')[2]
    return name.rpartition(".")[2]


def place_of(target: ast.expr) -> tuple[str, ast.expr, ast.expr | None] | None:
    """The name that a target belongs to, its expression, and the index of the part that is written."""
    name = name_of(target)
    if name is not None:
        return name, target, None
    if not isinstance(target, ast.Subscript):
        return None
    inner = place_of(target.value)
    # Of a[i][j] the part a[i] is written into.
    return inner and (inner[0], inner[1], inner[2] or target.slice)


def targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart."""
    match statement:
        case ast.Assign(assigned):
            return [part for target in assigned for part in _parts(target)]
        case ast.AugAssign(target) | ast.AnnAssign(target, _, ast.expr()):
            return _parts(target)
    return []


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for element in target.elts for part in _parts(element)]
    return [target]


def reads_for(statement: ast.stmt, target: ast.expr) -> frozenset[str]:
    """The names that one target of an assignment is computed with.

    Of `a, b = f(x), g(y)` b is computed with g and y; of `a, b = f(x)` with the second part of what f
    returns, which is called `f[1]`.
    """
    match statement:
        case ast.Assign([ast.Tuple(parts)], ast.Tuple(values)) if len(parts) == len(values):
            if target in parts:
                return names_read(values[parts.index(target)]) | _read_by(target)
        case ast.Assign([ast.Tuple(parts)], ast.Call() as call) if target in parts:
            function = name_of(_called(call))
            if function is not None:
                reads = names_read(call) - {function, key_of(function)}
                return reads | {part_of(key_of(function), parts.index(target))}
    return names_read(statement)


def _called(call: ast.Call) -> ast.expr:
    """The function that is called, also where the call already asks for its copy."""
    match call.func:
        case ast.Call(ast.Name(), [function]):
            return function
    return call.func


def _read_by(target: ast.expr) -> frozenset[str]:
    """The names that a target itself computes with, in its index."""
    return names_read(target) if isinstance(target, ast.Subscript) else frozenset()


def part_of(function: str, k: int) -> str:
    """What stands for one part of what a function returns."""
    return f"{function}[{k}]"


def items_written(statement: ast.stmt) -> dict[str, ast.expr]:
    """The items that `grads = {"dW": dW}` gives a value, by name."""
    match statement:
        case ast.Assign([target], ast.Dict(keys, values)) if (base := name_of(target)) is not None:
            return {
                item(base, key.value): value
                for key, value in zip(keys, values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
    return {}


def values_given(statement: ast.stmt) -> Iterator[tuple[str, ast.expr]]:
    """The names that a statement gives a value, or a part of one, each with the expression of it."""
    match statement:
        case ast.Assign([ast.Tuple(parts)], ast.Tuple(values)) if len(parts) == len(values):
            pairs = zip(parts, values, strict=True)
        case ast.Assign([target], value) | ast.AnnAssign(target, _, ast.expr() as value):
            pairs = zip([target], [value], strict=True)
        case ast.Expr(ast.Call(ast.Attribute(target, "append"), [value])):
            pairs = zip([target], [value], strict=True)
        case _:
            return
    for target, value in pairs:
        if (place := place_of(target)) is not None:
            yield place[0], value


def activated(value: ast.expr) -> tuple[ast.Call, int] | None:
    """The call in an expression that computes with one argument alone, and which that is.

    Of 1 / (1 + np.exp(-z)) it is that of exp, of np.maximum(0, x @ W) the whole.
    """
    match value:
        case (
            ast.UnaryOp(_, inner)
            | ast.BinOp(inner, _, ast.Constant())
            | ast.BinOp(ast.Constant(), _, inner)
        ):
            return activated(inner)
        case ast.Call(_, arguments):
            varying = [k for k, a in enumerate(arguments) if not isinstance(a, ast.Constant)]
            alone = len(varying) == 1 and not isinstance(arguments[varying[0]], ast.Starred)
            return (value, varying[0]) if alone else None
    return None


def makes_room(statement: ast.stmt) -> bool:
    """Whether a statement only makes an empty list or dictionary, which can be neither right nor wrong."""
    match statement:
        case ast.Assign(_, ast.List([])) | ast.Assign(_, ast.Dict([])):
            return True
        case ast.Assign(_, ast.Call(ast.Name("dict" | "list"), [], [])):
            return True
    return False


def written_into(statement: ast.stmt) -> list[ast.expr]:
    """What a call, standing alone, writes into: np.add.at(d, …), ds.append(…)."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call = statement.value
    places = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "out")]
    if isinstance(call.func, ast.Attribute):
        places.append(call.func.value)
    return [place for place in places if name_of(place) not in (None, "np", "numpy", "self")]


def names_read(node: ast.AST) -> frozenset[str]:
    """The names that a statement or expression computes with, and those of the functions it calls."""
    return frozenset(_read(node))


def _read(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            yield inner.func.attr
        if isinstance(getattr(inner, "ctx", None), ast.Load):
            name = name_of(inner)
            if name is not None:
                yield name
    if isinstance(node, ast.AugAssign):
        name = name_of(node.target)
        if name is not None:
            yield name


def locals_of(function: ast.FunctionDef) -> frozenset[str]:
    """The names that belong to a function: its arguments, and what it assigns."""
    spec = function.args
    arguments = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
    assigned = (
        n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    )
    return frozenset([*(a.arg for a in arguments if a is not None), *assigned])


def base_of(name: str) -> str:
    """The plain name that a name begins with: cache of cache["z"]."""
    return name.split("[", 1)[0].split(".", 1)[0]
