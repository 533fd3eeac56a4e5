"""What the numerical witness finds of a few functions, to the last step it takes, is kept.

They are made of sums, products and quotients of few numbers, which every processor rounds alike (of half
precision some do not).
"""

import numpy as np
import pytest
from golden_files import agrees_in_figures

from gradcheck import check
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.numeric.witness import METHODS

X = np.array([[0.75, -1.5], [0.0, 2.25]])
W = np.array([[0.5, -0.25, 1.0], [2.0, 0.125, -3.0]])


def as_float32(x):
    return (x * x * x).astype(np.float32)


SMOOTH = {
    "cube": (lambda x: x * x * x, X),
    "quotient": (lambda x: 1 / (1 + 25 * x * x), X),
    "straight": (lambda x: 3 * x + 1, X),
    "still": (lambda x: 0 * x + 1, X),
    "drowned": (lambda x: (x * x + 1e4) - 1e4, X),
    "small addend": (lambda x: x + 1e9, X),
    "tiny": (lambda x: 1e-200 * x * x, 1e-80 * X),
    "huge": (lambda x: x * x * x, 1e80 * X),
    "uneven": (lambda x: x * x, X * np.array([1e-9, 1e6])),
    "mixed": (lambda x: x[:, 0] * x[:, 1] + x[::-1, 0], X),
    "matrix": (lambda x, w: (x[:, :, None] * w).sum(axis=1), X, W),
    "bias": (lambda b, x: x * x + b, np.array([1.0, -0.5]), X),
    "number": (lambda x: x * x * x, np.array(1.5)),
    "single": (lambda x: x * x * x, X.astype(np.float32)),
    "rounded inside": (as_float32, X),
    "edge": (lambda x: np.sqrt(x - 0.7499), np.array([0.75, 1.0])),
    "wave": (lambda x: (64 * x - np.round(64 * x)) * (1 - 4 * (64 * x - np.round(64 * x)) ** 2), X),
}
BENT = {
    "absolute": (np.abs, X),
    "almost": (lambda x: np.maximum(x, 1e-7), X),
    "ties": (lambda x: np.maximum(x[0], x[1]), np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 2.5]])),
    "tied rows": (lambda x: x.max(axis=1), np.array([[2.0, 2.0, 2.0], [1.0, 3.0, 3.0]])),
    "clipped": (lambda x: np.clip(x, -1.5, 0.75), X),
    "stairs": (lambda x: np.floor(x * 1024) / 1024, X),
    "fine stairs": (lambda x: x * x + np.floor(x * 2.0**30) / 2.0**30, X),
    "two kinks": (lambda x: np.abs(x) + np.maximum(x, 1e-3), X),
}


def written(array, digits):
    return " ".join(f"{value:.{digits}g}" for value in np.ravel(array))


def seen(method, f, *inputs):
    """Value, bound, kinks, steps and how many evaluations, by input."""
    value = np.asarray(f(*inputs), dtype=np.float64)
    dy = 1 + np.arange(value.size).reshape(value.shape) / 4
    witness = NumericalWitness(Forward(f, list(inputs)), dy, method)
    for position in range(len(inputs)):
        one = witness.gradient(position)
        steps = "" if one.steps is None else f", steps {written(one.steps, 3)}"
        kinks = f", kinks {written(one.kinks * 1, 1)}" if one.kinks.any() else ""
        joints = f", {len(one.joints)} joints" if one.joints else ""
        axes = "".join(f", axis {a.input_axis} at once" for a in one.grouping.axes)
        yield (
            f"  {method}: {written(one.value, 9)} ± {written(one.bound, 3)}"
            f"{steps}{kinks}{joints}{axes}, {one.evaluations} evaluations"
        )


@pytest.mark.parametrize("which", ["smooth", "bent"])
def test_what_the_witness_finds(which):
    told = []
    for name, case in {"smooth": SMOOTH, "bent": BENT}[which].items():
        told += [name, *(line for method in METHODS[:3] for line in seen(method, *case))]
        if which == "smooth" and name not in ("rounded inside", "edge", "wave"):
            told += seen("complex", *case)
    agrees_in_figures(f"witness.{which}.txt", "\n".join(told) + "\n")


DERIVATIVES = {
    "cube": lambda x: 3 * x * x,
    "still": lambda x: 0 * x,
    "small addend": lambda x: 0 * x + 1,
    "uneven": lambda x: 2 * x,
    "single": lambda x: 3 * x * x,
    "almost": lambda x: 1.0 * (x > 1e-7),
    "clipped": lambda x: 1.0 * (x > -1.5) * (x < 0.75),
    "stairs": lambda x: 0 * x + 1,
}
CLAIMS = {
    "right": lambda g: g,
    "off by 1e-6": lambda g: g * (1 + 1e-6),
    "one entry off": lambda g: g + np.eye(2) * [0, 1e-3],
    "half more": lambda g: g + 0.5,
}


def test_what_a_check_says_of_claims_that_are_off_by_little_and_by_much():
    told = []
    for name, derivative in DERIVATIVES.items():
        f, x = (SMOOTH | BENT)[name]
        told.append(name)
        for claim, changed in CLAIMS.items():

            def layer(x):
                return f(x), lambda dy: (changed(derivative(x)) * dy).astype(x.dtype)  # noqa: B023

            row = check(layer, x, lines=False)["x"]
            figures = (row.relative_error, row.entry_error, row.resolution)
            codes = " ".join(finding.code for finding in row.findings)
            told.append(
                f"  {claim}: {row.verdict}, {written(figures, 2)}, {row.evaluations} evaluations, {codes}"
            )
    agrees_in_figures("witness.claims.txt", "\n".join(told) + "\n")
