"""From the wrong line to a proved edit: one change after which every gradient passes, at three draws.

1. The functions that may be edited are the one that holds the backward pass, and its helpers in the same
   module (`program`). They are run once with their names written down (`watch`), so that it is known
   what could stand in each of their lines (`places`, `scope`).
2. For every node of the doubtful lines the grammar says what might have been meant (`grammar`), the
   commonest slips first (`candidates`).
3. A candidate is run once and laid beside the numerical gradients that the check has found (`trial`).
4. One that agrees is proved: as it stands in the text, it is checked again at the inputs given and at
   two fresh draws of inputs and upstream gradient, the second in other sizes (`proof`, `sizes`). Only
   then it is said.
5. Where no single edit will do, the one that makes the first wrong value or most of the gradients
   right is kept, and a second mistake is looked for behind it (`search`).
6. What the mistake is called the edit says (`naming`): every alternative knows the slip that it mends
   (`slips`).

What a report needs for all this is the check itself, to run it again (`again`).
"""

from gradcheck.repair.again import Again
from gradcheck.repair.proof import Check
from gradcheck.repair.search import LIMIT, Search, find_repair
from gradcheck.repair.values import named_values

__all__ = ["LIMIT", "Again", "Check", "Search", "find_repair", "named_values"]
