"""What backward returned, laid to the inputs: one gradient for each, in order, None where there is none."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.binding import must_be_float
from gradcheck.compare import row_of, unseen
from gradcheck.conduct import Conduct
from gradcheck.result import Array, Finding, Row, Verdict, fault

Gradients = dict[int, Array | None]


@dataclass(frozen=True, eq=False)
class Returned:
    """The gradients by the position of their input, and which of them there is something to say about.

    `compared` are the positions to lay beside the witnesses. `unchecked` are inputs of floating dtype
    whose gradient is None although nobody said that they are constants.
    """

    gradients: Gradients
    compared: Sequence[int]
    unchecked: Sequence[int] = ()
    findings: Sequence[Finding] = ()


def assign(
    seen: Conduct,
    names: Sequence[str],
    inputs: Sequence[Array],
    wanted: Sequence[int],
    *,
    asked: bool,
    defaults: Sequence[str] = (),
) -> Returned:
    """Lay the returned gradients to the inputs.

    Where the user has `asked` for some, as many gradients as that will do; those of inputs that were left
    at their defaults may come too.

    Raises:
        TypeError: if there is a gradient for an input that no small step would move.
    """
    if seen.raised:
        return Returned({}, wanted)
    if asked and len(seen.gradients) == len(wanted) != len(names):
        return Returned(dict(zip(wanted, seen.gradients, strict=True)), wanted)
    laid = _Laid(dict(enumerate(seen.gradients[: len(names)])), names, inputs)
    findings = [*_count(len(seen.gradients), names, defaults), *_order(laid)]
    strange = laid.without_numbers()
    findings += [_no_numbers(names[p], laid.gradients[p]) for p in strange]
    wanted = [p for p in wanted if p not in strange]
    if not (findings or seen.findings):
        laid.must_be_of_floats()
    if asked:
        return Returned(laid.gradients, wanted, findings=findings)
    return _without_constants(laid, wanted, seen.value, findings)


@dataclass(frozen=True, eq=False)
class _Laid:
    """The gradients that were returned, each with its input."""

    gradients: Gradients
    names: Sequence[str]
    inputs: Sequence[Array]

    def given(self) -> list[int]:
        """The positions of those that are no None."""
        return [p for p, gradient in self.gradients.items() if gradient is not None]

    def missing(self) -> set[int]:
        """The positions of those that are None."""
        return self.gradients.keys() - set(self.given())

    def is_float(self, position: int) -> bool:
        """Whether that input is of floating dtype."""
        return self.inputs[position].dtype.kind == "f"

    def must_be_of_floats(self) -> None:
        """Raise TypeError for a gradient of an input that no small step would move."""
        for position in self.given():
            must_be_float(self.names[position], self.inputs[position])

    def without_numbers(self) -> list[int]:
        """The positions of what is returned but no array of numbers."""
        return [p for p in self.given() if np.asarray(self.gradients[p]).dtype.kind not in "fiubc"]


def _no_numbers(name: str, gradient: Array | None) -> Finding:
    kind = str(np.asarray(gradient).dtype)
    message = f"d{name} holds no numbers (dtype {kind}): expected an array of floats."
    return fault("wrong-dtype", message, {"returned": kind})


def _without_constants(
    laid: _Laid, wanted: Sequence[int], value: Array, findings: Sequence[Finding]
) -> Returned:
    """Inputs whose gradient is None are not compared: those that look like data, and those that do not."""
    missing, compared = _parted(wanted, laid.missing())
    # Beside no gradient at all None says nothing of constants: a return was forgotten.
    alike = {p for p in missing if compared and _looks_constant(p, laid.inputs, value)}
    constants, unchecked = _parted(missing, alike)
    remarks = _left_out(constants, laid.names, laid.inputs)
    return Returned(laid.gradients, compared, unchecked, [*findings, *remarks])


def _parted(positions: Sequence[int], chosen: Collection[int]) -> tuple[list[int], list[int]]:
    """Those among the chosen, and the others."""
    mine = [p for p in positions if p in chosen]
    return mine, [p for p in positions if p not in mine]


def missing_row(position: int, names: Sequence[str], inputs: Sequence[Array]) -> Row:
    """The row of an input that looks like a parameter and has no gradient: nothing can be said of it."""
    name, nothing = names[position], unseen(inputs[position].shape)
    others = [x for p, x in enumerate(inputs) if p != position and x.dtype.kind == "f"]
    advice = (
        f"Return its gradient, or, if {name} is a constant, leave it out with wrt=…."
        if others
        else "Is its `return` forgotten?"
    )
    message = f"backward returned None for {name}, so nothing was checked. {advice}"
    return row_of(
        name,
        nothing.value,
        nothing,
        None,
        Verdict.INCONCLUSIVE,
        relative=np.nan,
        largest=np.nan,
        resolution=np.inf,
        findings=[Finding("wrong-count", message, {"input": name})],
    )


def _count(returned: int, names: Sequence[str], defaults: Sequence[str]) -> Iterator[Finding]:
    if returned == len(names) + len(defaults):
        for name in defaults:
            yield Finding(
                "unchecked",
                f"backward returned a gradient for {name} too, which was left at its default: hand it "
                "over to have it checked.",
                {"input": name},
            )
    elif returned != len(names):
        yield fault(
            "wrong-count",
            f"backward returned {returned} gradients for {len(names)} inputs: expected one "
            f"for each of {', '.join(names)}, None where there is none{_by_order(returned)}.",
            {"expected": len(names), "returned": returned},
        )


def _by_order(returned: int) -> str:
    """What is said besides where nothing could be laid to the inputs: a dict, most likely, or nothing."""
    return "" if returned else "; they go by order (check_pair and check_loss read dicts by name)"


def _order(laid: _Laid) -> Iterator[Finding]:
    """A gradient for integers and none for floats: the order of the inputs was not kept."""
    integers = [laid.names[p] for p in laid.given() if not laid.is_float(p)]
    floats = [laid.names[p] for p in sorted(laid.missing()) if laid.is_float(p)]
    if integers and floats:
        yield fault(
            "wrong-count",
            f"backward returned a gradient for {integers[0]}, which holds integers, and None for "
            f"{floats[0]}: one gradient for each input, in the order of the inputs.",
            {"integers": integers[0], "none": floats[0]},
        )


def _looks_constant(position: int, inputs: Sequence[Array], value: Array) -> bool:
    """Whether a float input without a gradient looks like data: a mask, or targets beside predictions."""
    x = inputs[position]
    beside = [other.shape for p, other in enumerate(inputs) if p != position]
    return _is_mask(x) or (x.ndim > 0 and x.shape in (*beside, value.shape))


def _is_mask(x: Array) -> bool:
    return bool(np.isin(x, (0, 1)).all())


def _left_out(
    constants: Sequence[int], names: Sequence[str], inputs: Sequence[Array]
) -> list[Finding]:
    """What is said of inputs taken for constants; of a mask it goes without saying."""
    return [
        Finding(
            "unchecked",
            f"backward returned None for {name}, so {name} was taken for a constant and not checked. "
            f"wrt=['{name}', …] checks it.",
            {"input": name},
        )
        for name in (names[p] for p in constants if not _is_mask(inputs[p]))
    ]
