"""Check a backward pass derived by hand: is it right, and how precisely can that be known?"""

from gradcheck.check import assert_gradients, check
from gradcheck.forms.derivative import check_derivative
from gradcheck.forms.jvp import check_jvp
from gradcheck.forms.loss import check_loss
from gradcheck.forms.module import check_module
from gradcheck.forms.pair import check_pair
from gradcheck.numeric import numerical_gradient
from gradcheck.result import Finding, Line, Report, Row, Verdict
from gradcheck.taylor import taylor_test

__version__ = "0.1.0"

__all__ = [
    "Finding",
    "Line",
    "Report",
    "Row",
    "Verdict",
    "assert_gradients",
    "check",
    "check_derivative",
    "check_jvp",
    "check_loss",
    "check_module",
    "check_pair",
    "numerical_gradient",
    "taylor_test",
]
