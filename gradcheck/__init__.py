"""Check a backward pass derived by hand: is it right, and how precisely can that be known?"""

from gradcheck.check import assert_gradients, check
from gradcheck.conformance import conformance
from gradcheck.forms.derivative import check_derivative
from gradcheck.forms.jax import check_jax
from gradcheck.forms.jvp import check_jvp
from gradcheck.forms.loss import check_loss
from gradcheck.forms.module import check_module
from gradcheck.forms.pair import check_pair
from gradcheck.forms.tensorflow import check_tensorflow
from gradcheck.forms.torch import check_torch
from gradcheck.many import check_many
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
    "check_jax",
    "check_jvp",
    "check_loss",
    "check_many",
    "check_module",
    "check_pair",
    "check_tensorflow",
    "check_torch",
    "conformance",
    "numerical_gradient",
    "taylor_test",
]
