"""The statements of both passes and what they give: sites, the labels of their values, each passing of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Label:
    """What a value of the backward pass is filed under: its name, or the input it is returned for.

    `function` is that of the helper whose local it is, nothing for the backward pass itself; `call`
    counts its calls, where they differ in shape.
    """

    name: str
    returned: bool = False
    function: str = ""
    call: int = 0

    def __str__(self) -> str:
        return f"d{self.name}" if self.returned else self.name

    @property
    def in_a_sentence(self) -> str:
        """As a message names it."""
        return f"the returned d{self.name}" if self.returned else self.name

    @property
    def variable(self) -> str:
        """The name by which statements read it."""
        return variable(self.name, self.function)


def variable(name: str, function: str = "") -> str:
    """A name with the helper whose local it is; what belongs to an object is no local."""
    return f"{function}::{name}" if function and not name.startswith("self.") else name


@dataclass(frozen=True)
class Site:
    """One statement that gives a value to a name: `z`, `self.z`, `cache["z"]`.

    `reads` are the variables it computes with; `whole` says whether it gives the name a new value, as
    `=` does, and does not write into one that is there, as `d[t] =` does; `in_place` whether what was
    there is changed, as by `+=` too; `path` leads to what stands in the return statement itself, in
    what is returned; `loop` is the line of the loop around it, `function` the helper it stands in, or that
    it hands an argument to if it is `handing`.
    """

    name: str
    line: int
    text: str
    reads: frozenset[str]
    whole: bool = True
    in_place: bool = False
    path: tuple[Any, ...] | None = None
    loop: int | None = None
    function: str = ""
    handing: bool = False

    @property
    def variable(self) -> str:
        """The name by which other statements read what this one computes."""
        return variable(self.name, self.function)

    @property
    def is_returned(self) -> bool:
        """Whether its value is returned, and has no name."""
        return self.path is not None

    @property
    def writes_into(self) -> bool:
        """Whether it changes a value that is there, wholly or in part."""
        return self.in_place or not self.whole

    @property
    def is_anonymous(self) -> bool:
        """Whether the name is ours: the user's statement computes on with the value at once."""
        return self.name.endswith(ACTIVATION)


ACTIVATION = " before its activation"
"""What the name of a value is followed by, where what goes into its activation is meant."""


@dataclass(frozen=True)
class Event:
    """One passing of a site of the backward pass: the value that the name has from then on.

    `call` counts the calls of the helper that the site stands in.
    """

    site: Site
    value: Any
    index: Any = None
    call: int = 0

    @property
    def everywhere(self) -> Any:
        """The index of the whole value: None where the name was given it, all of it where it was written into."""
        if self.site.whole:
            return None
        return slice(None) if isinstance(self.value, list) else ...

    @property
    def place(self) -> Any:
        """The index of what was written: of what a call has written into that is everything."""
        return self.everywhere if self.index is None else self.index


@dataclass
class Occurrences:
    """The values that one site of the forward pass gave to its name, in order.

    `indices` are the places it wrote to, where it wrote into one array piece by piece.
    """

    site: Site
    values: list[Any] = field(default_factory=list)
    indices: list[Any] = field(default_factory=list)


def item(name: str, key: str) -> str:
    """An item of a dictionary, as it is named here."""
    return f'{name}["{key}"]'
