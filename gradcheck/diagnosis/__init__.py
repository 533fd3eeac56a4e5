"""What a wrong gradient may be: each hypothesis explains all of it exactly, or says nothing.

The door: `explain_row` says in findings what a row's numbers mean, and of a wrong gradient what the
mistake is, `who_agrees` which witness sides with whom; `diagnose` asks the hypotheses alone, of any gradient.
"""

from gradcheck.diagnosis.diagnose import HYPOTHESES, OF_THE_VALUE, diagnose, diagnose_shape, is_open
from gradcheck.diagnosis.explain import explain_row, forward_disagrees, who_agrees
from gradcheck.diagnosis.wrong import Comparison, Context, WrongGradient

__all__ = [
    "HYPOTHESES",
    "OF_THE_VALUE",
    "Comparison",
    "Context",
    "WrongGradient",
    "diagnose",
    "diagnose_shape",
    "explain_row",
    "forward_disagrees",
    "is_open",
    "who_agrees",
]
