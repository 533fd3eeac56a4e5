"""Names of what is wrong with an expression: a sign, a term, a factor, a function, another variable."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from gradcheck.codes import Code
from gradcheck.diagnosis.wrong import factor
from gradcheck.repair.grammar import called_name
from gradcheck.repair.naming.slip import Name, Rule, Slip, same, written
from gradcheck.repair.scope import shape_of

ADDITIVE, MULTIPLICATIVE = (ast.Add, ast.Sub), (ast.Mult, ast.Div, ast.MatMult, ast.Pow)


def _sign(slip: Slip) -> Name | None:
    """A minus too many or too few, before a term or a whole."""
    match slip.old, slip.new:
        case ast.UnaryOp(ast.USub(), inner), new if same(inner, new):
            return Name("sign-flipped", f"the minus of {written(slip.old)} is one too many")
        case old, ast.UnaryOp(ast.USub(), inner) if same(inner, old):
            return Name("sign-flipped", f"{written(slip.old)} lacks a minus")
        case ast.BinOp(a, ast.Sub(), b), ast.BinOp(c, ast.Sub(), d) if same(a, d) and same(b, c):
            return Name("sign-flipped", f"{written(slip.old)} is the wrong way round")
        case ast.BinOp(a, ast.Add() | ast.Sub(), b), ast.BinOp(c, ast.Add() | ast.Sub(), d):
            if same(a, c) and same(b, d):
                return Name("sign-flipped", f"a term of {written(slip.old)} has the wrong sign")
    return None


def _averaged(slip: Slip) -> Name | None:
    """A mean for a sum, or a sum for a mean."""
    match slip.old, slip.new:
        case ast.Call() as old, ast.Call() as new:
            pair = called_name(old), called_name(new)
            if pair == ("mean", "sum"):
                return Name("averaged", f"{written(slip.old)} is a mean where a sum belongs")
            if pair == ("sum", "mean"):
                return Name("scaled", f"{written(slip.old)} is a sum where a mean belongs")
    return None


CONDITIONAL = (ast.Compare, ast.BoolOp, ast.IfExp)


def _choice(slip: Slip) -> Name | None:
    """Another condition: a mask, its opposite, the sides of a choice."""
    in_a_test = any(isinstance(n, CONDITIONAL) and f != "body" for n, f in slip.path)
    whole = isinstance(slip.old, CONDITIONAL) or isinstance(slip.statement, ast.If)
    chosen = isinstance(slip.old, ast.Call) and called_name(slip.old) == "where"
    if in_a_test or whole or chosen or _are_masks(slip):
        return Name(
            "missing-mask", f"{written(slip.old)} chooses otherwise than the forward pass does"
        )
    return None


def _are_masks(slip: Slip) -> bool:
    """Whether both are arrays of truth values."""
    values = slip.value(slip.old), slip.value(slip.new)
    return all(isinstance(v, np.ndarray) and v.dtype.kind == "b" for v in values)


def _term(slip: Slip) -> Name | None:
    """A term missing, or one too many."""
    missing, extra = (
        _left_out(slip.new, slip.old, ADDITIVE),
        _left_out(slip.old, slip.new, ADDITIVE),
    )
    term = missing if missing is not None else extra
    if term is None or not slip.is_array(slip.old) or isinstance(term, ast.Constant):
        return None
    code: Code = "carry-dropped" if slip.is_carried(term) else "extra-term"
    if missing is not None:
        return Name(code, f"a term is missing beside {written(slip.old)}")
    return Name(code, f"the term {written(term)} is one too many")


def _factor(slip: Slip) -> Name | None:
    """A factor missing, or one too many."""
    missing = _left_out(slip.new, slip.old, MULTIPLICATIVE)
    extra = _left_out(slip.old, slip.new, MULTIPLICATIVE)
    factor = missing if missing is not None else extra
    if factor is None:
        return _two_factors(slip)
    if _is_power(slip):
        code = _code_of(slip.old, slip)
        return Name(code, f"{written(slip.old)} is another power than it should be")
    code = _code_of(factor, slip)
    if missing is not None:
        return Name(code, f"a factor is missing beside {written(slip.old)}")
    return Name(code, f"the factor {written(factor)} is one too many")


def _code_of(factor: ast.AST, slip: Slip) -> Code:
    """A number, or one for each slice, is a scale; one for each entry, or a mask, is a derivative; or signs."""
    value, whole = slip.value(factor), slip.value(slip.product)
    if np.asarray(value).dtype.kind == "b":
        return "missing-mask"
    if _are_signs(value):
        return "sign-flipped"
    fewer = shape_of(value) is not None and np.size(value) < np.size(whole)
    return "scaled" if slip.is_number(factor) or fewer else "missing-mask"


def _are_signs(value: Any) -> bool:
    """Whether a factor is 1 here and −1 there."""
    return isinstance(value, np.ndarray) and set(np.unique(value)) == {-1, 1}


def _two_factors(slip: Slip) -> Name | None:
    """Two factors too many: a derivative like p (1 - p)."""
    match slip.old:
        case ast.BinOp(ast.BinOp(first, ast.Mult()), ast.Mult()) if same(first, slip.new):
            return Name(
                "missing-mask",
                f"a derivative is taken in {written(slip.old)} that belongs to another step",
            )
    return None


def _is_power(slip: Slip) -> bool:
    """Whether an array is raised to something, so that each entry has a factor of its own."""
    return any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) for n in (slip.old, slip.new))


def _left_out(
    whole: ast.AST, part: ast.AST, operators: tuple[type[ast.operator], ...]
) -> ast.expr | None:
    """The other operand, where a node is one operand of another."""
    match whole:
        case ast.BinOp(left, op, right) if isinstance(op, operators):
            if same(left, part):
                return right
            if same(right, part):
                return left
    return None


def _upside_down(slip: Slip) -> Name | None:
    """Multiplied for divided, or divided the wrong way round."""
    match slip.old, slip.new:
        case ast.BinOp(a, ast.Mult() | ast.Div(), b), ast.BinOp(c, ast.Mult() | ast.Div(), d) if (
            _multiset(a, b) == _multiset(c, d)
        ):
            code = _code_of(b, slip)
            return Name(code, f"a factor of {written(slip.old)} is upside down")
    return None


def _multiset(*nodes: ast.AST) -> list[str]:
    return sorted(map(ast.unparse, nodes))


def _number(slip: Slip) -> Name | None:
    """Another number: a factor, a size; an exponent is another derivative."""
    if not (slip.is_number(slip.old) and slip.is_number(slip.new)):
        return None
    if slip.is_within(ast.BinOp, "right") and _is_exponent(slip):
        return Name(
            "missing-mask", f"the power {written(slip.old)} is another than the derivative's"
        )
    if _is_ratio(slip.before, slip.after):
        return Name("scaled", f"the factor {written(slip.old)} is another than it should be")
    return None


def _is_exponent(slip: Slip) -> bool:
    return any(
        isinstance(n, ast.BinOp) and isinstance(n.op, ast.Pow) and f == "right"
        for n, f in slip.path
    )


def _is_ratio(old: Any, new: Any) -> bool:
    """Whether one value is a multiple of another."""
    try:
        a, b = (np.asarray(value, dtype=np.float64) for value in (old, new))
    except (TypeError, ValueError):
        return False
    if a.shape != b.shape or not b.any() or not np.isfinite(a).all():
        return False
    return bool(np.allclose(a, factor(a, b) * b, rtol=1e-9, atol=1e-12))


def _function(slip: Slip) -> Name | None:
    """Another function of the same, or none: another derivative."""
    match slip.old, slip.new:
        case ast.Call() as old, ast.Call() as new if called_name(old) != called_name(new):
            return Name(
                "missing-mask", f"{written(old)} calls another function than the derivative does"
            )
        case old, ast.Call(_, [inner, _, *_]) if same(inner, old):
            return Name("wrong-variable", f"{written(old)} is read where another value is meant")
        case old, ast.Call(_, [inner, *_]) if same(inner, old):
            return Name("missing-mask", f"a function is to be applied to {written(old)}")
        case ast.Call(_, [inner, *_]) as old, new if same(inner, new):
            return Name(
                "missing-mask",
                f"{written(old)} applies a function that the derivative does not have",
            )
        case old, ast.BinOp(ast.Constant(1), ast.Sub(), inner) if same(inner, old):
            code: Code = "missing-mask" if slip.is_array(old) else "wrong-variable"
            return Name(code, f"1 − {written(old)} is meant where {written(old)} is read")
    return None


def _variable(slip: Slip) -> Name | None:
    """Another variable that is at hand."""
    data = (ast.Name, ast.Attribute, ast.Subscript)
    if isinstance(slip.new, data):
        return Name("wrong-variable", f"{written(slip.old)} is read where another value is meant")
    return None


def _default(slip: Slip) -> Name | None:
    """An argument left out: the default stands in its place."""
    match slip.old, slip.new:
        case ast.Call() as old, ast.Call() as new if same(old.func, new.func):
            if len(new.args) + len(new.keywords) > len(old.args) + len(old.keywords):
                return Name("wrong-variable", f"{written(old)} leaves an argument to its default")
    return None


def _either_side(slip: Slip) -> Name | None:
    """A + A.T: what enters from both sides, once transposed."""
    old, new = ast.unparse(slip.old), ast.unparse(slip.new)
    if new.count(".T") > old.count(".T") and new.count("+") > old.count("+"):
        return Name(
            "transposed", f"one of two equal terms in {written(slip.old)} is to be transposed"
        )
    return None


def _read_twice(slip: Slip) -> Name | None:
    """Another variable at several places."""
    old, new = (_names(node) for node in (slip.old, slip.new))
    if isinstance(slip.old, ast.BinOp) and isinstance(slip.new, ast.BinOp) and old != new:
        return Name(
            "wrong-variable", f"{written(slip.old)} is computed from another value than is meant"
        )
    return None


def _names(node: ast.AST) -> set[str]:
    return {
        n.id if isinstance(n, ast.Name) else n.attr
        for n in ast.walk(node)
        if isinstance(n, (ast.Name, ast.Attribute))
    }


OF_EXPRESSIONS: tuple[Rule, ...] = (
    _sign,
    _averaged,
    _choice,
    _number,
    _term,
    _factor,
    _upside_down,
    _default,
    _function,
    _variable,
    _either_side,
    _read_twice,
)
