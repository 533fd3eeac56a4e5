"""A whole gradient at once: slopes along random directions, and a search where one disagrees.

For a direction v with independent normal entries the derivative of t ↦ Σ dy·f(x + t·v) at 0 must be
⟨v, dx⟩. An error e in the gradient shifts it by ⟨v, e⟩, which is normal with deviation ‖e‖: it stays
within a bound B with probability at most √(2/π)·B/‖e‖. So few directions are enough, how many
follows from that, and what may still escape is stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gradcheck.compare import norm, not_finite, relative_error, row_of, unseen
from gradcheck.numeric import NumericalGradient, NumericalWitness, scales, slope_along
from gradcheck.result import Array, Finding, Row, Verdict

ESCAPE = 1e-6
"""The probability with which a wrong entry of typical size may escape."""
FEWEST, MOST = 2, 24
"""Directions."""
REPORTED = 10
"""Wrong entries that are searched for at most."""


class Directions:
    """Slopes of a witness's forward pass along directions through one input, drawn from a seed."""

    def __init__(self, witness: NumericalWitness, position: int, seed: int) -> None:
        self.witness = witness
        self.position = position
        self.rng = np.random.default_rng((seed, position, 1))
        self.x = witness.forward.inputs[position]
        self.started = witness.forward.evaluations

    @property
    def evaluations(self) -> int:
        """Evaluations used so far."""
        return self.witness.forward.evaluations - self.started

    def weights(self, analytic: Array) -> Array:
        """Lengths that let every entry be heard: scaled to the input, evened out by the gradient."""
        size = scales(self.x)
        effect = np.abs(analytic.astype(np.float64)) * size
        usual = float(np.median(effect[effect > 0])) if (effect > 0).any() else 1.0
        with np.errstate(divide="ignore"):
            evened = np.clip(usual / effect, 0.1, 10)
        return np.asarray(size * evened)

    def draw(self, weights: Array) -> Array:
        """A direction with independent normal entries of these deviations."""
        return np.asarray(weights * self.rng.normal(size=self.x.shape))

    def gap(self, v: Array, analytic: Array) -> tuple[float, float, float]:
        """Slope along v, its bound, and by how much the hand-derived gradient misses it."""
        inputs = self.witness.forward.inputs
        directions: list[Array | None] = [None] * len(inputs)
        directions[self.position] = v
        slope, bound = slope_along(
            self.witness.forward, directions, self.witness.dy, self.witness.noise
        )
        terms = v * analytic.astype(np.float64)
        # Adding up the hand-derived terms rounds too.
        bound += 4 * float(np.finfo(analytic.dtype).eps) * norm(terms)
        return slope, bound, abs(slope - float(terms.sum()))


def compare_directions(
    name: str, analytic: Array, directions: Directions, tape: Array | None, searching: bool = True
) -> Row:
    """A row for one gradient, judged along random directions, with the wrong entries if any are searched for.

    `numeric` and `bound` are NaN and infinite but for entries that were looked at one by one.
    """
    found = unseen(analytic.shape)
    if not np.isfinite(analytic).all():
        finding = not_finite(f"d{name}", analytic)
        place = tuple(finding.evidence["index"])
        return row_of(name, analytic, found, tape, worst=place, findings=[finding])
    seen = _ask(directions, analytic)
    findings = [_stated(seen)]
    worst: tuple[int, ...] = ()
    if seen.convicting is not None and searching:
        wrong = _search(directions, seen.convicting, analytic, found)
        findings.append(_wrong_entries(name, wrong, analytic, found.value))
        worst = wrong[0] if wrong else ()
    return row_of(
        name,
        analytic,
        replace(found, evaluations=directions.evaluations),
        tape,
        seen.verdict(),
        relative=max(seen.errors),
        largest=max(seen.errors),
        to_tape=None if tape is None else relative_error(analytic, tape),
        resolution=max(seen.resolutions),
        worst=worst,
        findings=findings,
    )


@dataclass
class _Seen:
    """What the directions so far have said of a gradient whose entries have the size `usual`."""

    usual: float
    escape: float = 1.0
    errors: list[float] = field(default_factory=list)
    resolutions: list[float] = field(default_factory=list)
    convicting: Array | None = None

    def enough(self) -> bool:
        used = len(self.errors)
        told = used >= FEWEST and self.escape <= ESCAPE
        return self.convicting is not None or used >= MOST or told

    def add(self, v: Array, size: float, bound: float, gap: float) -> None:
        """One more direction, along which the slope has this size."""
        self.errors.append(gap / size if size > 0 else 0.0)
        self.resolutions.append(bound / size if size > 0 else float("inf"))
        if self.usual > 0:
            self.escape *= min(1.0, float(np.sqrt(2 / np.pi)) * bound / self.usual)
        if not gap <= bound:
            self.convicting = v

    def verdict(self) -> Verdict:
        if self.convicting is not None:
            return Verdict.FAIL
        zero = self.usual == 0 and max(self.errors) == 0
        return Verdict.PASS if self.escape <= ESCAPE or zero else Verdict.INCONCLUSIVE


def _ask(directions: Directions, analytic: Array) -> _Seen:
    """Follow directions until one disagrees or what may escape is little enough."""
    hand, weights = analytic.astype(np.float64), directions.weights(analytic)
    seen = _Seen(norm(weights * hand) / max(1.0, float(np.sqrt(hand.size))))
    while not seen.enough():
        v = directions.draw(weights)
        slope, bound, gap = directions.gap(v, analytic)
        seen.add(v, max(abs(slope), norm(v * hand)), bound, gap)
    return seen


def _search(
    directions: Directions, v: Array, analytic: Array, single: NumericalGradient
) -> list[tuple[int, ...]]:
    """Halve a disagreeing direction until single entries are left: O(log n) slopes for each."""
    found: list[tuple[int, ...]] = []
    waiting = [np.flatnonzero(v)]
    while waiting and len(found) < REPORTED:
        entries = waiting.pop()
        part = np.zeros(v.shape)
        part.flat[entries] = v.flat[entries]
        slope, bound, gap = directions.gap(part, analytic)
        if gap <= bound:
            continue
        if len(entries) > 1:
            middle = len(entries) // 2
            waiting += [entries[middle:], entries[:middle]]
            continue
        place = tuple(int(k) for k in np.unravel_index(int(entries[0]), v.shape))
        single.value[place], single.bound[place] = slope / v[place], bound / abs(v[place])
        found.append(place)
    return found


def _stated(seen: _Seen) -> Finding:
    used = len(seen.errors)
    directions = "direction" if used == 1 else "directions"
    return Finding(
        "directional",
        f"Checked along {used} random {directions}: a single entry that is wrong by the gradient's "
        f"typical size escapes with probability {seen.escape:.0e}.",
        {"directions": used, "escape_probability": seen.escape},
    )


def _wrong_entries(
    name: str, wrong: list[tuple[int, ...]], analytic: Array, numeric: Array
) -> Finding:
    if not wrong:
        return Finding("unknown", f"d{name} is wrong along a direction, in no single entry.")
    shown = ", ".join(
        f"{list(place)} (hand {analytic[place]:.4g}, numeric {numeric[place]:.4g})"
        for place in wrong[:3]
    )
    many = f"at least {len(wrong)}" if len(wrong) == REPORTED else f"{len(wrong)}"
    return Finding(
        "unknown",
        f"{many} entries of d{name} are wrong, among them {shown}.",
        {"indices": [list(place) for place in wrong]},
    )
