"""The finding codes: stable names for what can be said of a backward pass, and what each of them means.

This is the one place that explains them; the documentation's page and the machine formats are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Code = Literal[
    "raises",
    "wrong-count",
    "wrong-shape",
    "wrong-dtype",
    "not-finite",
    "mutates-input",
    "mutates-upstream",
    "nondeterministic",
    "accumulates",
    "ignores-upstream",
    "aliases",
    "adapted",
    "kink",
    "vacuous",
    "low-precision",
    "directional",
    "cut",
    "tape-disagrees",
    "unresolved",
    "unchecked",
    "first-wrong-line",
    "sign-flipped",
    "scaled",
    "zero",
    "transposed",
    "flipped",
    "shifted",
    "swapped",
    "not-summed",
    "averaged",
    "missing-mask",
    "ties-duplicated",
    "overlap-overwritten",
    "repeated-index-lost",
    "carry-dropped",
    "statistics-held-constant",
    "diagonal-only",
    "fused",
    "extra-term",
    "partial",
    "inexact",
    "wrong-variable",
    "wrong-axis",
    "unknown",
]

Kind = Literal["conduct", "numbers", "where", "diagnosis"]


@dataclass(frozen=True)
class Meaning:
    """What a code stands for: its kind, what was seen, and what to do about it."""

    kind: Kind
    seen: str
    advice: str


CODES: dict[Code, Meaning] = {
    "raises": Meaning(
        "conduct",
        "The backward pass raises an exception instead of returning gradients.",
        "The message names the exception and the line; the shapes before it are usually the cause.",
    ),
    "wrong-count": Meaning(
        "conduct",
        "The backward pass does not return one gradient for each input.",
        "Return them in the order of the inputs, None for an input that has none.",
    ),
    "wrong-shape": Meaning(
        "conduct",
        "A gradient has not the shape of its input.",
        "What is broadcast on the way there is summed on the way back.",
    ),
    "wrong-dtype": Meaning(
        "conduct",
        "A gradient has not the dtype of its input.",
        "Look for `np.zeros` without a dtype, an integer constant, a mask returned as it is.",
    ),
    "not-finite": Meaning(
        "conduct",
        "A value or a gradient holds NaN or Inf where the true one is finite.",
        "Look for 0/0, log 0, exp of large numbers, and an operation that never sees those entries.",
    ),
    "mutates-input": Meaning(
        "conduct",
        "A pass writes to one of its inputs.",
        "Work on a copy: `x = x - mean`, not `x -= mean`.",
    ),
    "mutates-upstream": Meaning(
        "conduct",
        "The backward pass writes to the upstream gradient that it was handed.",
        "Work on a copy: whoever else needs the upstream gradient gets something else.",
    ),
    "nondeterministic": Meaning(
        "conduct",
        "Two forward passes on the same inputs give different values, or two backward passes different gradients.",
        "Make randomness an input (a mask), or keep what the forward pass drew for the way back.",
    ),
    "accumulates": Meaning(
        "conduct",
        "A second backward pass differs from the first: something was left behind.",
        "Clear buffers at the start of the backward pass; keep what it needs in the call's own cache.",
    ),
    "ignores-upstream": Meaning(
        "conduct",
        "The gradients are not linear in the upstream gradient.",
        "A backward pass is a vector-Jacobian product: multiply by dy, once, also in a loss.",
    ),
    "aliases": Meaning(
        "conduct",
        "A returned gradient shares memory with an input or the upstream gradient. A remark, no fault.",
        "Return a copy where the caller may update in place.",
    ),
    "adapted": Meaning(
        "conduct",
        "How code of another shape was understood: what was found by its name, what was left out.",
        "Read whether it is what you meant; an option of the call says it otherwise.",
    ),
    "kink": Meaning(
        "numbers",
        "Some entries sit where the slopes from left and right differ.",
        "Any value between the two passes there; move the inputs a little to check the smooth parts.",
    ),
    "vacuous": Meaning(
        "numbers",
        "The true gradient is zero at these inputs, so little was proved: a wrong formula would pass as well.",
        "Try other inputs: unsaturated, unmasked, not tied.",
    ),
    "low-precision": Meaning(
        "numbers",
        "A gradient carries, or a value has, fewer digits than the inputs.",
        "Look for float32 on the way there and back: a dtype lost in `np.zeros`, a cast, a constant.",
    ),
    "directional": Meaning(
        "numbers",
        "The gradient was checked along random directions, not entry by entry.",
        "The message states the probability with which one wrong entry escapes.",
    ),
    "cut": Meaning(
        "numbers",
        "The function was cut at values through which everything passes, and checked piece by piece.",
        "A remark, no fault: behind a single number every entry of a parameter costs evaluations of its own.",
    ),
    "tape-disagrees": Meaning(
        "numbers",
        "TensorFlow's tape differs although hand-derived and numeric agree.",
        "The twin computes another function, or follows another convention.",
    ),
    "unresolved": Meaning(
        "numbers",
        "The bound on the numerical witness is too wide to tell right from wrong.",
        "Try float64, inputs of ordinary size, or other inputs.",
    ),
    "unchecked": Meaning(
        "numbers",
        "An input of floating dtype has no gradient (None) and was left out.",
        "Name it in `wrt` if it should have one.",
    ),
    "first-wrong-line": Meaning(
        "where",
        "The first value on the way back that is wrong, with its line.",
        "Everything before it is right: the mistake is in this line or in what it reads.",
    ),
    "sign-flipped": Meaning(
        "diagnosis", "The negative of the true gradient.", "Look for a minus too many or too few."
    ),
    "scaled": Meaning(
        "diagnosis",
        "A constant multiple of the true gradient.",
        "Look for a factor missing, doubled or upside down; the message says which size it equals.",
    ),
    "zero": Meaning(
        "diagnosis",
        "Zero everywhere, where the true gradient is not.",
        "Is it computed and returned at all, or allocated and never filled?",
    ),
    "transposed": Meaning(
        "diagnosis",
        "The transpose, or what it would be if an input were transposed.",
        "Check which factor needs `.T`, and the order of a reshape.",
    ),
    "flipped": Meaning(
        "diagnosis",
        "One or more axes are reversed, or would be right with a reversed input.",
        "The gradient of a convolution correlates with the reversed kernel.",
    ),
    "shifted": Meaning(
        "diagnosis",
        "The true gradient moved by an index or two, or made of what stands elsewhere.",
        "Look for an index that is off by one, a stride left out, and on which side padding was cut off.",
    ),
    "swapped": Meaning(
        "diagnosis",
        "The gradient of another input, or its parts in another order.",
        "Return gradients in the order of the inputs.",
    ),
    "not-summed": Meaning(
        "diagnosis",
        "The gradient of a broadcast input is not summed over its copies.",
        "Every copy adds its gradient: sum over the broadcast axes.",
    ),
    "averaged": Meaning(
        "diagnosis",
        "The gradient of a broadcast input is averaged where it should be summed.",
        "Replace the mean by a sum; a mean belongs only where the forward pass has one.",
    ),
    "missing-mask": Meaning(
        "diagnosis",
        "The derivative of a step, an activation's or dropout's, was left out, or another stands in its place.",
        "Multiply by the derivative (the mask) of that step.",
    ),
    "ties-duplicated": Meaning(
        "diagnosis",
        "Every one of several tied maxima receives the full gradient.",
        "Route it to one of them, or split it.",
    ),
    "overlap-overwritten": Meaning(
        "diagnosis",
        "Where windows overlap only the last contribution is kept.",
        "Write `+=` instead of `=`.",
    ),
    "repeated-index-lost": Meaning(
        "diagnosis",
        "Where an index repeats only one contribution is kept.",
        "`d[ids] += …` writes each row once; `np.add.at` adds every occurrence.",
    ),
    "carry-dropped": Meaning(
        "diagnosis",
        "In a recurrence, what flows back through time is dropped or wrong.",
        "Add the gradient that step t + 1 hands to the state at t.",
    ),
    "statistics-held-constant": Meaning(
        "diagnosis",
        "A normalization's mean or variance was treated as a constant.",
        "Both depend on x: differentiate them too.",
    ),
    "diagonal-only": Meaning(
        "diagnosis",
        "Only the diagonal of the Jacobian was used.",
        "Add the cross terms; for softmax dx = y (dy − Σ dy y).",
    ),
    "fused": Meaning(
        "diagnosis",
        "The derivative of a softmax or sigmoid and that of the loss behind it are in one backward pass.",
        "Check the two as one layer, logits in and loss out; or let each return its own derivative.",
    ),
    "extra-term": Meaning(
        "diagnosis",
        "The true gradient plus, or minus, one term.",
        "Look for a term that the forward pass does not have (weight decay), or one that is missing.",
    ),
    "partial": Meaning(
        "diagnosis",
        "Wrong in some slices of one axis only.",
        "One gate, channel, border or time step is treated differently.",
    ),
    "inexact": Meaning(
        "diagnosis",
        "Right to about 1e-6 and no further.",
        "Look for an ε, a clip or a rounded constant that only one of the two passes has.",
    ),
    "wrong-variable": Meaning(
        "diagnosis",
        "A line reads another value than the one that is meant: a state for that before it, an input for "
        "the output.",
        "The message names the line; ask of each factor in it which value the formula has there.",
    ),
    "wrong-axis": Meaning(
        "diagnosis",
        "Summed, averaged or laid along another axis than the one that is meant.",
        "Write the indices down: what the forward pass sums over or copies along decides.",
    ),
    "unknown": Meaning(
        "diagnosis",
        "Wrong, and nothing known explains all of it.",
        "Look at the first wrong line, the wrong entries, and smaller inputs.",
    ),
}
