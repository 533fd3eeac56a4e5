"""How a subject is asked: the call that goes with its kind, with its inputs in their order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial, wraps
from typing import Any

import numpy as np

import gradcheck
from gradcheck.binding import input_names
from gradcheck.forms.arguments import written_down
from gradcheck.forms.loss import has_its_value
from gradcheck.forms.names import THE_INPUT, is_parameter, is_target
from gradcheck.forms.saying import said
from gradcheck.forms.scored import called
from gradcheck.forms.slopes import differentiated, of_one_input
from gradcheck.layer import Function
from gradcheck.layer import name_of as function_name
from gradcheck.result import Report
from reports.errors import did_you_mean
from reports.targets.classes import Context, is_operation, step_of, ways
from reports.targets.draws import Inputs
from reports.targets.found import Subject, score_in
from reports.targets.making import objects
from reports.targets.preparing import prepared
from reports.targets.proposals import wanted
from reports.targets.texts import text_of

PLAIN = (bool, int, str, type(None))
"""What a hyperparameter is that has a default: a stride, a mode, a flag; a float may be an input."""


STATIC = (staticmethod, classmethod)
"""What takes no object first, as it is reached through its class."""


def taking(subject: Subject) -> Function:
    """The function that takes the inputs: of a class its forward method, without self.

    Of a model with a loss of its own it takes the target too.
    """
    return called(going_forward(subject), score_in(subject))


def going_forward(subject: Subject) -> Function:
    """The function that takes the inputs of the forward pass alone."""
    if subject.made is None:
        return _with_labels(subject.forward) if subject.kind == "layer" else subject.forward
    names = ways(subject.made)
    assert names is not None
    method = getattr(subject.made, names[0])

    def forward(*inputs: Any) -> Any:
        raise NotImplementedError("only the signature and the text are of use")

    is_static = isinstance(inspect.getattr_static(subject.made, names[0]), STATIC)
    # Before the inputs there is the object, or the context that an operation's methods share.
    first = int(not is_static or is_operation(subject.made))
    parameters = list(inspect.signature(method).parameters.values())[first:]
    forward.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    if names[0] == names[1]:
        forward = _with_labels(forward)
    forward.__wrapped__ = method  # type: ignore[attr-defined]
    told = (method, subject.made, subject.made.__init__)  # type: ignore[misc]
    forward.__doc__ = "\n".join(inspect.getdoc(one) or "" for one in told)
    return forward


def _with_labels(loss: Function) -> Function:
    """A loss that is given its labels: without them it returns its scores."""
    signature = inspect.signature(loss)
    several = list(signature.parameters.values())
    if not any(map(_is_left_out, several)):
        return loss

    @wraps(loss)
    def given(*inputs: Any, **named: Any) -> Any:
        return loss(*inputs, **named)

    needed = [p.replace(default=p.empty) if _is_left_out(p) else p for p in several]
    given.__signature__ = signature.replace(parameters=needed)  # type: ignore[attr-defined]
    return given


def _is_left_out(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is for labels, which need not be given."""
    return parameter.default is None and is_target(parameter.name)


def asked(subject: Subject, inputs: Inputs, seed: int, options: Mapping[str, Any]) -> Report:
    """The call that goes with its kind; inputs by position, so that no name meets an option's."""
    values, words = Taking.of(subject).arguments(inputs)
    call = ASKED[subject.kind]
    return call(subject, values, words, {"seed": seed, "name": subject.name, **options})


def _pair(subject: Subject, values: list[Any], words: Inputs, options: Inputs) -> Report:
    return gradcheck.check_pair(*subject.parts, *values, **{**words, **options})


def _derivative(subject: Subject, values: list[Any], words: Inputs, options: Inputs) -> Report:
    subject = with_words(subject, words)
    f, df = subject.parts
    if are_coordinates(subject, values):
        whole = (lambda x: f(*x)), (lambda x: df(*x))
        return gradcheck.check_derivative(*whole, np.array(values), **options)
    if belongs_to_some(subject, values):
        return _pair(subject, values, words, options)
    if values[1:] and isinstance(_gradient(df, values), (tuple, list)):
        raise TypeError(_several_gradients(subject))
    at = differentiated(wanted(f), values)
    f, df = (of_one_input(function, values, at) for function in subject.parts)
    report = gradcheck.check_derivative(f, df, values[at], **options)
    (mine, *_), (its, *others) = map(wanted, subject.parts)
    if report.passed or others or its in {mine, *THE_INPUT}:
        return report
    # sigmoid_derivative(s) of s = sigmoid(x), as those write it who have the value at hand.
    of_value = gradcheck.check_derivative(f, lambda x: df(f(x)), values[at], **options)
    names = list(map(function_name, subject.parts))
    remark = said(
        f"{names[1]} was handed the value of {names[0]}: it calls that {its}, and not {mine}."
    )
    return replace(of_value, findings=(*of_value.findings, remark)) if of_value.passed else report


def with_words(subject: Subject, words: Inputs) -> Subject:
    """The subject with what goes by name alone given to its functions."""
    bound = tuple(partial(part, **words) for part in subject.parts)
    return replace(subject, parts=bound) if words else subject


def are_coordinates(subject: Subject, values: list[Any]) -> bool:
    """Whether a function of several numbers has one gradient, an array of as many: f(x, y) and [df/dx, df/dy]."""
    f, df = subject.parts
    if not values[1:] or any(map(np.ndim, values)) or np.ndim(f(*values)):
        return False
    gradient = df(*values)
    return isinstance(gradient, (np.ndarray, list)) and np.shape(gradient) == (len(values),)


def has_one_each(subject: Subject, values: list[Any]) -> bool:
    """Whether a function of several numbers has a tuple of derivatives, one by each: (df/dx, df/dy)."""
    gradient = subject.parts[1](*values)
    return isinstance(gradient, tuple) and len(gradient) == len(values) > 1 == np.size(gradient[0])


def belongs_to_some(subject: Subject, values: list[Any]) -> bool:
    """Whether a loss's gradient by one of several inputs says which: there are several, or one is a parameter."""
    f, df = subject.parts
    if not values[1:] or np.ndim(f(*values)):
        return False
    several = isinstance(_gradient(df, values), (tuple, list, dict))
    return several or any(map(is_parameter, wanted(f)))


def _gradient(df: Function, values: list[Any]) -> Any:
    """What a gradient returns: one list of numbers, of an input's shape, is one gradient."""
    return written_down(df(*values), set(map(np.shape, values)))


def _several_gradients(subject: Subject) -> str:
    name, given = subject.name, ", ".join(wanted(subject.forward))
    derivative = getattr(subject.parts[1], "__name__", f"{name}_gradient")
    return (
        f"{derivative} returns one gradient for each of {given}: put it beside the value, def "
        f"{name}_loss({given}): return {name}({given}), {derivative}({given}), with {name}_loss_inputs(rng)"
    )


def _layer(subject: Subject, values: list[Any], words: Inputs, options: Inputs) -> Report:
    """A layer; a loss looks like one until it is called."""
    layer = partial(subject.forward, **words) if words else subject.forward
    if is_loss(layer, values):
        return gradcheck.check_loss(subject.forward, *values, **{**words, **options})
    return gradcheck.check(layer, *values, **options)


def is_loss(function: Function, values: list[Any]) -> bool:
    """Whether a function returns a number and gradients, and not a value and a way back."""
    try:
        return _is_number_beside(_called(function, values))
    except Exception as error:
        # Of a layer, a way back does not run before its value is returned.
        if has_its_value(error, getattr(function, "func", function)):
            return True
        raise


@np.errstate(all="ignore")
def _called(function: Function, values: list[Any]) -> Any:
    return function(*[np.array(v) if isinstance(v, np.ndarray) else v for v in values])


def is_whole(subject: Subject, result: Any) -> bool:
    """Whether what a function returns may be checked: of a loss or a layer a number or a way back is there."""
    if subject.kind != "layer" or not isinstance(result, (tuple, list)):
        return True
    return any(map(callable, result)) or _is_number_beside(result)


@np.errstate(all="ignore")
def is_one_of_a_loop(subject: Subject, given: Inputs, inputs: Inputs) -> bool:
    """Whether what a function with a loop returns has an axis of length one or none: no windows overlap."""
    if subject.made is not None or "range(" not in text_of(subject.forward):
        return False
    values, words = Taking.of(subject).arguments({**inputs, **given})
    result = subject.forward(*values, **words)
    first = result[0] if isinstance(result, tuple) and result else result
    # What lies in a list is no array of windows.
    return min(getattr(first, "shape", ()), default=2) < 2


def _is_number_beside(result: Any) -> bool:
    if not isinstance(result, (tuple, list)) or len(result) < 2 or any(map(callable, result)):
        return False
    parts = (part for part in result if not isinstance(part, (dict, list, tuple)))
    # A number in brackets may be one of a broadcast that nobody meant: it is for the user to say.
    return any(np.ndim(part) == 0 for part in parts)


def _class(subject: Subject, values: list[Any], words: Inputs, options: Inputs) -> Report:
    """An object, made in each way that may do, until one can be checked."""
    made, given = subject.made, {**words, **options}
    assert made is not None
    if is_operation(made):
        return gradcheck.check_pair(made.forward, made.backward, Context(), *values, **given)  # type: ignore[attr-defined]
    forward, backward = ways(made) or ("forward", "backward")
    if forward != backward:
        given |= {"forward": forward, "backward": backward, **step_of(made, backward)}
    problem: Exception | None = None
    made_ready = (
        (ready, note)
        for instance, note in objects(made, subject.make, options["seed"])
        for ready in prepared(instance, values)
    )
    for instance, note in made_ready:
        try:
            if forward == backward:
                report = gradcheck.check_loss(getattr(instance, forward), *values, **given)
            else:
                report = gradcheck.check_module(instance, *values, **given)
            return replace(report, findings=(*note, *report.findings))
        except Exception as error:
            problem = problem or error
    raise problem or TypeError(
        f"{subject.name} needs arguments to be made: write make_{subject.name}(rng) beside it"
    )


ASKED: dict[str, Callable[[Subject, list[Any], Inputs, Inputs], Report]] = {
    "pair": _pair,
    "derivative": _derivative,
    "layer": _layer,
    "class": _class,
}
"""For each kind the call: of the subject, its inputs in order, hyperparameters by name, options."""


@dataclass(frozen=True, eq=False)
class Taking:
    """How the function that takes a subject's inputs takes them: read once, a search asks it of thousands."""

    kind: str
    known: Mapping[str, inspect.Parameter]
    names: Callable[[int], list[str]]
    needed: Sequence[str]

    @staticmethod
    def of(subject: Subject) -> Taking:
        """Of a subject; `names` are those of so many inputs."""
        function = taking(subject)
        known, names = inspect.signature(function).parameters, cache(partial(input_names, function))
        return Taking(subject.kind, known, names, wanted(function))

    def arguments(self, inputs: Inputs) -> tuple[list[Any], Inputs]:
        """Inputs in their order, and by name what cannot stand there: keyword-only hyperparameters.

        A layer has no constants beside its inputs: its whole numbers, texts and flags go by name too.
        """
        known = self.known
        words = {
            name: value
            for name, value in inputs.items()
            if name in known and _goes_by_name(known[name], value, self.kind)
        }
        return self._in_order({n: v for n, v in inputs.items() if n not in words}), words

    def _in_order(self, inputs: Inputs) -> list[Any]:
        """The values in the order of the signature.

        Raises:
            TypeError: for an input that the function does not have, or one that is missing in between.
        """
        names = self.names(len(inputs))
        strange = [name for name in inputs if name not in names]
        if strange:
            meant = did_you_mean(strange[0], names)
            known = ", ".join(self.names(0))
            raise TypeError(f"there is no input {strange[0]!r}{meant} (its inputs are {known})")
        given = [name for name in names if name in inputs]
        missing = [name for name in (*names[: len(given)], *self.needed) if name not in inputs]
        if missing:
            raise TypeError(
                f"input {missing[0]!r} is missing; the forward pass needs {', '.join(names)}"
            )
        return [inputs[name] for name in given]


def _goes_by_name(parameter: inspect.Parameter, value: Any, kind: str) -> bool:
    if parameter.kind is parameter.KEYWORD_ONLY:
        return True
    has_default = parameter.default is not parameter.empty
    return kind == "layer" and has_default and isinstance(value, PLAIN)
