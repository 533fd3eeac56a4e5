"""What was meant, where the checker is called with something else: each a sentence that says what to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")

OPTIONS = (
    *("twin", "wrt", "seed", "method", "effort", "budget"),
    *("lines", "name", "upstream", "progress"),
)
"""What `check` takes besides inputs."""

OF_FORMS = ("cache", "gradients", "parameters", "forward", "backward", "update")
"""What `check_pair`, `check_loss` and `check_module` take besides."""


TOLERANCES = ("tol", "tolerance", "rtol", "atol", "eps", "epsilon")
"""What other checkers have to be told."""


def no_input(name: str, inputs: Sequence[str], options: Iterable[str] = OPTIONS) -> str:
    """What is said of a name that is no input: an option or an input may be misspelled."""
    known = {word.lower(): f"the option {word}=" for word in options}
    known |= {word.lower(): f"the input {word}=" for word in inputs}
    near = get_close_matches(name.lower(), known, n=1)
    meant = f"; did you mean {known[near[0]]}?" if near else ""
    if name in TOLERANCES:
        meant = "; nor is there a tolerance or a step to give: the error of each entry is bounded"
    return f"the layer has no input {name!r}; its inputs are {', '.join(inputs)}{meant}"


def missing_input(name: str, needed: Iterable[str], given: Sequence[Any]) -> str:
    """What is said of an input that is missing: all of them may have come as one list."""
    text = f"input {name!r} is missing; the layer needs {', '.join(needed)}"
    if len(given) == 1 and isinstance(given[0], (list, tuple, dict)):
        star = "**inputs" if isinstance(given[0], dict) else "*inputs"
        return f"{text}, each by itself: a {type(given[0]).__name__} is handed over as {star}"
    return text


def no_array(name: str, value: Any) -> str:
    """What is said of an input that is no array of numbers."""
    text = f"input {name} is a {type(value).__name__}, expected an array of float32 or float64"
    return f"{text}{_instead(value)} (integers only for labels and indices)"


def _instead(value: Any) -> str:
    """What makes an array of what is none."""
    advice = first_that_fits(
        (inspect.isgenerator(value), ": np.array(list(…)) makes one of what it yields"),
        (isinstance(value, Mapping), ": hand over what it holds by name, **inputs"),
        (isinstance(value, (list, tuple)), ": its items have several shapes, or are no numbers"),
        (callable(value), ": functions come first, then the inputs"),
    )
    return advice or ""


def first_that_fits(*ways: tuple[Any, T]) -> T | None:
    """Of answers with their conditions, simplest first, the first whose condition holds."""
    return next((answer for fits, answer in ways if fits), None)


def must_be_functions(call: str, **given: Any) -> None:
    """Raise TypeError for what should be a function and is none; `call` says how the call is meant."""
    for name, value in given.items():
        if isinstance(value, type):
            raise TypeError(f"{name} is the class {value.__name__}, expected a function: {call}")
        if not callable(value):
            raise TypeError(
                f"{name} is {a_kind(value)}, expected a function: {call}, functions first, then inputs"
            )


def must_be(fits: Any, name: str, value: Any, expected: str) -> None:
    """Raise TypeError for an argument that is not what it should be."""
    if not fits:
        raise TypeError(f"{name} is {shown(value)}, expected {expected}")


def shown(value: Any) -> str:
    """A value as Python writes it, where that is short; of a module that hangs on where it lies."""
    text = repr(value)
    return text if len(text) <= 40 and not inspect.ismodule(value) else f"a {type(value).__name__}"


def a_kind(value: Any) -> str:
    """What kind of thing a value is, with its article: an ndarray."""
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiou' or kind == 'ndarray' else 'a'} {kind}"


def in_words(error: BaseException) -> str:
    """An exception in words; not every one says something, and of some the words raise themselves."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return ": ".join(filter(None, (type(error).__name__, text)))


def must_be_a_layer(layer: Any, inputs: Sequence[Any]) -> None:
    """Raise TypeError, with the call that is meant, for what is no layer but something else that is known."""
    if callable(layer) and not isinstance(layer, type):
        return
    for fits, sentence in LIKELY:
        if fits(layer, inputs):
            raise TypeError(sentence(layer, inputs))


def _is_turned_round(_: Any, inputs: Sequence[Any]) -> bool:
    return bool(inputs) and callable(inputs[0])


def _is_object(layer: Any, _: Sequence[Any]) -> bool:
    return all(callable(getattr(layer, way, None)) for way in ("forward", "backward"))


def _are_functions(layer: Any, _: Sequence[Any]) -> bool:
    return isinstance(layer, (list, tuple)) and all(map(callable, layer))


LIKELY: tuple[tuple[Callable[[Any, Sequence[Any]], bool], Callable[[Any, Sequence[Any]], str]], ...]
LIKELY = (
    (
        lambda layer, _: isinstance(layer, tuple) and any(map(callable, layer[1:])),
        lambda *_: (
            "the layer is handed over without calling it: check(layer, x), not check(layer(x), x)"
        ),
    ),
    (
        lambda layer, _: isinstance(layer, type),
        lambda layer, _: (
            f"{layer.__name__} is a class: make an object of it first, "
            f"check_module({layer.__name__}(…), …)"
        ),
    ),
    (
        lambda layer, _: inspect.isgenerator(layer),
        lambda *_: "a generator can be run once only: give the function that makes it",
    ),
    (_is_turned_round, lambda _, inputs: f"the layer comes first: check({_called(inputs[0])}, x)"),
    (
        _is_object,
        lambda layer, _: (
            f"{a_kind(layer)} is not called but has forward and backward: check_module(layer, …)"
        ),
    ),
    (
        _are_functions,
        lambda layer, _: (
            f"{a_kind(layer)} of functions is no layer: check them one by one, or with check_many"
        ),
    ),
)
"""What is taken for a layer now and then, and the sentence that says what to do, the first that fits."""


def _called(function: Callable[..., Any]) -> str:
    return str(getattr(function, "__name__", "layer"))
