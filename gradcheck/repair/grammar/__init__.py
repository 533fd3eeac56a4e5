"""What could have been meant by what is written: for each node of a syntax tree, what might stand there.

Most slips are rewrites of Python in Python (`rewrites`); what hangs on the names at hand has a room each.
Every alternative has a price, what people mix up often is cheap, and knows the slip that it mends.
"""

from __future__ import annotations

from gradcheck.repair.grammar.calls import CALLED, CALLED_ELSEWHERE
from gradcheck.repair.grammar.counts import COUNTS
from gradcheck.repair.grammar.indices import INDICES
from gradcheck.repair.grammar.names import NAMED, TWICE
from gradcheck.repair.grammar.operands import FORGOTTEN, LEFT_OPERANDS
from gradcheck.repair.grammar.rewrite import Alternative, Rule
from gradcheck.repair.grammar.rewrites import (
    INDEXED,
    OPERATED,
    REDUCED,
    STATED,
    TRANSPOSED,
    WRAPPED,
    other_constant,
)
from gradcheck.repair.grammar.shares import SHARES
from gradcheck.repair.grammar.turns import TURNS

__all__ = ["LEFT_OUT", "MISTAKEN", "Alternative", "Rule"]

MISTAKEN: tuple[Rule, ...] = (
    *(*STATED, *SHARES, *OPERATED, other_constant, *TRANSPOSED),
    *(*TURNS, *COUNTS, *CALLED, *NAMED, *INDICES, *INDEXED, *TWICE, *FORGOTTEN),
)
"""What is written is mistaken for something else."""
LEFT_OUT: tuple[Rule, ...] = (*REDUCED, *WRAPPED, *CALLED_ELSEWHERE, *LEFT_OPERANDS)
"""Something is not written at all."""
