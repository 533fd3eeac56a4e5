"""Where inputs come from: NAME_inputs(rng) in the file, `--input NAME=SPEC`, or a proposal that is said."""

from __future__ import annotations

import inspect
import itertools
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reports.errors import UserError

Inputs = dict[str, Any]

Draw = Callable[[np.random.Generator], Any]

SIZES = (3, 5, 2, 7, 4, 6, 8)
"""Lengths for the letters of a shape: different, so that a transposed matrix cannot fit by chance."""

SHAPES: tuple[tuple[int, ...], ...] = (
    (3, 5),
    (5, 2),
    (2,),
    (5,),
    (3, 2),
    (2, 2),
    (),
    (5, 5),
    (3,),
    (2, 5, 5, 3),
    (2, 3, 5, 5),
    (3, 3, 3, 2),
    (2, 3, 3, 3),
    (3, 4, 5),
)
"""Shapes that are tried for inputs of which nothing is known, ordinary ones first."""

SECONDS = 5.0
"""How long shapes are tried; nobody waits longer for a guess."""

LABELS = re.compile(
    r"^(y_?true|labels?|targets?|t|ids?|indices|classes|\w*(idx|index))$", re.IGNORECASE
)
"""Names of inputs that usually hold integers."""


PROBABILITIES = re.compile(r"^(p|probs?|probabilit\w+|y_?hat)$", re.IGNORECASE)
"""Names of inputs of which the logarithm is taken as they are."""

OPTIONS: dict[str, Any] = {
    "mode": "train",
    "stride": 2,
    "pad": 1,
    "pool_height": 2,
    "pool_width": 2,
    "p": 0.5,
    "seed": 0,
    "eps": 1e-5,
    "momentum": 0.9,
}
"""What the hyperparameters are that courses hand over in a dict; a stride of 1 would hide one that is left out."""


def drawn(draw: Callable[..., Any], seed: int, place: str, name: str) -> Inputs:
    """What NAME_inputs returns for a seeded generator.

    Raises:
        UserError: if it is no dict.
    """
    takes = inspect.signature(draw).parameters
    inputs = draw(np.random.default_rng(seed)) if takes else draw()
    if not isinstance(inputs, dict):
        raise UserError(
            f"{place}: {name}_inputs returned a {type(inputs).__name__}, expected a dict of arrays"
        )
    return inputs


def parsed(text: str) -> tuple[str, str]:
    """NAME=SPEC, taken apart.

    Raises:
        UserError: if there is no NAME or no SPEC.
    """
    name, equals, spec = text.partition("=")
    if not (name and equals and spec):
        raise UserError(f"--input {text!r}: expected NAME=SPEC, as in x=3,5 or labels=int:5:0..9")
    return name, spec


def of_spec(name: str, spec: str, rng: np.random.Generator | None = None) -> Any:
    """An input from its specification.

        3,5           normal numbers of shape (3, 5); float32:3,5 in that dtype
        int:5:0..9    integers from 0 to 9, of shape (5,)
        0.5           a number
        @weights.npy  the array in a file; @data.npz:W one of several

    Raises:
        UserError: for a specification that is none of these; the text names the input.
    """
    if spec.startswith("@"):
        return _from_file(name, spec[1:])
    if rng is None:
        raise UserError(f"--{name} {spec}: expected @FILE.npy")
    integers = re.fullmatch(r"int:([\d,]*):(-?\d+)\.\.(-?\d+)", spec)
    if integers:
        low, high = int(integers[2]), int(integers[3])
        return rng.integers(low, high + 1, _shape(integers[1]))
    floats = re.fullmatch(r"(?:(float32|float64):)?(\d+(?:,\d+)*,?)", spec)
    if floats:
        return rng.normal(size=_shape(floats[2])).astype(floats[1] or "float64")
    try:
        return float(spec)
    except ValueError:
        raise UserError(
            f"--input {name}={spec}: expected a shape (3,5), int:SHAPE:LOW..HIGH, a number with a "
            "point, or @FILE.npy"
        ) from None


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if part)


def _from_file(name: str, place: str) -> Any:
    path, _, member = place.partition(":")
    try:
        loaded = np.load(Path(path), allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded
        members = list(loaded)
        if member not in members:
            raise UserError(f"--input {name}=@{place}: {path} holds {', '.join(members)}")
        return loaded[member]
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"--input {name}=@{place}: cannot be read: {error}") from error


def template(name: str, forward: Callable[..., Any]) -> str:
    """A function to paste that returns the inputs, made from the signature."""
    shapes = _documented(forward)
    items = ", ".join(f'"{n}": rng.normal(size={shapes.get(n, "(3, 5)")})' for n in wanted(forward))
    return f"def {name}_inputs(rng): return {{{items}}}"


def wanted(forward: Callable[..., Any]) -> list[str]:
    """The inputs that a function needs: positional, without a default."""
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):
        return ["x"]
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.kind in kinds and p.default is p.empty]


def proposed(
    forward: Callable[..., Any],
    runs: Callable[[Inputs], bool],
    accepts: Callable[[Inputs], bool],
    seed: int,
    sizes: Sequence[int] = (),
) -> Inputs | None:
    """Inputs that a layer accepts, found by trying; None if nothing was found in time.

    Args:
        forward: the function that takes them; its docstring may name shapes, as in "x (N, D)".
        runs: whether its forward pass runs on such inputs, which is asked often.
        accepts: whether gradients of the right shapes come back, which is asked of those that run.
        seed: for their values.
        sizes: lengths that an axis of theirs is likely to have.
    """
    names = wanted(forward)
    known, options = _documented(forward), _options(forward)
    choices: list[Sequence[Draw]] = [
        options[name] if name in options else _candidates(name, known.get(name), sizes)
        for name in names
    ]
    until = time.monotonic() + SECONDS
    for combination in _plain_first(choices):
        if time.monotonic() > until:
            return None
        # Afresh each time: what runs may write into what it is given.
        made = partial(_made, dict(zip(names, combination, strict=True)), seed)
        if runs(made()) and accepts(made()):
            return made()
    return None


def _made(draws: dict[str, Draw], seed: int) -> Inputs:
    rng = np.random.default_rng(seed)
    return {name: draw(rng) for name, draw in draws.items()}


def _plain_first(
    choices: list[Sequence[Draw]],
) -> Iterator[tuple[Draw, ...]]:
    """All combinations, those of early choices first."""
    longest = max((len(c) for c in choices), default=1)
    for depth in range(1, longest + 1):
        for combination in itertools.product(*(range(min(depth, len(c))) for c in choices)):
            # Each depth brings only what is new in it.
            if depth == 1 or any(k == depth - 1 for k in combination):
                yield tuple(c[k] for c, k in zip(choices, combination, strict=True))


def _candidates(
    name: str, shape: tuple[int, ...] | None, sizes: Sequence[int] = ()
) -> Sequence[Draw]:
    likely = ((3, sizes[0]), (3, sizes[-1]), (sizes[-1],)) if sizes else ()
    shapes = (SHAPES[0], *likely, *SHAPES[1:]) if shape is None else (shape,)
    draw = _probabilities if PROBABILITIES.match(name) else _normal
    floats = [partial(draw, size=s) for s in shapes]
    integers = [partial(_labels, size=s) for s in ((3,), (), (5,), (3, 4)) if shape is None] or [
        partial(_labels, size=shape or ())
    ]
    if name == "y":
        # Targets of a regression as often as labels.
        return [*floats[:3], *integers, *floats[3:]]
    if LABELS.match(name):
        # What is called a target is as often an array like the prediction.
        return [*integers[:1], *floats[:1], *integers[1:], *floats[1:]]
    # Rows of a table are asked for under many names.
    return [*floats[:3], *integers[:1], *floats[3:]] if shape is None else floats


def _normal(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
    return rng.normal(size=size)


def _probabilities(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
    return rng.uniform(0.1, 0.9, size=size)


def _labels(rng: np.random.Generator, size: tuple[int, ...]) -> Any:
    return rng.integers(0, 2, size)


def _options(forward: Callable[..., Any]) -> dict[str, Sequence[Draw]]:
    """For each parameter that is read by known keys alone, as in conv_param["stride"], dicts of options."""
    try:
        text = inspect.getsource(forward)
    except (OSError, TypeError):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name in wanted(forward):
        keys = re.findall(rf"\b{re.escape(name)}\[[\"'](\w+)[\"']\](?!\s*=[^=])", text)
        if keys and all(key in OPTIONS for key in keys):
            found[name] = {key: OPTIONS[key] for key in keys}
    return {name: _with_either_stride(options) for name, options in found.items()}


def _with_either_stride(options: dict[str, Any]) -> Sequence[Draw]:
    """The options; then with a stride of 1, which fits wherever windows must cover everything."""
    both = [options, *([{**options, "stride": 1}] if "stride" in options else [])]
    return [partial(_copied, one) for one in both]


def _copied(options: dict[str, Any], _: np.random.Generator) -> dict[str, Any]:
    return dict(options)


def _documented(forward: Callable[..., Any]) -> dict[str, tuple[int, ...]]:
    """Shapes that a docstring names, as in "x (N, D), W (D, M)"; a letter has one length throughout."""
    spare = itertools.cycle(SIZES)
    sizes: defaultdict[str, int] = defaultdict(lambda: next(spare))
    found: dict[str, tuple[int, ...]] = {}
    needed = wanted(forward)
    for name, inside in re.findall(r"(\w+)[`*]*:?\s*\(([\w\s,]*)\)", inspect.getdoc(forward) or ""):
        letters = _letters(inside)
        if name in needed and letters is not None:
            shape = tuple(int(one) if one.isdigit() else sizes[one] for one in letters)
            found.setdefault(name, shape)
    return found


def _letters(inside: str) -> list[str] | None:
    """What stands between the brackets of a shape: letters and numbers; None where it is something else."""
    parts = [part.strip() for part in inside.split(",") if part.strip()]
    return parts if all(re.fullmatch(r"\d+|[A-Za-z]\w?", part) for part in parts) else None
