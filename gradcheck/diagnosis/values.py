"""Hypotheses about the values: zero, a factor, a term too many or too few, a part left out or wrong."""

from __future__ import annotations

import numpy as np

from gradcheck.diagnosis.wrong import (
    FEWEST,
    Context,
    WrongGradient,
    broadcast_axes,
    factor,
    named_axes,
    near,
)
from gradcheck.result import Finding


def zero(s: WrongGradient) -> Finding | None:
    """It is zero, and should not be."""
    if s.claimed.any():
        return None
    return Finding(
        "zero",
        f"{s.name} is zero everywhere, the true gradient is not: is it computed and returned at all, "
        "or allocated and never filled?",
        {"true_norm": float(np.linalg.norm(s.true))},
    )


def sign(s: WrongGradient) -> Finding | None:
    """It is the negative."""
    if not s.is_(-s.true):
        return None
    return Finding(
        "sign-flipped",
        f"{s.name} is the negative of the true gradient: look for a minus too many or too few.",
        {"factor": -1.0},
    )


def scaled(s: WrongGradient) -> Finding | None:
    """It is a multiple of the true gradient, and a size at hand may be the factor."""
    k = factor(s.claimed, s.true)
    if k is None or not s.is_(k * s.true, k):
        return None
    size, plain = _named_factor(s.context, k)
    if s.true[s.true != 0].size < FEWEST and not (size or plain):
        return None
    summed = broadcast_axes(s)
    if summed and k > 0 and near(1 / k, float(np.prod([s.context.dy.shape[x] for x in summed]))):
        return Finding(
            "averaged",
            f"{s.name} is averaged over {named_axes(summed)} of the output instead of summed: exactly "
            f"{k:.6g} times the true gradient. Every copy of a broadcast input adds its gradient.",
            {"factor": k, "axes": list(summed)},
        )
    guess = f", which may be {size}" if plain else f", and that is {size}"
    return Finding(
        "scaled",
        f"{s.name} is exactly {k:.6g} times the true gradient{guess if size else ''}: look for a factor "
        "that is missing, doubled or upside down.",
        {"factor": k, "equals": size or plain or None},
    )


def _named_factor(context: Context, k: float) -> tuple[str, str]:
    """Which size at hand a factor is (the batch, the features, a hyperparameter), and which small number."""
    minus = ", negative" if k < 0 else ""
    plain = next(
        (
            (f"{small}" if abs(k) > 1 else f"1/{small}") + minus
            for small in (2, 3, 4)
            if near(abs(k), small) or near(abs(k), 1 / small)
        ),
        "",
    )
    sizes: dict[str, float] = {}
    for name, x in [*zip(context.names, context.inputs, strict=False), ("the output", context.dy)]:
        if x.ndim == 0:
            continue
        sizes.setdefault(
            "the batch size" if x is context.inputs[0] else f"axis 0 of {name}", x.shape[0]
        )
        for axis in range(1, x.ndim):
            sizes.setdefault(f"axis {axis} of {name}", x.shape[axis])
        if x.ndim == 4:
            sizes.setdefault(f"the spatial positions of {name}", x.shape[1] * x.shape[2])
        sizes.setdefault(f"the number of entries of {name}", x.size)
        if x.ndim > 1:
            sizes.setdefault(f"the rows of {name}", x.size // max(x.shape[-1], 1))
    for name, value in context.options.items():
        sizes |= {name: value, f"1 − {name}": 1 - value}
    for what, size in sizes.items():
        if size in (0, 1):
            continue
        for form, value in (
            ("{}", size),
            ("1 over {}", 1 / size),
            ("the root of {}", abs(size) ** 0.5),
            ("1 over the root of {}", abs(size) ** -0.5),
            ("{}, squared", size * size),
            ("2 over {}", 2 / size),
        ):
            if near(abs(k), value):
                return form.format(what) + minus, plain
    return "", plain


def scaled_by_input(s: WrongGradient) -> Finding | None:
    """Along one axis each slice has a factor of its own, and it is an input or its reciprocal."""
    for axis, size in enumerate(s.true.shape):
        others = tuple(k for k in range(s.true.ndim) if k != axis)
        if size < 2 or not others:
            continue
        squares = (s.true * s.true).sum(axis=others, keepdims=True)
        factors = (s.claimed * s.true).sum(axis=others, keepdims=True) / np.where(
            squares == 0, 1, squares
        )
        if s.true.size // size < 2 or not s.is_(factors * s.true, float(np.abs(factors).max())):
            continue
        flat = factors.ravel()
        for p, x in enumerate(s.context.inputs):
            if x.shape != (size,) or x.dtype.kind != "f":
                continue
            for name, vector in (("{}", x), ("1/{}", 1 / x), ("{}²", x * x), ("1/{}²", 1 / x**2)):
                if np.allclose(flat, vector, rtol=1e-5, atol=0):
                    what = name.format(s.context.names[p])
                    return Finding(
                        "scaled",
                        f"{s.name} is exactly {what} times the true gradient: {s.context.names[p]} is "
                        "missing, or applied too often.",
                        {"factor": what, "equals": what},
                    )
    return None


def extra_term(s: WrongGradient) -> Finding | None:
    """What is left over is a multiple of an input, of the upstream gradient, of a constant."""
    d = s.claimed - s.true
    if s.true.size < FEWEST:
        return None
    candidates = [
        (s.context.names[p], x) for p, x in enumerate(s.context.inputs) if x.shape == d.shape
    ]
    candidates += [("a constant", np.ones(d.shape)), ("the upstream gradient", s.context.dy)]
    candidates += [
        (f"1 at each of the {s.context.names[p]}, 0 elsewhere", np.eye(d.shape[-1])[x])
        for p, x in enumerate(s.context.inputs)
        if x.dtype.kind in "iu" and (*x.shape, d.shape[-1]) == d.shape and d.ndim > 1
        if x.min(initial=0) >= 0 and x.max(initial=0) < d.shape[-1]
    ]
    for name, term in candidates:
        if term.shape != d.shape or term.dtype.kind != "f":
            continue
        k = factor(d, term)
        if k is not None and s.is_(s.true + k * term):
            return Finding(
                "extra-term",
                f"{s.name} is the true gradient plus {k:.6g} times {name}: a term too many or too few "
                "(weight decay that the forward pass does not have?).",
                {"factor": k, "term": name},
            )
    return None


def missing_mask(s: WrongGradient) -> Finding | None:
    """A derivative that should have let nothing, or less, through was left out."""
    dy = s.context.dy
    quiet = s.smooth & (np.abs(s.true) <= s.bound + s.grain)
    loud = s.smooth & ~quiet
    agree = np.abs(s.claimed - s.true) <= 4 * s.bound + s.grain
    masked = quiet.any() and loud.any() and agree[loud].all() and not agree[quiet].all()
    if masked and (np.abs(s.claimed[quiet]) > s.grain).mean() > 0.9:
        return Finding(
            "missing-mask",
            f"{s.name} flows where nothing should: right on all entries that are active, but not zero "
            f"on the {int(quiet.sum())} that are not. The mask (of ReLU, dropout, a maximum) was left out.",
            {"entries": int(quiet.sum())},
        )
    if dy.shape == s.claimed.shape and s.is_(dy):
        return Finding(
            "missing-mask",
            f"{s.name} is the upstream gradient itself: the derivative of this step, an activation's "
            "or a factor, was left out.",
            {"entries": int(s.wrong.sum())},
        )
    if dy.shape == s.claimed.shape and not agree.all():
        kept = s.claimed != 0
        passed = np.abs(s.claimed - dy) <= s.grain
        should = np.abs(s.true - dy) <= s.bound + s.grain
        if (passed | ~kept).all() and (should | quiet).all() and kept.any() and should.any():
            return Finding(
                "missing-mask",
                f"{s.name} lets the upstream gradient through at the wrong entries: the mask is taken of "
                "another array, or by another condition.",
                {"entries": int(s.wrong.sum())},
            )
    return None


def statistics(s: WrongGradient) -> Finding | None:
    """What is left over is, in each group, a constant (the mean's part) or a multiple of x − mean."""
    x = s.x
    if x.ndim < 2 or x.shape != s.claimed.shape or x.shape != s.context.dy.shape:
        return None
    d = s.claimed - s.true
    groups = [tuple(range(x.ndim - 1)), (x.ndim - 1,)]
    if x.ndim > 2:
        groups += [tuple(range(1, x.ndim - 1)), tuple(range(1, x.ndim))]
    for axes in groups:
        count = int(np.prod([x.shape[k] for k in axes]))
        if count < 4:
            continue
        # A statistic over these axes exists only if moving all of a group together changes nothing.
        shift = np.abs(s.true.sum(axis=axes)).max() <= 1e-6 * np.abs(s.true).sum(axis=axes).max()
        c = x - x.mean(axis=axes, keepdims=True) if shift else x
        mean = d.mean(axis=axes, keepdims=True)
        slope = (d * c).sum(axis=axes, keepdims=True) / (c * c).sum(axis=axes, keepdims=True)
        fits = {
            "mean": (mean + 0 * d) if shift else None,
            "variance": slope * c,
            "mean and variance": (mean + slope * c) if shift else None,
        }
        for what, model in fits.items():
            if model is not None and s.is_(s.true + model):
                return Finding(
                    "statistics-held-constant",
                    f"{s.name} is off by exactly what flows through the {what} over {named_axes(axes)}: the "
                    f"{what} depends on x too and must be differentiated, with the right factor.",
                    {"statistic": what, "axes": list(axes)},
                )
    return None


def partial(s: WrongGradient) -> Finding | None:
    """All that is wrong lies in some slices of one axis, and there it is wrong throughout."""
    for axis, size in enumerate(s.true.shape):
        others = tuple(k for k in range(s.true.ndim) if k != axis)
        slices = s.wrong.any(axis=others)
        count = int(slices.sum())
        if size < 2 or not 0 < count <= size // 2:
            continue
        block = np.flatnonzero(slices)
        # Along a single axis scattered entries are no part of anything.
        if not others and block[-1] - block[0] >= count:
            continue
        inside = s.wrong.compress(slices, axis)
        if inside.mean() < 0.5:
            continue
        a, n = s.claimed.compress(slices, axis), s.true.compress(slices, axis)
        k = factor(a, n)
        fits = k is not None and np.abs(a - k * n).max() <= 8 * s.bound.max() + s.grain
        how = f", where it is {k:.6g} times the true gradient" if fits and n.size > 2 else ""
        listed = ", ".join(map(str, np.flatnonzero(slices)[:8]))
        return Finding(
            "partial",
            f"{s.name} is wrong only at index {listed} of axis {axis} (size {size}){how}: one part (a "
            "gate, a channel, a border, a step) is treated differently.",
            {"axis": axis, "indices": [int(i) for i in np.flatnonzero(slices)]},
        )
    return None
