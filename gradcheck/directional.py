"""A whole gradient at once: slopes along random directions, and a search where one disagrees.

For a direction v with independent normal entries the derivative of t ↦ Σ dy·f(x + t·v) at 0 must be
⟨v, dx⟩. An error e in the gradient shifts it by ⟨v, e⟩, which is normal with deviation ‖e‖: it stays
within a bound B with probability at most √(2/π)·B/‖e‖. So few directions are enough, how many
follows from that, and what may still escape is stated.
"""

from __future__ import annotations

import numpy as np

from gradcheck.compare import not_finite, relative_error, row_of
from gradcheck.numeric import Grouping, NumericalGradient, NumericalWitness, scales, slope_along
from gradcheck.result import Array, Finding, Row, Verdict

ESCAPE = 1e-6
"""The probability with which a wrong entry of typical size may escape."""
FEWEST, MOST = 2, 24
"""Directions."""
REPORTED = 10
"""Wrong entries that are searched for at most."""


class Directions:
    """Slopes of the forward pass along directions through one input.

    Args:
        witness: the numerical witness, with its forward pass and upstream gradient.
        position: the input.
        seed: draws the directions.
    """

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
        bound += 4 * float(np.finfo(analytic.dtype).eps) * float(np.sqrt((terms**2).sum()))
        return slope, bound, abs(slope - float(terms.sum()))


def compare_directions(
    name: str, analytic: Array, directions: Directions, tape: Array | None
) -> Row:
    """A row for one gradient, judged along random directions, with the wrong entries if any.

    `numeric` and `bound` are NaN and infinite but for entries that were looked at one by one.
    """
    numeric = np.full(analytic.shape, np.nan)
    bounds = np.full(analytic.shape, np.inf)
    if not np.isfinite(analytic).all():
        found = [not_finite(f"d{name}", analytic)]
        place = tuple(found[0].evidence["index"])
        witness = _unseen(numeric, bounds, 0)
        return row_of(name, analytic, witness, tape, worst=place, findings=found)
    weights = directions.weights(analytic)
    usual = float(np.sqrt(np.mean((weights * analytic.astype(np.float64)) ** 2)))
    escape, errors, resolutions, convicting, used = 1.0, [], [], None, 0
    while used < MOST and (used < FEWEST or escape > ESCAPE) and convicting is None:
        v = directions.draw(weights)
        slope, bound, gap = directions.gap(v, analytic)
        used += 1
        size = max(abs(slope), float(np.sqrt(((v * analytic.astype(np.float64)) ** 2).sum())))
        errors.append(gap / size if size > 0 else 0.0)
        resolutions.append(bound / size if size > 0 else np.inf)
        escape *= min(1.0, np.sqrt(2 / np.pi) * bound / usual) if usual > 0 else 1.0
        if not gap <= bound:
            convicting = v
    findings = [_stated(used, escape)]
    worst: tuple[int, ...] = ()
    if convicting is not None:
        wrong = _search(directions, convicting, analytic, numeric, bounds)
        findings.append(_wrong_entries(name, wrong, analytic, numeric))
        worst = wrong[0] if wrong else ()
    zero = usual == 0 and max(errors, default=0.0) == 0
    seen = Verdict.PASS if escape <= ESCAPE or zero else Verdict.INCONCLUSIVE
    return row_of(
        name,
        analytic,
        _unseen(numeric, bounds, directions.evaluations),
        tape,
        seen if convicting is None else Verdict.FAIL,
        relative=max(errors),
        largest=max(errors),
        to_tape=None if tape is None else relative_error(analytic, tape),
        resolution=float(max(resolutions)),
        worst=worst,
        findings=findings,
    )


def _unseen(numeric: Array, bounds: Array, evaluations: int) -> NumericalGradient:
    """What is known of the single entries: those that were searched for, and no kinks."""
    none, zero = np.zeros(numeric.shape, dtype=bool), np.zeros(numeric.shape)
    layout = Grouping(numeric.shape)
    return NumericalGradient(numeric, bounds, none, zero, layout, evaluations)


def _search(
    directions: Directions, v: Array, analytic: Array, numeric: Array, bounds: Array
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
        numeric[place], bounds[place] = slope / v[place], bound / abs(v[place])
        found.append(place)
    return found


def _stated(used: int, escape: float) -> Finding:
    return Finding(
        "directional",
        f"Checked along {used} random directions: a single entry that is wrong by the gradient's "
        f"typical size escapes with probability {min(escape, 1.0):.0e}.",
        {"directions": used, "escape_probability": float(min(escape, 1.0))},
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
