"""The numerical witness: differences of a forward pass, each with a bound on its own error.

This door is all that other rooms need: a forward pass at its point, the witness that differentiates
it, slopes along directions, and the scale against which a step is small.
"""

from gradcheck.numeric.derivatives import (
    Estimate,
    directional_derivative,
    numerical_gradient,
)
from gradcheck.numeric.forward import (
    Forward,
    has_stairs,
    random_direction,
    rounded_to_float32,
    shaken_inputs,
)
from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.kinks import Joint
from gradcheck.numeric.lifted import is_small, wider
from gradcheck.numeric.margins import CAUTION
from gradcheck.numeric.second_look import second_look
from gradcheck.numeric.slopes import slope_along
from gradcheck.numeric.steps import first_step
from gradcheck.numeric.variable import Variable, scales
from gradcheck.numeric.walk import Progress
from gradcheck.numeric.witness import Claims, NumericalWitness

__all__ = [
    "CAUTION",
    "Claims",
    "Estimate",
    "Forward",
    "Grouping",
    "Joint",
    "NumericalGradient",
    "NumericalWitness",
    "Progress",
    "Variable",
    "directional_derivative",
    "first_step",
    "has_stairs",
    "is_small",
    "numerical_gradient",
    "random_direction",
    "rounded_to_float32",
    "scales",
    "second_look",
    "shaken_inputs",
    "slope_along",
    "wider",
]
