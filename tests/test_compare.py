"""Both sides round: what float32 loses in a hand-derived pass is not held against it, and power stays."""

from functools import partial

import numpy as np
import pytest
from examples import few_quick, spoiled

from gradcheck import Verdict, check
from gradcheck.compare import _excess, agrees, compare
from gradcheck.diagnosis import Comparison, Context, explain_row
from gradcheck.layer import random_upstream
from gradcheck.numeric import Forward, Joint, NumericalWitness
from layers import conv2d, dense, multiply
from layers.catalogue import CATALOGUE


def blank(rng, *shape):
    """Float32 values of an image whose first example is blank."""
    x = np.maximum(rng.normal(size=shape), 0).astype(np.float32)
    x[0] = 0
    return x


def normal(rng, *shape):
    return rng.normal(size=shape).astype(np.float32)


def of_the_catalogue(name, rng):
    """A layer of the catalogue, its first configuration, float32, with zeros where it is blank."""
    entry = CATALOGUE[name]
    configuration = entry.configurations[0]
    inputs = [x.astype(np.float32) for x in configuration.inputs(rng).values()]
    for x in inputs:
        x[0] = 0
    return entry.bound(configuration), inputs


ZERO = np.zeros(3, np.float32)
EXACT_ZEROS = {
    "dense, zero bias": lambda r: (dense, [blank(r, 4, 5), normal(r, 5, 3), ZERO]),
    "conv2d, zero bias": lambda r: (conv2d, [blank(r, 2, 6, 6, 2), normal(r, 3, 3, 2, 3), ZERO]),
    "multiply with a ReLU's output": lambda r: (multiply, [blank(r, 4, 5), normal(r, 4, 5)]),
    **{
        name: partial(of_the_catalogue, name)
        for name in ("bilinear", "max_pool2d", "global_avg_pool2d", "leaky_relu", "layer_norm")
    },
}


@pytest.mark.parametrize("case", EXACT_ZEROS)
@pytest.mark.parametrize("seed", few_quick(range(10), 3))
def test_float32_beside_an_exact_zero_is_no_false_alarm(case, seed):
    layer, inputs = EXACT_ZEROS[case](np.random.default_rng(seed))
    assert check(layer, *inputs, seed=seed, lines=False).verdict is not Verdict.FAIL


@pytest.mark.parametrize("case", EXACT_ZEROS)
def test_an_error_of_1e_5_beside_an_exact_zero_still_fails(case):
    layer, inputs = EXACT_ZEROS[case](np.random.default_rng(0))
    inputs = [x.astype(np.float64) for x in inputs]

    def nearly(*inputs):
        y, backward = layer(*inputs)

        def spoiled_backward(dy):
            gradients = backward(dy)
            listed = gradients if isinstance(gradients, tuple) else (gradients,)
            return tuple(g * (1 + 1e-5) for g in listed)

        return y, spoiled_backward

    nearly.input_names = [f"input{k}" for k in range(len(inputs))]
    report = check(nearly, *inputs, lines=False)
    assert {row.verdict for row in report.rows} == {Verdict.FAIL}


def test_nan_agrees_with_nothing_and_tiny_numbers_with_zero():
    a = np.array([np.nan, 1.0, 1e-310, 0.0])
    assert agrees(a, np.array([np.nan, 1.0, 0.0, np.inf]), 0.0).tolist() == [0, 1, 1, 0]
    assert not agrees(np.zeros(1), np.ones(1), np.full(1, np.nan)).any()


def cancelling(x):
    """x², by a way back in which all but the last few digits cancel."""

    def backward(dy):
        c = np.float32(3e4)
        return dy * ((x + c) ** 2 - x**2 - c**2) / c

    return x * x, backward


def explained_beside_a_tape(layer, x, off):
    forward, dy = Forward(layer, [x]), random_upstream(x, 0)
    numeric = NumericalWitness(forward, dy).gradient(0)
    hand = layer(x)[1](dy)
    row, ties = compare("x", hand, numeric, numeric.value + off)
    # What is asked here is the tape alone.
    row = type(row)(**{**vars(row), "verdict": Verdict.PASS})
    context = Context(layer, ["x"], forward, dy, {0: Comparison(row, numeric, ties)})
    return {finding.code for finding in explain_row(context, 0).findings}


def test_rounding_is_no_disagreement_with_the_tape_and_another_function_is():
    x = normal(np.random.default_rng(0), 5, 4)
    assert "tape-disagrees" not in explained_beside_a_tape(cancelling, x, 0.0)
    assert "tape-disagrees" in explained_beside_a_tape(cancelling, x, 0.5)
    assert "tape-disagrees" in explained_beside_a_tape(lambda x: (x, lambda dy: dy), x, 1e-3)


def test_float64_is_judged_as_float64():
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape) for shape in ((4, 5), (5, 3), (3,))]
    wrong = spoiled(dense, lambda g: g * (1 + 1e-8), which=1)
    assert check(wrong, *inputs, lines=False).rows[1].verdict is Verdict.FAIL


@pytest.mark.parametrize("signs", [(1.0, 1.0), (1.0, -1.0)])
def test_each_of_two_tied_entries_may_be_off_by_its_rounding(signs):
    members, exact = np.array(signs), np.array([0.5, 0.5])
    joint = Joint(members, (0,), np.ones(1), np.zeros(1))
    rounded = (exact - 1e-8) * members
    assert (_excess(rounded, joint, np.full(2, 1.1e-8)) <= 0).all()
    assert (_excess(rounded, joint, np.full(2, 0.9e-8)) > 0).all()
