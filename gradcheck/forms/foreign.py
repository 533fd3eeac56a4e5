"""What the frameworks share: a function of their tensors as a layer of arrays, its parameters as inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol, TypeVar

import numpy as np

from gradcheck.compare import relative_error
from gradcheck.forms.arguments import Arguments, parted
from gradcheck.forms.dice import kept_randomness
from gradcheck.forms.told import told
from gradcheck.layer import Adapted, Backward, Function, Layer
from gradcheck.meant import OPTIONS
from gradcheck.outputs import Outputs
from gradcheck.result import Array, Finding, Report
from gradcheck.trees import Leaf, children, copied, flat, rebuilt

COARSE = 0.1
"""How far a gradient in half precision may be from float32's: bfloat16 has an ε of 1/128, and sums of ten
or twenty roundings reach this; a mistake of a factor lies beyond it."""

Pull = Callable[[list[Array]], list[Array]]
"""From an upstream gradient for each output of floats to a gradient for each input of floats."""


class Room(Protocol):
    """What a framework has to say: how a function of its tensors is run, and what its tensors hold."""

    def array(self, value: Any) -> Any:
        """A tensor as an array, in the same memory where that can be; anything else as it is."""
        ...

    def like(self, tensor: Any, array: Array) -> Any:
        """An array as a tensor of another's dtype, on its device."""
        ...

    def run(
        self, call: Callable[[list[Any]], Any], leaves: Sequence[Array], parameters: Sequence[Array]
    ) -> tuple[Any, Pull]:
        """Call a function with tensors; returns its outputs and the way back through the framework."""
        ...


@dataclass(frozen=True, eq=False)
class Written:
    """The functions in which a user wrote a custom gradient, whose lines can be read.

    As in `Adapted`, `backward` is None for one that is written within the other; `assemble` makes the
    framework's function of two such functions again. `inputs` are the parameters that have a gradient, in
    the order in which theirs are returned.
    """

    forward: Function
    backward: Function | None
    assemble: Callable[[Function, Function | None], Function]
    inputs: tuple[str, ...]
    upstream: tuple[str, ...] | None = None

    def place(self, leaf: Leaf) -> tuple[Any, ...] | None:
        """What leads to the gradient of an input in what the backward pass returns; None without one."""
        name, *inner = leaf.path
        if leaf.value.dtype.kind != "f" or name not in self.inputs:
            return None
        return (self.inputs.index(name), *inner)


@dataclass(frozen=True)
class Tensors:
    """The dialect of a framework: its tensors are read as arrays, in lists and dicts too."""

    room: Room

    def array(self, value: Any) -> Any:
        """A tensor as an array."""
        return with_arrays(value, self.room)

    def like(self, value: Any, array: Array) -> Any:
        """An array as a tensor, where `value` is one."""
        return self.room.like(value, array) if self.array(value) is not value else array


@dataclass(frozen=True, eq=False)
class Subject:
    """What is checked: a function of tensors, what a report calls it, its parameters, which are moved too.

    The signature of `called` names the inputs; `written` are the functions of a custom gradient.
    """

    function: Function
    called: Function
    name: str
    parameters: Mapping[str, Array] = field(default_factory=dict)
    written: Written | None = None


@dataclass(frozen=True, eq=False)
class Foreign:
    """A framework's function with its inputs.

    `halved` is the room in which it computes in half precision, where that is what it was given: its
    formula is judged in float32 then, and what it returns in half precision beside that.
    """

    subject: Subject
    room: Room
    arguments: Arguments
    halved: Room | None = None

    def run(
        self, arrays: Sequence[Array], room: Room | None = None, function: Function | None = None
    ) -> tuple[tuple[Any, ...], Pull]:
        """The outputs as arrays, and the way back; in another room, or of another function."""
        room, function = room or self.room, function or self.subject.function
        count = len(self.arguments.tree.leaves)

        def call(tensors: list[Any]) -> Any:
            given = self.arguments.filled(tensors)
            return function(*given.args, **given.kwargs)

        outputs, pull = room.run(call, arrays[:count], arrays[count:])
        return (copied(with_arrays(outputs, room)),), pull

    def check(self, options: dict[str, Any]) -> Report:
        """Check it."""
        leaves = self.arguments.tree.leaves
        values = [leaf.value for leaf in leaves] + list(self.subject.parameters.values())
        taken = [leaf.name for leaf in leaves]
        names = taken + [n if n not in taken else f"self.{n}" for n in self.subject.parameters]
        with kept_randomness():
            outputs = Outputs.of(self.run(values)[0])
            layer = self._adapted(tuple(names), outputs)
            return told(layer, values, list(self._in_half(values, outputs)), **options)

    def _in_half(self, values: Sequence[Array], outputs: Outputs) -> Iterator[Finding]:
        """How far the gradients in half precision are from those in float32."""
        if self.halved is None:
            return
        upstream = outputs.packing.unpacked(outputs.random(0))
        single = self.run(values)[1](upstream)
        half = self.run(values, self.halved)[1](upstream)
        pairs = zip(half, single, strict=True)
        apart = [relative_error(a.astype(np.float64), b.astype(np.float64)) for a, b in pairs]
        worst = max(apart, default=0.0)
        yield Finding(
            "low-precision",
            "The formula was judged in float32. In half precision the gradients are within "
            f"{worst:.1e} of that{', which rounding does not explain' if worst > COARSE else ''}.",
            {"relative_error": worst},
            fails=not worst <= COARSE,
        )

    def _adapted(self, names: tuple[str, ...], outputs: Outputs) -> Adapted:
        """The function as a layer, whose lines can be read if they are those of a custom gradient."""
        subject, leaves = self.subject, self.arguments.tree.leaves
        written, function = subject.written, subject.function
        if written is None or subject.parameters:
            whole = self.layer(outputs, leaves, function)
            return Adapted(subject.name, names, function, None, lambda *_: whole)

        def assembled(forward: Function, backward: Function | None) -> Layer:
            own = forward is written.forward and backward is written.backward
            changed = function if own else written.assemble(forward, backward)
            return self.layer(outputs, leaves, changed)

        return Adapted(
            subject.name,
            names,
            written.forward,
            written.backward,
            assembled,
            upstream=written.upstream,
            gradients=tuple(map(written.place, leaves)),
            inside=written.backward is None,
            dialect=Tensors(self.room),
        )

    def layer(self, outputs: Outputs, leaves: Sequence[Leaf], function: Function) -> Layer:
        """A function of tensors as a layer of arrays."""
        floats = [leaf.value.dtype.kind == "f" for leaf in leaves] + [True] * len(
            self.subject.parameters
        )

        def layer(*arrays: Array) -> tuple[Any, Backward]:
            values, pull = self.run(arrays, function=function)

            def backward(dy: Array) -> list[Array | None]:
                found = iter(pull(outputs.packing.unpacked(dy)))
                # What the framework returns may be its own memory, or one tensor for two inputs.
                return [np.array(next(found)) if is_float else None for is_float in floats]

            return outputs.packed(values), backward

        return layer


HALVES = ("float16", "bfloat16")
"""The dtypes of half precision, which is coarser than the checker's steps can be."""


T = TypeVar("T")


def in_half(room: T, given: Any) -> T | None:
    """A framework computing in the half precision that is found among arrays and tensors; None if none is."""
    names = map(_dtype_name, flat(given, lambda value: hasattr(value, "dtype")))
    half = next(filter(HALVES.__contains__, names), None)
    return replace(room, half=half) if half else None  # type: ignore[type-var]


def _dtype_name(value: Any) -> str:
    """The name of an array's or a tensor's dtype: `torch.float16` is float16."""
    return str(getattr(value.dtype, "name", str(value.dtype).rpartition(".")[-1]))


def in_single(value: Any) -> Any:
    """An array of half precision in float32; anything else as it is."""
    half = isinstance(value, np.ndarray) and value.dtype.name in HALVES
    return value.astype(np.float32) if half else value


def with_arrays(value: Any, room: Room) -> Any:
    """A tree with arrays for a framework's tensors."""
    found = room.array(value)
    if isinstance(found, np.ndarray):
        return found
    inner = [with_arrays(item, room) for _, item in children(value)]
    return rebuilt(value, inner) if inner else value


def checked(
    subject: Subject,
    inputs: Sequence[Any],
    named: Mapping[str, Any],
    room: Room,
    halved: Room | None,
) -> Report:
    """Check a framework's function at tensors, arrays, trees of them, and constants.

    `halved` is the framework in half precision, if that is what they are in.
    """
    options, by_word = parted(named, OPTIONS)
    here = [with_arrays(value, room) for value in inputs]
    by_word = {key: with_arrays(value, room) for key, value in by_word.items()}
    arguments = Arguments.of(subject.called, here, by_word)
    return Foreign(subject, room, arguments, halved).check(options)


def installed(package: str) -> Any:
    """A framework, imported when it is needed.

    Raises:
        ModuleNotFoundError: if it is not installed; the text says how it is.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        how = f"check_{package} needs {package}: pip install 'gradcheck[{package}]'"
        raise ModuleNotFoundError(how, name=package) from None
