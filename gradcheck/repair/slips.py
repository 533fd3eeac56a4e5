"""What people do wrong, each slip in a sentence: `{}` is what is written, `{about}` the operand it is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradcheck.codes import Code

Kind = Literal["factor", "power", "term", "lost", "axes"]
"""A code that hangs on what the operand is worth, or on where the line stands."""


@dataclass(frozen=True)
class Slip:
    """A mistake by its code, and the clause that says what is wrong."""

    code: Code | Kind
    clause: str


LEFT_TERM = Slip("term", "a term is missing beside {}")
LABEL = Slip(
    "extra-term", "a term is missing: 1 is to be taken off {} where the class is the right one"
)
EXTRA_TERM = Slip("term", "the term {about} is one too many")
LEFT_DERIVATIVE = Slip("missing-mask", "the derivative {about} is missing beside {}")
LEFT_FACTOR = Slip("factor", "a factor is missing beside {}")
EXTRA_FACTOR = Slip("factor", "the factor {about} is one too many")
UPSIDE_DOWN = Slip("factor", "a factor of {} is upside down")
TWO_FACTORS = Slip("missing-mask", "a derivative is taken in {} that belongs to another step")

EXTRA_MINUS = Slip("sign-flipped", "the minus of {} is one too many")
LEFT_MINUS = Slip("sign-flipped", "{} lacks a minus")
WRONG_WAY = Slip("sign-flipped", "{} is the wrong way round")
SIGN = Slip("sign-flipped", "a term of {} has the wrong sign")
NEGATIVE = Slip("sign-flipped", "the value is the negative of what it should be")
NOTHING_LEFT = Slip("zero", "the value is zero")
OTHER_FACTOR = Slip("scaled", "the factor {} is another than it should be")
OTHER_SIZE = Slip("scaled", "{} is another size than is meant")
POWER = Slip("power", "{} is another power than it should be")
ITSELF = Slip("missing-mask", "the value {} stands where the derivative of its step is meant")
LEFT_SQUARE = Slip("missing-mask", "{about} is to be squared")
OTHER_SLOPE = Slip("missing-mask", "{} is the derivative of another activation")
OTHER_POWER = Slip("missing-mask", "the power {} is another than the derivative's")

CHOICE = Slip("missing-mask", "{} chooses otherwise than the forward pass does")
SHARES = Slip("diagonal-only", "{} is the diagonal alone of the derivative of what adds up to 1")
COMPLEMENT = Slip("missing-mask", "1 − {} is meant where {} is read")
ONE = Slip("missing-mask", "1 is meant where {about} is read")
WHOLE = Slip("missing-mask", "{about} is meant where {} is read")
WHOLE_SHARE = Slip("wrong-variable", "{about} is meant where {} is read")
OTHER_SHARE = Slip("wrong-variable", "1 − {} is meant where {} is read")
OTHER_FUNCTION = Slip("missing-mask", "{} calls another function than the derivative does")
LEFT_FUNCTION = Slip("missing-mask", "a function is to be applied to {}")
EXTRA_FUNCTION = Slip("missing-mask", "{} applies a function that the derivative does not have")

OTHER_VALUE = Slip("wrong-variable", "{} is read where another value is meant")
OTHER_VALUES = Slip("wrong-variable", "{} is computed from another value than is meant")
OTHER_INDEX = Slip("wrong-variable", "{} is the index of something else")
DEFAULT = Slip("wrong-variable", "{} leaves an argument to its default")
UNPACKED = Slip("swapped", "two of the names are exchanged: they get each other's value")
EXCHANGED = Slip("swapped", "two values stand in each other's place")

TURNED = Slip("transposed", "{} has its axes in the wrong order")
FACTORS_TURNED = Slip("transposed", "the factors of {} are exchanged")
EITHER_SIDE = Slip("transposed", "one of two equal terms in {} is to be transposed")
BACKWARDS = Slip("flipped", "{} has an axis the wrong way round")
ALONG = Slip("wrong-axis", "{} is laid along another axis than it belongs to")
SHIFTED = Slip("shifted", "the index {} is off: another place is read or written")
OTHER_ITEM = Slip("shifted", "{} is at the wrong index")

MEAN = Slip("averaged", "{} is a mean where a sum belongs")
SUM = Slip("scaled", "{} is a sum where a mean belongs")
LEFT_SUM = Slip("not-summed", "{} is not summed over the axis that was broadcast")
EXTRA_SUM = Slip("wrong-axis", "it is summed over an axis that should stay")
PART = Slip("not-summed", "{} adds up only a part of what counts")
AXES = Slip("axes", "{} is not reduced over the axes that it should be, or loses one")

OVERWRITTEN = Slip("lost", "`=` is written for `+=`: what was there before is lost")
NO_FACTOR = Slip("missing-mask", "a factor is missing beside {}")
FACTOR_LOST = Slip("missing-mask", "what was there before is lost: a factor is missing")
COUNTED_AGAIN = Slip("term", "`+=` is written for `=`: what was there before is counted again")
WRITTEN_OVER = Slip("partial", "{} writes over what is right")
REPEATED = Slip(
    "repeated-index-lost",
    "an index that comes twice is written once: `np.add.at` adds every occurrence",
)
ORDER = Slip("carry-dropped", "the loop runs through its steps in the wrong order")
STEPS = Slip("partial", "the loop leaves out a step, or takes one too many")
