"""A function that returns a value and its gradient together, as losses are written."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from traceback import walk_tb
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck.conduct import that_it_raises
from gradcheck.exits import staying
from gradcheck.forms.arguments import Arguments
from gradcheck.forms.calling import Plan, items_of
from gradcheck.forms.dice import Dice
from gradcheck.forms.methods import Methods
from gradcheck.forms.names import is_of, names_in_returns, returned_names, takes, words
from gradcheck.forms.objects import Begun, Module, checked, no_step
from gradcheck.forms.rehearsal import Rehearsal, blank
from gradcheck.forms.state import Globals, copy_of
from gradcheck.forms.understanding import understood
from gradcheck.layer import Function, name_of
from gradcheck.meant import must_be_functions
from gradcheck.result import Report
from gradcheck.trees import is_array_or_float


@staying
def check_loss(
    f: Function,
    *inputs: Any,
    parameters: Any = None,
    gradients: str | Sequence[str] | None = None,
    seed: int | None = None,
    **named: Any,
) -> Report:
    """Check a function that returns a value and its gradient.

        check_loss(softmax_loss, scores, labels)
        check_loss(net.loss, X, y)          the gradients of net.params, by name

    Args:
        f: `f(*inputs)` returns `(value, gradient)`, in either order: an array, several, or a dict by
            name (`dW` or `W` for `W`). `value` is a single number. A method may leave its gradients in
            its object, and return the value alone.
        *inputs: arrays, trees of arrays, and constants; integers are labels and indices.
        parameters: as for `check_module`, where f is a method; for a function the names of the globals
            that its parameters are in.
        gradients: the names of the inputs whose gradients are returned, in that order, "W b".
        seed: puts NumPy's global random state back to the same before each call; also as for `check`.
        **named: inputs by name, and options as for `check`.

    Raises:
        TypeError: if f does not return a single number and gradients.
    """
    must_be_functions("check_loss(f, x)", f=f)
    adapt = partial(adapt_loss, f, inputs, parameters=parameters, order=gradients)
    try:
        return checked(adapt, named, seed)
    except Exception as error:
        if not has_its_value(error, f):
            raise
        return _failed(error, str(named.get("name") or name_of(f)), seed or 0)


def _failed(error: Exception, name: str, seed: int) -> Report:
    return Report(name, (), (that_it_raises(error),), seed)


def has_its_value(error: Exception, f: Function) -> bool:
    """Whether a function was so far that the number which it returns was there: what raises is its way back."""
    known = _known_when_raised(error, f)
    names = names_in_returns(f).difference(takes(f)).intersection(known)
    return any(is_array_or_float(known[name]) and np.ndim(known[name]) == 0 for name in names)


def _known_when_raised(error: Exception, f: Function) -> dict[str, Any]:
    """What a function's own names held when it was left."""
    code = getattr(inspect.unwrap(f), "__code__", None)
    frames = (frame for frame, _ in walk_tb(error.__traceback__) if frame.f_code is code)
    return dict(chain.from_iterable(frame.f_locals.items() for frame in frames))


def adapt_loss(
    f: Function,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    parameters: Any = None,
    order: str | Sequence[str] | None = None,
    seed: int | None = None,
    wrt: Any = None,
) -> Module:
    """Understand a loss; the arguments are those of `check_loss`."""
    owner = _owner_of(f)
    function = f if owner is None else f.__func__  # type: ignore[attr-defined]
    arguments = Arguments.of(f, inputs, named)
    pristine = copy_of(_globals(f, parameters) if owner is None else owner)
    methods = Methods(name_of(f), function, function)
    form = blank(pristine, methods, arguments, Dice(seed), alone=True)
    form = understood(Rehearsal.of(form, _planned), parameters, no_step, wrt, order)
    if not form.sources:
        raise TypeError(
            f"{name_of(f)} returns no gradient: expected (value, gradient), where the gradient is an "
            "array, several, or a dict of them by name"
        )
    return form


def _owner_of(f: Function) -> Any:
    """The object that a method belongs to; None of a function."""
    owner = getattr(f, "__self__", None)
    return owner if hasattr(f, "__func__") and not isinstance(owner, ModuleType) else None


def _globals(f: Function, parameters: Any) -> Globals | None:
    """The globals that were named as parameters of a function; else those that it returns gradients of by name."""
    known = getattr(f, "__globals__", {})
    names = words(parameters, "parameters") or _differentiated(f, known)
    return Globals(f, names) if names and known.keys() >= set(names) else None  # type: ignore[arg-type]


def _differentiated(f: Function, known: Mapping[str, Any]) -> list[str]:
    """The arrays among a function's globals that it reads and returns a gradient of: W where it returns dW."""
    read = getattr(getattr(f, "__code__", None), "co_names", ())
    arrays = [
        n for n in read if isinstance(known.get(n), np.ndarray) and known[n].dtype.kind == "f"
    ]
    returned = returned_names(f).values()
    return [name for name in arrays if any(is_of(gradient, name) for gradient in returned)]


def _planned(begun: Begun) -> Plan:
    """Which item of the result is the value."""
    items = items_of(begun.result)
    # Of products of columns a single number comes in brackets: [[0.69]].
    for is_one in (np.ndim, lambda item: np.size(item) - 1):
        for k, item in enumerate(items):
            if is_array_or_float(item) and is_one(item) == 0:
                return Plan((k,), ())
    raise TypeError(
        "a loss is a single number, with its gradient beside it: this function returns "
        f"{_returned(begun.result)}"
    )


def _returned(result: Any) -> str:
    """What stands where a loss should."""
    shapes = [str(item.shape) for item in items_of(result) if isinstance(item, np.ndarray)]
    return f"arrays of shapes {', '.join(shapes)}" if shapes else type(result).__name__
