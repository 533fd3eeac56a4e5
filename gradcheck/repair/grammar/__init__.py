"""What could have been meant by what is written: for each node of a syntax tree, what might stand there.

The commonest slips come first. Every alternative has a price: what people mix up often is cheap. A room
for each kind of edit; the rules of a room are its public tuple.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from gradcheck.repair.grammar.alternative import Alternative, Rule, called_name
from gradcheck.repair.grammar.calls import CALLED, REDUCED, WRAPPED_IN
from gradcheck.repair.grammar.everywhere import EVERYWHERE
from gradcheck.repair.grammar.indices import INDEXED
from gradcheck.repair.grammar.names import NAMED
from gradcheck.repair.grammar.operands import OPERANDS_LEFT_OUT, PRODUCTS
from gradcheck.repair.grammar.operators import OPERATED
from gradcheck.repair.grammar.statements import STATED
from gradcheck.repair.scope import Scope

__all__ = [
    "FAR_FETCHED",
    "LEFT_OUT",
    "MISTAKEN",
    "Alternative",
    "Rule",
    "alternatives",
    "called_name",
]

MISTAKEN: tuple[Rule, ...] = (
    *STATED,
    *OPERATED,
    *CALLED,
    *NAMED,
    *INDEXED,
    *EVERYWHERE,
)
"""What is written is mistaken for something else."""

LEFT_OUT: tuple[Rule, ...] = (*REDUCED, *WRAPPED_IN, *OPERANDS_LEFT_OUT)
"""Something is not written at all."""

FAR_FETCHED: tuple[Rule, ...] = PRODUCTS
"""What is only tried where the true value is known, which takes no run."""


def alternatives(node: ast.AST, scope: Scope, rules: Sequence[Rule]) -> Iterator[Alternative]:
    """What might have been meant by a node.

    Args:
        node: an expression that is read, or a statement.
        scope: what can be written there.
        rules: `MISTAKEN`, `LEFT_OUT` or `FAR_FETCHED`.
    """
    for rule in rules:
        yield from rule(node, scope)
