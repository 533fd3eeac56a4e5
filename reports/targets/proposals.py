"""Inputs that a function accepts, found by trying shapes: those that its text tells first, then ordinary ones."""

from __future__ import annotations

import inspect
import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np

from gradcheck.binding import parameters_of, required
from gradcheck.forms.names import MASK, is_target
from gradcheck.layer import Function
from reports.targets.climbing import THROUGH, Far, climbed
from reports.targets.draws import (
    BATCH,
    LABELS,
    ORDINARY,
    PENALTY,
    PROBABILITIES,
    Draw,
    Inputs,
    between,
    count,
    filled,
    floats,
    labels,
    on,
    one_hot,
    penalty,
    word,
)
from reports.targets.regressions import of_a_model
from reports.targets.shapes import (
    PENALTIES,
    SIZES,
    Shape,
    are_as_many,
    are_no_less,
    biases_belong,
    biases_of,
    classified,
    counts,
    documented,
    held,
    indexing,
    keyed,
    lengths_of,
    readings_of,
    texts,
    told,
)
from reports.targets.texts import text_of

SHAPES: tuple[Shape, ...] = (
    *(ORDINARY, (5, 2), (5,), (2,), (3, 2), (2, 2), (), (5, 5), (3,), (4, 3)),
    *((2, 5, 5, 3), (2, 3, 5, 5), (3, 3, 3, 2), (2, 3, 3, 3), (3, 4, 5), (2, 3, 7), (1, 5), (5, 1)),
    *((1, 5, 6), (2, 1, 6, 5), (2, 6, 5, 1)),
)
"""Shapes that are tried for inputs of which nothing is known, ordinary ones first."""

ADDED: tuple[Shape, ...] = ((2,), (5,), (1, 1, 1, 2), (3,), (5, 1), (1, 5), (2, 1), ())
"""Shapes that are tried for a bias: one number for each feature, of rows, of images, in a column."""

WHOLE: tuple[Shape, ...] = ((3,), (), (5,), (3, 4), (3, 1))
"""Shapes that are tried for labels: one for each row, or for each entry of something."""


SECONDS = 5.0
"""How long shapes are tried, of this process's own time: what else the machine does finds no other inputs."""

LONGEST = 64
"""Numbers in the longest vector that is tried, in which a function may keep all of its parameters."""

TRIES = 20_000
"""How many combinations are tried: all of three inputs, the seven likeliest shapes of each of five."""

LIKELY = 2_500
"""How many others are tried where some fit already: the seven likeliest shapes of each of four inputs."""


OUTER = re.compile(r"\bouter\((\w+), *(\w+)\)")
"""What is a row of numbers and no batch of them, whatever else a text does with it."""

FLAG = re.compile(r"^(is_?)?train(ing|_?flg|_?mode)?$", re.IGNORECASE)
"""Names of what says that a pass is one of training."""

STATE = re.compile(r"^(h|c|s|a|state|hidden|cell)(_?(prev|previous|0|t|tm1|next|in|old|last))*$")
"""Names of what a recurrent cell hands on to the next step."""


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


COUNTS, WINDOWS = (4, 2, 3, 5, 7, 6, 8), (3, 2, 1)
"""What inputs are told that count something: different lengths; a window, its stride, what is put around."""

WINDOW = re.compile(r"^(k|f|s|size|(kernel|pool|filter|window|stride|pad)\w*)$", re.IGNORECASE)
STEP = re.compile(r"^(s|(stride|pad)\w*)$", re.IGNORECASE)
"""How a window's length and its stride are called; one as long as the window would let nothing overlap."""


def _counted(function: Function) -> dict[str, Sequence[Draw]]:
    """The numbers for what counts something."""
    windows, steps, others = iter(WINDOWS), iter(WINDOWS[1:]), iter(COUNTS)
    kinds = (
        (name, steps if STEP.match(name) else windows if WINDOW.match(name) else others)
        for name in counts(function)
    )
    return {name: [partial(count, next(kind, 2))] for name, kind in kinds}


def _penalties(function: Function) -> Inputs:
    """What is proposed for the penalties that a function leaves at 0, and for numbers that go by name alone."""
    parameters = inspect.signature(function).parameters.values()
    return {p.name: PENALTY for p in parameters if _is_a_weight(p)}


def _is_a_weight(p: inspect.Parameter) -> bool:
    by_name_alone = p.kind is p.KEYWORD_ONLY and p.default is p.empty
    return by_name_alone or (p.default == 0.0 and bool(PENALTIES.match(p.name)))


def wanted(function: Function) -> list[str]:
    """The inputs that a function needs: positional, without a default."""
    return ["x"] if parameters_of(function) is None else required(function)


def proposed(
    function: Function,
    far: Callable[[Inputs], Far],
    accepts: Callable[[Inputs], bool],
    seed: int,
    sizes: Shape = (),
    text: str = "",
    besides: bool = False,
    given: Inputs | None = None,
) -> Inputs | None:
    """Inputs that a layer accepts beside those given, found by trying; None if nothing was found in time.

    Shapes are those that its docstring names, as in "x (N, D)", or its text shows, then ordinary ones; an
    axis is likely to have one of the `sizes`. How `far` the forward pass comes is asked often; whether
    gradients of the right shapes come back, `accepts`, is asked of those on which it runs. In a `text` of a
    logarithm and no exponential all numbers lie between 0 and 1. What is not found so is searched step by step.
    Besides what names alone speak for only the likely are tried.
    """
    every, penalties = wanted(function), _penalties(function)
    names = [name for name in every if name not in (given or {})]
    rows = {name for pair in OUTER.findall(text) for name in pair}
    likely, *others = (
        {name: shape for name, shape in read.items() if name not in rows}
        for read in readings_of(function, names)
    )

    def free(draws: Sequence[Draw]) -> Inputs:
        return _made(dict(zip(names, draws, strict=True)), seed, penalties, text)

    def made(draws: Sequence[Draw]) -> Inputs:
        # Afresh each time: what runs may write into what it is given.
        inputs = {**free(draws), **deepcopy(given or {})}
        return {name: inputs[name] for name in dict.fromkeys((*every, *inputs))}

    def are_enough(draws: Sequence[Draw]) -> bool:
        inputs = free(draws)
        told = are_no_less(inputs, likely) or any(are_as_many(inputs, read) for read in others)
        return told and biases_belong(inputs, likely)

    def run(draws: Sequence[Draw]) -> bool:
        return far(made(draws)) == THROUGH

    choices = _choices(function, names, sizes, text)
    ordinary = itertools.chain(
        _of_one_batch(names, sizes, choices, _indices(function)), _plain_first(choices)
    )
    some = itertools.islice(ordinary, LIKELY if besides else TRIES)
    at_once = filter(run, filter(are_enough, _in_time(some)))
    sized = _sized(function, names, choices)
    by_steps = filter(are_enough, climbed(choices, sized, lambda d: far(made(d)), SECONDS))
    # Of a function that is told sizes no ordinary shapes are likely.
    ways = (by_steps, at_once) if counts(function) else (at_once, by_steps)
    # What is known of a model by its names needs no telling.
    models = filter(run, of_a_model(names))
    several = at_once if besides else itertools.chain(models, *ways)
    return next((made(draws) for draws in several if accepts(made(draws))), None)


def _in_time(several: Iterator[Any]) -> Iterator[Any]:
    """What comes within the time that is given to it."""
    until = time.process_time() + SECONDS
    return itertools.takewhile(lambda _: time.process_time() < until, several)


def _sized(
    function: Function, names: Sequence[str], choices: Sequence[Sequence[Draw]]
) -> list[Sequence[Draw]]:
    """The choices, with arrays of all sizes that the function is told or has in its module, and vectors of any."""
    asked = counts(function)
    sizes = dict.fromkeys([*lengths_of(function), *SIZES[: len(asked) + 3]])
    likely = [*itertools.product(sizes, sizes), *((n,) for n in sizes)]

    def more(name: str, usual: Sequence[Draw]) -> Sequence[Draw]:
        if not usual[1:]:
            return usual
        sized, vectors = (
            [floats(name, shape) for shape in shapes]
            for shapes in (likely, [(n,) for n in range(1, LONGEST)])
        )
        return [usual[0], *sized, *usual[1:], *vectors]

    return list(map(more, names, choices))


def are_told(function: Function, inputs: Inputs) -> bool:
    """Whether a function's text tells the shapes of all its inputs, and they have these."""
    names = wanted(function)
    shapes = told(function, names)
    known = {*held(function, names), *texts(function, names), *indexing(function)}
    known |= {name for name in names if PENALTIES.match(name) or FLAG.match(name)}
    return all(n in known or np.shape(inputs[n]) == shapes.get(n) for n in names)


def are_square(function: Function, inputs: Inputs) -> bool:
    """Whether a matrix is as high as wide though the text does not say so: more than what is meant fits it."""
    names = wanted(function)
    meant = told(function, names)
    shapes = ((name, np.shape(inputs[name])) for name in names)
    return any(
        len(shape) == 2 and shape[0] == shape[1] > 1 and meant.get(name) != shape
        for name, shape in shapes
    )


def _made(draws: Mapping[str, Draw], seed: int, penalties: Inputs, text: str) -> Inputs:
    rng = np.random.default_rng(seed)
    within = between if "log(" in text and "exp(" not in text else lambda drawn: drawn
    return {**{name: within(draw(rng)) for name, draw in draws.items()}, **penalties}


def _plain_first(choices: Sequence[Sequence[Draw]]) -> Iterator[tuple[Draw, ...]]:
    """All combinations, those of early choices first: each depth brings only what is new in it."""
    for depth in range(max(map(len, choices), default=1)):
        for numbers in itertools.product(*(range(min(depth + 1, len(c))) for c in choices)):
            if max(numbers, default=0) == depth:
                yield tuple(c[k] for c, k in zip(choices, numbers, strict=True))


def _of_one_batch(
    names: Sequence[str], sizes: Shape, choices: Sequence[Sequence[Draw]], indices: set[str]
) -> Iterator[tuple[Draw, ...]]:
    """Several inputs of an object with so many features each: a batch of rows, of columns, one of either."""
    # What is carried from step to step is one size throughout.
    kinds = ["state" if STATE.match(name) else name for name in names]
    rows, columns = (lambda n: (BATCH, n)), (lambda n: (n, BATCH))
    column, row = (lambda n: (n, 1)), (lambda n: (n,))
    # What is taken step by step by its indices is one sequence, and no batch.
    for shaped in (column, row, rows, columns) if indices else (rows, columns, column, row):
        for lengths in itertools.product(sizes, repeat=len(set(kinds))) if names[1:] else ():
            length = dict(zip(dict.fromkeys(kinds), lengths, strict=True))
            several = (
                usual[:2]
                if is_target(name) or FLAG.match(name) or name in indices
                else [floats(name, shaped(length[kind]))]
                for name, kind, usual in zip(names, kinds, choices, strict=True)
            )
            yield from itertools.product(*several)


def _choices(
    function: Function, names: Sequence[str], sizes: Shape, text: str
) -> list[Sequence[Draw]]:
    """For each input what it may be, the likely first."""
    likely: tuple[Shape, ...] = ()
    if sizes[1:]:
        likely = ((BATCH, sizes[0]), (BATCH, sizes[1]), (sizes[1], BATCH), (sizes[1],))
    elif sizes:
        # Square matrices alone: a batch of rows, or of sequences.
        likely = ((BATCH, sizes[0]), (2, BATCH, sizes[0]))
    said, readings = documented(function, names), readings_of(function, names)
    indices, biases, kinds = _indices(function), biases_of(names), classified(function)
    # What is transposed has two axes: a row of numbers would be what it is, and mean something else.
    columns_first = len(names) == 1 and ".T" in text
    usual = sorted(SHAPES, key=lambda s: len(s) == 1) if columns_first else SHAPES
    options: dict[str, Sequence[Draw]] = {
        **{name: [] for name in keyed(function)},
        **{name: [partial(filled, shapes)] for name, shapes in held(function, names).items()},
        **{n: [partial(word, w) for w in words] for n, words in texts(function, names).items()},
        **_options(function, names),
        **_counted(function),
        **{name: [on] for name in filter(FLAG.match, names)},
        **{name: [penalty] for name in filter(PENALTIES.match, names)},
    }

    def choice(name: str) -> Sequence[Draw]:
        if name in said:
            return _told(name, said[name])
        first = dict.fromkeys(shapes[name] for shapes in readings if name in shapes)
        if name == "t" and "y" in names:
            # A time at which y was measured, and no target.
            return [floats(name, shape) for shape in SHAPES]
        # Of the logarithm of a probability: what is compared with it is a class.
        classes = [one_hot] if is_target(name) and "log(" in text else []
        if name in kinds:
            return [partial(labels, size=shape) for shape in (*first, *WHOLE, *SHAPES)]
        if name in biases:
            return [floats(name, shape) for shape in (*first, *ADDED)]
        return _likely(name, (*first, usual[0], *likely, *usual[1:]), classes, name in indices)

    return [options[name] if name in options else choice(name) for name in names]


def _indices(function: Function) -> set[str]:
    """The inputs that are indices: neither targets, which have rules of their own, nor masks."""
    return {n for n in indexing(function) if not (is_target(n) or MASK.match(n))}


def _told(name: str, shape: Shape) -> Sequence[Draw]:
    """An input whose shape is documented: numbers, or labels, as its name has it."""
    either: list[Draw] = [floats(name, shape), partial(labels, size=shape)]
    if LABELS.match(name):
        return either[::-1]
    return either if name == "y" else either[:1]


def _likely(
    name: str, shapes: Sequence[Shape], classes: Sequence[Draw], is_index: bool
) -> Sequence[Draw]:
    """An input of unknown shape: numbers, with whole ones between, for rows are asked for by many names."""
    numbers = [floats(name, shape) for shape in shapes]
    whole = [partial(labels, size=shape) for shape in WHOLE]
    if classes or is_index or LABELS.match(name):
        # What is called a target is as often an array like the prediction.
        return [*whole[:1], *classes, *numbers[:1], *whole[1:], *numbers[1:]]
    # What is called y is a target of a regression as often as a label.
    return [*numbers[:3], *(whole if name == "y" else whole[:1]), *numbers[3:]]


def _options(function: Function, names: Sequence[str]) -> dict[str, Sequence[Draw]]:
    """For each parameter that is read by known keys alone, as in conv_param["stride"], dicts of options."""
    text = text_of(function)
    read = {
        name: re.findall(rf"\b{re.escape(name)}\[[\"'](\w+)[\"']\](?!\s*=[^=])", text)
        for name in names
    }
    return {
        name: _with_either_stride({key: OPTIONS[key] for key in keys})
        for name, keys in read.items()
        if keys and OPTIONS.keys() >= set(keys)
    }


def _with_either_stride(options: dict[str, Any]) -> Sequence[Draw]:
    """The options; then with a stride of 1, which fits wherever windows must cover everything."""
    both = [options, *([{**options, "stride": 1}] if "stride" in options else [])]
    return [partial(_copied, one) for one in both]


def _copied(options: dict[str, Any], _: np.random.Generator) -> dict[str, Any]:
    return dict(options)


def template(name: str, function: Function, guess: Inputs) -> str:
    """A function to paste that returns the inputs: as in a guess, else as the function's text shows them."""
    names = wanted(function)
    shapes = told(function, names)
    items = (f'"{n}": {_text(n, guess.get(n), shapes.get(n, ORDINARY))}' for n in names)
    return f"def {name}_inputs(rng): return {{{', '.join(items)}}}"


def _text(name: str, value: Any, shape: Shape) -> str:
    """How an input is drawn, in Python."""
    if isinstance(value, dict) and value and all(isinstance(v, np.ndarray) for v in value.values()):
        return f"{{{', '.join(f'{key!r}: {_text(key, v, ())}' for key, v in value.items())}}}"
    if isinstance(value, (dict, str)):
        return repr(value)
    size = f"size={shape if value is None else np.shape(value)}"
    if np.asarray(value).dtype.kind == "i":
        return f"rng.integers(0, 2, {size})"
    return f"rng.uniform(0.1, 0.9, {size})" if PROBABILITIES.match(name) else f"rng.normal({size})"
