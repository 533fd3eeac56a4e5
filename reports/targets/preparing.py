"""An object that is made ready before it runs: `build(input_shape)`, `initialize(optimizer)`, by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import numpy as np

from gradcheck.binding import required
from gradcheck.forms.adapting import RATE
from gradcheck.forms.optimizers import CALLED, Steps

PREPARE = re.compile(
    r"^_?(set_input_(shape|size|dim)|build|setup|connect_to"
    r"|init(iali[sz]e)?(_?(params?|parameters|weights|layer|optimi[sz]ers?))?)$",
    re.IGNORECASE,
)
"""How methods are called that make an object ready, in the order in which they are needed."""

SHAPE = re.compile(r"^(in(put)?_?)?shape$", re.IGNORECASE)
SIZE = re.compile(r"^(n_?in(puts?)?|in(put)?_?(size|dim|units|features))$", re.IGNORECASE)


def prepared(instance: Any, inputs: Sequence[Any]) -> Iterator[Any]:
    """The object ready for an input in each way that its methods have, where it has any; then as it is."""
    methods = sorted(_methods(instance), key=lambda name: not name.startswith("set_"))
    shape = np.shape(inputs[0]) if inputs else ()
    for fits in dict.fromkeys((shape[1:], shape)) if methods and shape else ():
        ready = deepcopy(instance)
        try:
            for name in methods:
                method = getattr(ready, name)
                method(*(_argument(one, fits) for one in required(method)))
        except Exception:
            continue
        yield ready
    yield instance


def _methods(instance: Any) -> list[str]:
    """The methods that make it ready, of those that it can be told everything of."""
    named = [name for base in type(instance).__mro__ for name in vars(base) if PREPARE.match(name)]
    mine = [name for name in dict.fromkeys(named) if inspect.isroutine(getattr(instance, name))]
    return [n for n in mine if all(map(_is_known, required(getattr(instance, n))))]


def _is_known(name: str) -> bool:
    return any(names.search(name) for names in (SHAPE, SIZE, CALLED))


def _argument(name: str, fits: Sequence[int]) -> Any:
    """What one of them is told: the input's shape, its features, or an optimizer that takes plain steps."""
    if CALLED.search(name):
        return Steps(RATE)
    return tuple(fits) if SHAPE.match(name) else fits[-1]
