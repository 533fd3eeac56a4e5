"""The name of a mistake, from the edit that mends it: what was written is laid beside what should stand there.

The edit is proved before it is asked for its name, so no number is fitted: a rule looks at the two nodes,
where they stand and what they are worth there, and says what the difference is, or nothing. A room
for each kind of rule; the first that speaks is heard.
"""

from __future__ import annotations

from gradcheck.repair.naming.expressions import OF_EXPRESSIONS
from gradcheck.repair.naming.places import OF_PLACES
from gradcheck.repair.naming.slip import Name, Rule, Slip
from gradcheck.repair.naming.statements import OF_STATEMENTS
from gradcheck.repair.naming.values import OF_VALUES

__all__ = ["Name", "Slip", "name_of"]

RULES: tuple[Rule, ...] = (*OF_STATEMENTS, *OF_PLACES, *OF_EXPRESSIONS, *OF_VALUES)
"""From what is written to what it is worth; the first that speaks is heard."""


def name_of(slip: Slip) -> Name | None:
    """What a mistake is called whose mend is known; None if no rule knows it."""
    return next((name for rule in RULES if (name := rule(slip)) is not None), None)
