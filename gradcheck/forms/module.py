"""An object with a forward and a backward pass: gradients returned, or left in attributes, dicts, lists."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from gradcheck.exits import staying
from gradcheck.forms.adapting import adapt_module
from gradcheck.forms.methods import Methods
from gradcheck.forms.objects import checked, first_passing
from gradcheck.forms.slopes import check_slope, may_be_one
from gradcheck.result import Report


@staying
def check_module(
    module: Any,
    *inputs: Any,
    parameters: Any = None,
    forward: str = "forward",
    backward: str = "backward",
    update: str | float | None = None,
    gradients: str | Sequence[str] | None = None,
    seed: int | None = None,
    **named: Any,
) -> Report:
    """Check an object with a forward and a backward pass.

        check_module(Dense(4, 3), x)

    Its parameters are the arrays that a gradient is found for, by the conventions that people follow:
    `W` and `dW`, `grad_W`, `W_grad`; `params["W"]` and `grads["W"]` or `grads["dW"]`; lists `params` and
    `grads`; `W.data` and `W.grad`; in sub-layers too; or returned by the backward pass beside the
    input's. Every evaluation gets a fresh copy of the object, which itself is never touched.

    Args:
        module: the object: a layer, a loss, a net.
        *inputs: arrays, trees of arrays, and constants, as the forward pass takes them.
        parameters: the names of the parameters, "W b", where convention does not find them; or a dict
            from each to the attribute that holds its gradient, {"W": "acc.W"}.
        forward, backward: the names of the methods.
        update: for a backward pass that changes its weights itself: the name of its argument that is
            the learning rate, the learning rate that the object keeps, or the name of a method that
            takes the step, `update(learning_rate)`. The gradient is read off a step.
        gradients: the names of the inputs and parameters whose gradients are returned, in that order,
            "x W b"; seen by default.
        seed: puts NumPy's global random state back to the same before each forward pass; also as for
            `check`.
        **named: inputs by name, what the backward pass alone takes, and options as for `check`.

    Raises:
        TypeError: for a class instead of an object, an object without these methods, or inputs that do
            not fit.
    """
    slope = None
    if (parameters, update, gradients) == (None, None, None):
        slope = check_slope(module, inputs, {**named, "seed": seed or 0}, forward, backward)
        if slope is not None and (slope.passed or not may_be_one(module, forward, backward)):
            return slope
    several = Methods.of(module, forward, backward).scored(module, forward, backward)
    how = {"parameters": parameters, "update": update, "order": gradients}
    found = first_passing(
        partial(checked, partial(adapt_module, module, one, inputs, **how), named, seed)
        for one in several
    )
    # What may be a derivative or a backward pass is what it is right as.
    return found if slope is None or found.passed else slope
