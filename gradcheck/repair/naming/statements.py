"""Names of what is wrong with a whole statement: = for +=, another place written to, a loop's order."""

from __future__ import annotations

import ast

from gradcheck.repair.naming.slip import Name, Rule, Slip, same, written


def _overwritten(slip: Slip) -> Name | None:
    """= for +=."""
    match slip.old, slip.new:
        case ast.Assign([target]), ast.AugAssign(_, ast.Add()):
            if slip.repeated or isinstance(target, ast.Subscript):
                return Name(
                    "overlap-overwritten",
                    f"`=` is written for `+=`: what {written(target)} holds before is lost",
                )
            return Name(
                "extra-term", f"what {written(target)} holds before is lost: a term is missing"
            )
        case ast.Assign([target]), ast.AugAssign(_, ast.Mult() | ast.Div()):
            return Name(
                "missing-mask", f"what {written(target)} holds before is lost: a factor is missing"
            )
    return None


def _added(slip: Slip) -> Name | None:
    """+= for =."""
    match slip.old, slip.new:
        case ast.AugAssign(target), ast.Assign():
            more = "`+=` is written for `=`: what was there before is counted again"
            return Name("carry-dropped" if slip.is_carried(target) else "extra-term", more)
    return None


def _added_otherwise(slip: Slip) -> Name | None:
    """Another sign, or a factor for its inverse."""
    match slip.old, slip.new:
        case ast.AugAssign(_, ast.Add() | ast.Sub()), ast.AugAssign(_, ast.Add() | ast.Sub()) if (
            same_target(slip)
        ):
            return Name("sign-flipped", "a term has the wrong sign")
        case ast.AugAssign(_, ast.Mult() | ast.Div(), value), ast.AugAssign(
            _, ast.Mult() | ast.Div()
        ) if same_target(slip):
            code = "scaled" if slip.is_number(value) else "missing-mask"
            return Name(code, f"the factor {written(value)} is upside down")  # type: ignore[arg-type]
    return None


def same_target(slip: Slip) -> bool:
    """Whether both statements write to the same place."""
    return same(slip.old.target, slip.new.target)  # type: ignore[attr-defined]


def _repeats(slip: Slip) -> Name | None:
    """np.add.at, where an index comes twice."""
    if isinstance(slip.old, ast.Expr) or not isinstance(slip.new, ast.Expr):
        return None
    return Name(
        "repeated-index-lost",
        "an index that comes twice is written once: `np.add.at` adds every occurrence",
    )


def _written_elsewhere(slip: Slip) -> Name | None:
    """The same value, written to another place."""
    if isinstance(slip.old, ast.stmt) and isinstance(slip.new, type(slip.old)):
        return Name(
            "shifted", "the result is written to another place than it belongs to: an index is off"
        )
    return None


def _turns(slip: Slip) -> Name | None:
    """The order of a loop, or how many turns it takes."""
    if not isinstance(slip.statement, ast.For):
        return None
    old, new = (
        isinstance(node, ast.Call) and "reversed" in ast.unparse(node)
        for node in (slip.old, slip.new)
    )
    if old != new:
        return Name("carry-dropped", "the loop runs through its steps in the wrong order")
    return Name("partial", "the loop leaves out a step, or takes one too many")


OF_STATEMENTS: tuple[Rule, ...] = (
    _overwritten,
    _added,
    _added_otherwise,
    _repeats,
    _written_elsewhere,
    _turns,
)
