"""How a subject is asked: the inputs it takes, the call that goes with its kind, the object of a class."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import gradcheck
from gradcheck.forms.state import held_in
from gradcheck.forms.told import said
from gradcheck.layer import input_names
from gradcheck.result import Finding, Report
from reports.errors import UserError
from reports.targets import found
from reports.targets.inputs import Inputs, drawn, of_spec, proposed, template, wanted

SINGLE = np.dtype(np.float32)

PLAIN = (bool, int, str, type(None))
"""What a hyperparameter is that has a default: a stride, a mode, a flag; a float may be an input."""

RATES = ("lr", "learning_rate", "learningrate", "learn_rate", "alpha", "eta", "step_size")
"""How the learning rate is called where a backward pass changes the weights itself."""


MOST = 3
"""Arguments of a constructor that are tried: of four there are too many orders."""

BIAS = re.compile(r"^(b|bias|beta|gamma)", re.IGNORECASE)
"""How the arguments of a constructor are called that have one number for each feature."""


def inputs_of(
    subject: found.Subject, place: str, seed: int, specs: Mapping[str, str]
) -> tuple[Inputs, tuple[str, ...]]:
    """The inputs: drawn by the file, given on the line, or proposed; and what has to be said of them.

    Raises:
        UserError: if there are none; the text holds a function to paste.
    """
    rng = np.random.default_rng(seed)
    given = {name: of_spec(name, spec, rng) for name, spec in specs.items()}
    if subject.draw is not None:
        return {**drawn(subject.draw, seed, place, subject.name), **given}, ()
    function = taking(subject)
    if all(name in given for name in wanted(function)):
        return given, ()
    if subject.kind == "derivative" and len(wanted(function)) > 1:
        # Which of them is differentiated by, and which are data of one size, no shape can tell.
        raise UserError(f"{place}: {_no_inputs(subject, function)}")
    guess = proposed(
        function,
        lambda inputs: _runs(subject, {**inputs, **given}),
        lambda inputs: _accepts(subject, {**inputs, **given}, seed),
        seed,
        _sizes_of(subject, seed),
    )
    if guess is None:
        seen = _seen_on_the_way(subject, given, seed)
        raise UserError(f"{place}: {_no_inputs(subject, function, seen)}")
    guess = _as_precise(subject, guess, seed)
    shown = ", ".join(_shown(name, value) for name, value in guess.items())
    said = (
        f"Inputs of {subject.name} were proposed, as the file has no {subject.name}_inputs(rng): "
        f"{shown}."
    )
    return {**guess, **given}, (said,)


def _no_inputs(subject: found.Subject, function: Callable[..., Any], seen: str = "") -> str:
    """What is said where nobody gives inputs and none can be proposed, with a function to paste."""
    return (
        f"no inputs for {subject.name}: {seen}expected a function {subject.name}_inputs(rng), as in: "
        f"{template(subject.name, function)}"
    )


def _sizes_of(subject: found.Subject, seed: int) -> tuple[int, ...]:
    """The shape of the first matrix in an object: its inputs' last axis is as long as one of its axes."""
    if subject.kind != "class":
        return ()
    instance = next(_instances(subject, seed), None)
    shapes = [np.shape(held.value) for held in held_in(instance)] if instance is not None else []
    return next((shape for shape in shapes if len(shape) > 1), ())


def _as_precise(subject: found.Subject, guess: Inputs, seed: int) -> Inputs:
    """The inputs in float32 where all that the object holds is: float64 beside it would be our mistake."""
    instance = next(_instances(subject, seed), None) if subject.kind == "class" else None
    held = [np.asarray(one.value) for one in held_in(instance)] if instance is not None else []
    if {array.dtype for array in held if array.ndim and array.dtype.kind == "f"} != {SINGLE}:
        return guess
    return {n: v.astype(SINGLE) if np.asarray(v).dtype.kind == "f" else v for n, v in guess.items()}


def _shown(name: str, value: Any) -> str:
    if isinstance(value, dict):
        return f"{name} {value}"
    single = np.asarray(value).dtype == SINGLE
    return f"{name} {np.shape(value)}{' float32' if single else ''}"


def _runs(subject: found.Subject, inputs: Inputs) -> bool:
    """Whether the forward pass of a function runs; of a class it takes an object to tell."""
    if subject.kind == "class":
        return True
    with np.errstate(all="ignore"):
        try:
            values, words = _arguments(subject, inputs)
            subject.forward(*values, **words)
        except Exception:
            return False
    return True


UNFIT = ("raises", "not-finite", "wrong-shape")
"""What is found where inputs do not fit, or where the backward pass is wrong: nobody can tell."""


def _accepts(subject: found.Subject, inputs: Inputs, seed: int) -> bool:
    """Whether gradients of the right shapes come back, so that their numbers can be judged."""
    report = _quickly(subject, inputs, seed)
    return report is not None and bool(report.rows) and not _unfit(report)


def _quickly(subject: found.Subject, inputs: Inputs, seed: int) -> Report | None:
    """A report without its lines; None where the forward pass raises."""
    with np.errstate(all="ignore"):
        try:
            return asked(subject, inputs, seed, {"effort": "directional", "lines": False})
        except Exception:
            return None


def _unfit(report: Report | None) -> list[str]:
    findings = [] if report is None else report.all_findings()
    return [finding.message for finding in findings if finding.code in UNFIT]


def _seen_on_the_way(subject: found.Subject, given: Inputs, seed: int) -> str:
    """What the backward pass does on inputs that the forward pass takes: the mistake may be there."""
    seen: list[str] = []

    def runs(inputs: Inputs) -> bool:
        return _runs(subject, {**inputs, **given})

    def noted(inputs: Inputs) -> bool:
        seen[:] = _unfit(_quickly(subject, {**inputs, **given}, seed))
        return bool(seen)

    guess = proposed(taking(subject), runs, noted, seed)
    if guess is None:
        return ""
    shown = ", ".join(_shown(name, value) for name, value in {**guess, **given}.items())
    return f"for {shown}: {seen[0]} If that is not the mistake, "


def taking(subject: found.Subject) -> Callable[..., Any]:
    """The function that takes the inputs: of a class its forward method, without self."""
    if subject.kind != "class":
        return subject.forward
    names = found.ways(subject.parts[0])  # type: ignore[arg-type]
    assert names is not None
    method = getattr(subject.parts[0], names[0])

    def forward(*inputs: Any) -> Any:
        raise NotImplementedError("only the signature is of use")

    parameters = list(inspect.signature(method).parameters.values())[1:]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    told = (method, subject.parts[0], subject.parts[0].__init__)
    forward.__doc__ = "\n".join(inspect.getdoc(one) or "" for one in told)
    return forward


def asked(subject: found.Subject, inputs: Inputs, seed: int, options: Mapping[str, Any]) -> Report:
    """The call that goes with its kind; inputs by position, so that no name meets an option's."""
    values, words = _arguments(subject, inputs)
    options = {"seed": seed, "name": subject.name, **options}
    match subject.kind:
        case "pair":
            options = {**words, **options}
            return gradcheck.check_pair(subject.parts[0], subject.parts[1], *values, **options)
        case "derivative":
            first, *data = values
            if data and isinstance(subject.parts[1](*values), (tuple, list)):
                raise TypeError(_several_gradients(subject))
            f, df = (_with_data(part, data) for part in subject.parts)
            return gradcheck.check_derivative(f, df, first, **options)
        case "class":
            return _of_class(subject, values, seed, {**words, **options})
        case _ if _is_loss(partial(subject.forward, **words), values):
            return gradcheck.check_loss(subject.forward, *values, **{**words, **options})
        case _:
            layer = partial(subject.forward, **words) if words else subject.forward
            return gradcheck.check(layer, *values, **options)


def _several_gradients(subject: found.Subject) -> str:
    name, given = subject.name, ", ".join(wanted(subject.forward))
    derivative = getattr(subject.parts[1], "__name__", f"{name}_gradient")
    return (
        f"{derivative} returns one gradient for each of {given}: put it beside the value, def "
        f"{name}_loss({given}): return {name}({given}), {derivative}({given}), with {name}_loss_inputs(rng)"
    )


def _with_data(function: Callable[..., Any], data: list[Any]) -> Callable[..., Any]:
    """A function of its first argument alone: cost(theta, X, y), and its gradient by theta, at these X and y."""
    names = list(inspect.signature(function).parameters)[1:] if data else []
    return partial(function, **dict(zip(names, data, strict=False))) if data else function


def _is_loss(function: Callable[..., Any], values: list[Any]) -> bool:
    """Whether a function returns a number and gradients, and not a value and a way back."""
    with np.errstate(all="ignore"):
        result = function(*[np.array(v) if isinstance(v, np.ndarray) else v for v in values])
    pair = isinstance(result, tuple) and len(result) > 1 and not any(map(callable, result))
    return pair and any(np.ndim(part) == 0 for part in result if not isinstance(part, (dict, list)))


def _of_class(
    subject: found.Subject, values: list[Any], seed: int, options: Mapping[str, Any]
) -> Report:
    made = subject.parts[0]
    if found.is_operation(made):
        return gradcheck.check_pair(made.forward, made.backward, Context(), *values, **options)  # type: ignore[attr-defined]
    forward, backward = found.ways(made) or ("forward", "backward")  # type: ignore[arg-type]
    ways: dict[str, Any] = {
        "forward": forward,
        "backward": backward,
        **_update(getattr(made, backward)),
    }
    problem: Exception | None = None
    for instance, note in _made(subject, seed):
        try:
            report = gradcheck.check_module(instance, *values, **ways, **options)
            return replace(report, findings=(*note, *report.findings))
        except Exception as error:
            problem = problem or error
    raise problem or TypeError(
        f"{subject.name} needs arguments to be made: write make_{subject.name}(rng) beside it"
    )


class Context:
    """What an operation's two static methods are handed: attributes, and what is saved for the way back."""

    def save_for_backward(self, *values: Any) -> None:
        """Keep values under each of the names that they are asked for by."""
        self.saved = self.saved_tensors = self.saved_values = values


def _update(method: Callable[..., Any]) -> dict[str, str]:
    """What says that a backward pass changes the weights itself: an argument for its step."""
    names = [name for name in inspect.signature(method).parameters if name.lower() in RATES]
    return {"update": names[0]} if names else {}


def _instances(subject: found.Subject, seed: int) -> Iterator[Any]:
    """The object, made in each way that may do."""
    return (instance for instance, _ in _made(subject, seed))


def _made(subject: found.Subject, seed: int) -> Iterator[tuple[Any, list[Finding]]]:
    """The object: as the file makes it, without arguments, or with small sizes that are tried, and said."""
    # Weights are drawn from NumPy's global generator more often than not.
    np.random.seed(seed)  # noqa: NPY002
    if subject.make is not None:
        takes = inspect.signature(subject.make).parameters
        yield subject.make(np.random.default_rng(seed)) if takes else subject.make(), []
        return
    made = subject.parts[0]
    needed = wanted(made)
    if len(needed) > MOST:
        return
    for combination in (*itertools.permutations((5, 2, 3, 7), len(needed)), *_arrays(needed)):
        try:
            instance = made(*combination)
        except Exception:
            continue
        yield instance, _proposed(subject.name, needed, combination)


def _proposed(name: str, needed: list[str], sizes: tuple[int, ...]) -> list[Finding]:
    """What is said of an object whose sizes nobody gave."""
    if not needed:
        return []
    given = ", ".join(f"{n}={_size(size)}" for n, size in zip(needed, sizes, strict=True))
    message = (
        f"The object is {name}({given}): that was proposed, as the file has no make_{name}(rng)."
    )
    return [said(message, sizes=given)]


def _size(value: Any) -> str:
    return str(value) if np.ndim(value) == 0 else f"array{np.shape(value)}"


def _arrays(needed: list[str]) -> Iterator[tuple[Any, ...]]:
    """Weights for a constructor that takes them: a matrix or kernels, with a bias of fitting size."""
    rng = np.random.default_rng(0)
    for weights, bias in (((5, 2), (2,)), ((2, 3, 3, 3), (2,))) if needed else ():
        yield tuple(rng.normal(size=bias if BIAS.match(name) else weights) for name in needed)


def _arguments(subject: found.Subject, inputs: Inputs) -> tuple[list[Any], Inputs]:
    """Inputs in their order, and by name what cannot stand there: keyword-only hyperparameters.

    A layer has no constants beside its inputs: its whole numbers, texts and flags go by name too.
    """
    function = taking(subject)
    known = inspect.signature(function).parameters
    words = {
        name: value
        for name, value in inputs.items()
        if name in known
        and (
            known[name].kind is inspect.Parameter.KEYWORD_ONLY
            or (subject.kind == "layer" and known[name].default is not known[name].empty)
        )
        and (known[name].kind is inspect.Parameter.KEYWORD_ONLY or isinstance(value, PLAIN))
    }
    return _in_order(function, {n: v for n, v in inputs.items() if n not in words}), words


def _in_order(function: Callable[..., Any], inputs: Inputs) -> list[Any]:
    """The values in the order of the signature.

    Raises:
        TypeError: for an input that the function does not have, or one that is missing in between.
    """
    names = input_names(function, len(inputs))
    strange = [name for name in inputs if name not in names]
    if strange:
        known = ", ".join(input_names(function, 0))
        raise TypeError(f"there is no input {strange[0]!r}; its inputs are {known}")
    given = [name for name in names if name in inputs]
    missing = [name for name in names[: len(given)] if name not in inputs]
    if missing:
        raise TypeError(f"input {missing[0]!r} is missing; it needs {', '.join(names)}")
    return [inputs[name] for name in given]
