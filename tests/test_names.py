"""A name is said only if it is true: random wrong gradients get none, kinks or not."""

from functools import partial

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.layer import input_names
from layers import relu
from layers.catalogue import CATALOGUE

UNNAMED = {"unknown", "kink", "vacuous", "unresolved"}


def random_gradients(layer, inputs, seed):
    """The layer with gradients that have nothing to do with it."""

    def wrong(*inputs):
        y, _ = layer(*inputs)
        rng = np.random.default_rng((seed, 7))
        floats = [np.asarray(x).dtype.kind == "f" for x in inputs]
        drawn = [rng.normal(size=np.shape(x)) for x in inputs]
        return y, lambda dy: tuple(g if f else None for g, f in zip(drawn, floats, strict=True))

    wrong.input_names = tuple(input_names(layer, len(inputs)))
    return wrong


def named(layer, inputs, seed):
    report = check(random_gradients(layer, inputs, seed), *inputs, seed=seed, lines=False)
    assert report.verdict is Verdict.FAIL
    return {finding.code for row in report.rows for finding in row.findings} - UNNAMED


def kinked():
    """The configurations of the catalogue that have a kink."""
    for entry in CATALOGUE.values():
        for configuration in entry.configurations:
            layer, rng = entry.bound(configuration), np.random.default_rng(0)
            inputs = list(configuration.inputs(rng).values())
            if any(f.code == "kink" for f in check(layer, *inputs, lines=False).all_findings()):
                label = f"{entry.name}: {configuration.label}"
                yield pytest.param(layer, inputs, id=label)


@pytest.mark.parametrize(("layer", "inputs"), list(kinked()))
@pytest.mark.parametrize("seed", range(5))
def test_a_random_wrong_gradient_at_kinks_has_no_name(layer, inputs, seed):
    assert not named(layer, inputs, seed)


@pytest.mark.parametrize("seed", range(20))
def test_a_random_wrong_gradient_with_one_kinked_entry_has_no_name(seed):
    x = np.random.default_rng(seed).normal(size=(4, 5))
    x[1, 2] = 0
    assert not named(relu, [x], seed)


@pytest.mark.parametrize("name", ["dense", "conv2d", "softmax", "layer_norm", "multiply", "lstm"])
def test_a_random_wrong_gradient_has_no_name(name):
    entry = CATALOGUE[name]
    configuration = entry.configurations[0]
    inputs = list(configuration.inputs(np.random.default_rng(0)).values())
    assert not named(partial(entry.layer, **configuration.options), inputs, 0)
