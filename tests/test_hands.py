"""Mistakes as people make them, in many hands: convicted, called by a true name, and blamed on their line."""

import random

import numpy as np
import pytest
from examples import SAMPLE_SEED

from gradcheck import Verdict, check, check_loss, check_module
from tests.strangers import hands, hands_aside
from tests.test_fresh import normal, pair, planted

MASK = np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1], [1, 1, 1]])
CONTEXTS, SAMPLES = (
    np.array([[0, 2], [1, 3], [4, 0]]),
    np.array([[1, 2, 1], [0, 3, 4], [2, 2, 0]]),
)
LABELS, CLASSES = np.array([[1.0, 0, 0]] * 3), np.array([0, 2, 1, 1, 0, 2])
GATES = {
    f"{kind}{gate}": np.random.default_rng((ord(kind), ord(gate))).normal(size=shape)
    for kind, shape in (("W", (3, 2)), ("U", (3, 3)), ("b", (3, 1)))
    for gate in "zrh"
}
RATED, SEEN = (normal(5, 4) > 0).astype(float), (normal(4, 5).T > -0.5).astype(float)


def huber(m):
    loss = m.HuberLoss(0.7)
    return check_loss(lambda pred: loss(pred, normal(4, 3), MASK), 2 * normal(3, 4).T)


def two_layers(m):
    net, X = m.TwoLayer(4, 5, 3, np.random.default_rng(1)), normal(6, 4)

    def loss(W1, b1, W2, b2):
        net.params.update(W1=W1, b1=b1, W2=W2, b2=b2)
        return net.loss(X, CLASSES)

    return check_loss(loss, *(net.params[name] for name in ("W1", "b1", "W2", "b2")))


CHECKS = {
    "layernorm": lambda m: pair(m, "layernorm", normal(5, 4), normal(4), normal(4), {"eps": 1e-5}),
    "GroupNorm": lambda m: check_module(m.GroupNorm(2, 6), normal(3, 6, 2, 3)),
    "SentimentRNN": lambda m: check_module(
        m.SentimentRNN(3, 2, 4), normal(5, 3, 1), backward="backprop"
    ),
    "TimeLSTM": lambda m: check_module(
        m.TimeLSTM(normal(3, 16), normal(4, 16) / 2, normal(16)), normal(2, 3, 3)
    ),
    "gru_cell": lambda m: pair(m, "gru_cell", normal(2, 5), normal(3, 5), GATES),
    "MultiHead": lambda m: check_module(m.MultiHead(6, 2), normal(2, 4, 6)),
    "Convolution": lambda m: check_module(
        m.Convolution(normal(3, 2, 3, 3), normal(3), 2, 1), normal(2, 2, 7, 7)
    ),
    "pool": lambda m: pair(m, "pool", normal(2, 2, 7, 7), 3, 2),
    "cbow_loss": lambda m: check_loss(
        *(m.cbow_loss, normal(5, 4), normal(4, 5).T, CONTEXTS, SAMPLES, LABELS),
        wrt=["W_in", "W_out"],
    ),
    "forward_and_backward": lambda m: check_loss(
        *(m.forward_and_backward, normal(6, 4), normal(6)),
        *(normal(4, 5), normal(5), normal(5, 1), normal(1)),
        wrt=["inp", "w1", "b1", "w2", "b2"],
    ),
    "train_step": lambda m: check_loss(
        *(m.train_step, normal(3, 4), normal(4, 1), normal(5, 3), RATED[:, :1]),
        wrt=["syn0", "syn1"],
    ),
    "block": lambda m: check(
        *(m.block, normal(2, 3, 4), normal(4), normal(4, 5), normal(5), normal(5, 4), normal(4) / 2)
    ),
    "clip_loss": lambda m: check_loss(m.clip_loss, normal(4, 3), normal(5, 3)[:4]),
    "HuberLoss": huber,
    "TwoLayer": two_layers,
    "cofi_cost": lambda m: check_loss(
        *(m.cofi_cost, normal(5, 3), normal(4, 3), normal(5, 4), SEEN, 0.7), wrt=["X", "Theta"]
    ),
    "vae_loss": lambda m: check_loss(
        *(m.vae_loss, normal(5, 3), normal(3, 5).T / 2, normal(3, 4), RATED, normal(5, 3)[::-1]),
        wrt=["mu", "logvar", "W_dec"],
    ),
    "BatchNormalization": lambda m: check_module(
        m.BatchNormalization(normal(3), normal(3) + 1), normal(5, 3)
    ),
    "dilated": lambda m: pair(
        m, "dilated", normal(2, 2, 6, 7), normal(3, 2, 2, 3), normal(3), 2, 1
    ),
    "GLU": lambda m: check_module(m.GLU(normal(4, 6)), normal(5, 4)),
}
"""How each is checked, in the module or a changed copy of it."""


def home_of(name, *modules):
    """The module in which a layer's mistakes are, the last of them for want of any."""
    mine = (m for m in modules if any(mistake[0] == name for mistake in m.MISTAKES))
    return next(mine, modules[-1])


def of(module, wrong):
    """The mistake of a module that is written so."""
    (mistake,) = (one for one in module.MISTAKES if one[3].strip() == wrong)
    return mistake


def judged(module, mistake, checks=CHECKS):
    """What is said of the gradient that is spoilt, whether truly, and whether the line is the one."""
    name, gradient, right, wrong, codes = mistake
    copy, line = planted(module, right, wrong)
    report = checks[name](copy)
    assert report.verdict is Verdict.FAIL
    said = report[gradient].findings[0].code
    first = report.by_line.first_wrong
    return said, said in codes.split(), first is not None and first.evidence["line"] == line


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](home_of(name, hands, hands_aside)).passed


SAMPLE = random.Random(SAMPLE_SEED).sample(hands.MISTAKES, 3)


@pytest.mark.parametrize("mistake", SAMPLE, ids=lambda mistake: mistake[3].strip())
def test_a_mistake_has_a_true_name(mistake):
    said, truly, _ = judged(hands, mistake)
    assert truly, f"{said}, GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"


@pytest.mark.slow
@pytest.mark.parametrize("module", [hands, hands_aside], ids=["at once", "set aside at first"])
def test_four_of_five_have_a_true_name_and_hardly_one_a_false_one(module):
    """Those set aside came to 13, 3 and 14 of 20 when they were first run; they have been looked at since."""
    truly, falsely, lines = shares(module)
    assert truly >= 0.8 and falsely <= 0.02 and lines >= 0.85


def shares(module, checks=CHECKS):
    """Of all mistakes, those that are named truly, named otherwise, and blamed on their line."""
    found = [judged(module, mistake, checks) for mistake in module.MISTAKES]
    falsely = [said != "unknown" and not truly for said, truly, _ in found]
    each = [truly for _, truly, _ in found], falsely, [line for *_, line in found]
    return [sum(one) / len(found) for one in each]
