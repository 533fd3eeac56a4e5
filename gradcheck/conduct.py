"""What a backward pass must not do, whatever its numbers: mutate, accumulate, ignore its upstream gradient."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck.layer import Layer, Misuse, listed, run
from gradcheck.result import Array, Finding


@dataclass
class Conduct:
    """A layer run forward and backward on copies: what came out, and what it did on the way."""

    value: Array
    gradients: list[Array | None]
    findings: list[Finding] = field(default_factory=list)

    @property
    def mutates_inputs(self) -> bool:
        """Whether the checker has to hand out fresh copies from now on."""
        return any(finding.code == "mutates-input" for finding in self.findings)


def observe(
    layer: Layer,
    inputs: Sequence[Array],
    names: Sequence[str],
    upstream: Callable[[Array], Array],
) -> tuple[Conduct, Array]:
    """Run a layer forward and backward, several times, and write down its conduct.

    Args:
        layer: `layer(*inputs)` returns value and way back.
        inputs: the inputs; the layer gets copies.
        names: their names, for the findings.
        upstream: from the value to the upstream gradient to use.

    Returns:
        The conduct, and the upstream gradient.

    Raises:
        TypeError: if the layer does not return a pair (value, backward).
    """
    findings: list[Finding] = []
    given = [x.copy() for x in inputs]
    value, backward = run(layer, given)
    findings += _mutated(given, inputs, names, "forward")
    _restore(given, inputs)

    again, _ = run(layer, [x.copy() for x in inputs])
    if not _same_bytes(value, again):
        findings.append(
            Finding(
                "nondeterministic",
                "Two forward passes on the same inputs give different values: make randomness an "
                "input (a mask, say), or differences mean nothing.",
                fails=True,
            )
        )

    dy = upstream(value)
    handed = dy.copy()
    try:
        gradients = listed(backward(handed), len(inputs))
    except Misuse:
        raise
    except Exception as error:
        return Conduct(value, [], [*findings, _raised(error)]), dy
    findings += _mutated(given, inputs, names, "backward")
    _restore(given, inputs)
    if not _same_bytes(handed, dy):
        findings.append(
            Finding(
                "mutates-upstream",
                "The backward pass writes to its upstream gradient; whoever else needs it (a "
                "residual branch, say) gets something else. Work on a copy.",
                fails=True,
            )
        )
    findings += _aliases(gradients, [*zip(names, given, strict=True), ("the upstream", handed)])
    gradients = [None if g is None else np.array(g) for g in gradients]

    if not _all_same(gradients, listed(backward(dy.copy()), len(inputs))):
        findings.append(
            Finding(
                "accumulates",
                "A second backward pass with the same upstream gradient gives something else: the "
                "first has left something behind (a buffer added to and never cleared?).",
                fails=True,
            )
        )
    elif _another_forward(layer, inputs) and not _all_same(
        gradients, listed(backward(dy.copy()), len(inputs))
    ):
        findings.append(
            Finding(
                "accumulates",
                "After a forward pass on other inputs, the way back of this one gives something "
                "else: the two share what should be each one's own (a global, an attribute, a "
                "buffer that is written again).",
                {"after": "another forward pass"},
                fails=True,
            )
        )
    else:
        findings += _linear(layer, inputs, dy, gradients)
    return Conduct(value, gradients, findings), dy


def _raised(error: Exception) -> Finding:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}, line {frames[-1].lineno}"
    return Finding(
        "raises",
        f"The backward pass raises {type(error).__name__}: {error} (in {where}).",
        {"traceback": "".join(traceback.format_exception(error))},
        fails=True,
    )


def _restore(given: Sequence[Array], inputs: Sequence[Array]) -> None:
    for mine, original in zip(given, inputs, strict=True):
        mine[...] = original


def _same_bytes(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _all_same(first: Sequence[Array | None], second: Sequence[Array | None]) -> bool:
    return len(first) == len(second) and all(
        (a is None and b is None)
        or (a is not None and b is not None and _same_bytes(np.asarray(a), np.asarray(b)))
        for a, b in zip(first, second, strict=True)
    )


def _mutated(
    given: Sequence[Array], inputs: Sequence[Array], names: Sequence[str], which: str
) -> list[Finding]:
    return [
        Finding(
            "mutates-input",
            f"The {which} pass writes to its input {name}: the caller's array changes under them. "
            "Work on a copy.",
            {"input": name, "pass": which},
            fails=True,
        )
        for mine, original, name in zip(given, inputs, names, strict=True)
        if not _same_bytes(mine, original)
    ]


def _another_forward(layer: Layer, inputs: Sequence[Array]) -> bool:
    """Run the layer forward on inputs a little smaller; False if it does not take them."""
    try:
        layer(*[(0.75 * x).astype(x.dtype) if x.dtype.kind == "f" else x.copy() for x in inputs])
    except Exception:
        return False
    return True


def _aliases(
    gradients: Sequence[Array | None], others: Sequence[tuple[str, Array]]
) -> list[Finding]:
    """A note on gradients that are views of what the caller owns."""
    return [
        Finding(
            "aliases",
            f"A gradient that backward returns shares its memory with {name}: right, but whoever "
            "updates one of them in place changes the other. Return a copy.",
            {"array": name},
        )
        for name, other in others
        if any(g is not None and np.may_share_memory(g, other) for g in gradients)
    ]


def _linear(
    layer: Layer, inputs: Sequence[Array], dy: Array, gradients: Sequence[Array | None]
) -> list[Finding]:
    """A vector-Jacobian product is linear in dy: back(dy + other) = back(dy) + back(other)."""
    rng = np.random.default_rng(1)
    other = np.asarray(rng.choice([-1.0, 1.0], dy.shape) * rng.uniform(0.5, 2.0, dy.shape))
    other = (other * max(float(np.abs(dy).max(initial=0.0)), 1e-300)).astype(dy.dtype)
    _, backward = run(layer, [x.copy() for x in inputs])
    added = listed(backward(other.copy()), len(inputs))
    together = listed(backward(dy + other), len(inputs))
    precision = float(np.finfo(dy.dtype).eps)
    for first, second, both in zip(gradients, added, together, strict=False):
        if first is None or second is None or both is None:
            continue
        if not (first.shape == second.shape == both.shape and np.isfinite(first).all()):
            continue
        if first.dtype.kind != "f":
            continue
        sizes = [float(np.linalg.norm(np.ravel(g))) for g in (first, second, both)]
        gap = float(np.linalg.norm(np.ravel(both - first - second)))
        rounding = 1e3 * precision * float(np.linalg.norm(np.ravel(dy)))
        if gap > np.sqrt(precision) * max(sizes) and gap > rounding:
            return [
                Finding(
                    "ignores-upstream",
                    "The gradients do not follow the upstream gradient: backward(a + b) is not "
                    "backward(a) + backward(b). Multiply by dy, once, also where the layer is "
                    "a loss.",
                    {"deviation": gap / max(sizes)},
                    fails=True,
                )
            ]
    return []
