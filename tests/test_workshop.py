"""Mistakes in layers of all kinds: convicted, called by a true name, and blamed on their line."""

import random

import numpy as np
import pytest
from examples import SAMPLE_SEED

from gradcheck import Verdict, check, check_loss, check_module
from tests import test_hands
from tests.strangers import hands_aside, workshop, workshop_aside
from tests.test_fresh import normal, pair
from tests.test_hands import home_of, judged, of, shares

CLASSES = np.array([0, 2, 1, 1, 0])
SEEN = np.array([[True, True, False, True], [True, True, True, True], [False, True, True, True]])
LINKS = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 1]])


def sizes(**shapes):
    """Parameters by their names, no two alike."""
    rng = np.random.default_rng(6)
    return {name: rng.normal(size=shape) / 2 for name, shape in shapes.items()}


def mixture(m):
    net, X, y = m.MixtureDensity(None, None, 2), normal(5, 3), normal(5)

    def loss(W, b):
        net.W, net.b = W, b
        return net.loss(X, y)

    return check_loss(loss, normal(3, 6), normal(6))


CHECKS = {
    "ffn": lambda m: pair(
        *(m, "ffn", normal(2, 3, 4)),
        sizes(g=(4,), w_gate=(4, 5), w_up=(4, 5), w_down=(5, 4)),
    ),
    "RotaryHead": lambda m: check_module(m.RotaryHead(4), normal(2, 3, 4)),
    "RBFLayer": lambda m: check_module(m.RBFLayer(normal(4, 3), normal(4) / 2 - 1), normal(5, 3)),
    "info_nce": lambda m: check_loss(m.info_nce, normal(4, 3), normal(5, 3)[:4]),
    "gaussian_kl": lambda m: check_loss(m.gaussian_kl, *(normal(3 + k, 4)[:3] for k in range(4))),
    "MixtureDensity": mixture,
    "SeparableConv1d": lambda m: check_module(
        m.SeparableConv1d(normal(2, 3), normal(3, 2), 2), normal(2, 2, 7)
    ),
    "bilinear": lambda m: pair(
        *(m, "bilinear", normal(2, 3, 4), normal(2, 4, 4), normal(2, 4, 3)),
        *(normal(4, 4), SEEN),
    ),
    "gru": lambda m: pair(
        *(m, "gru", normal(3, 2, 4), normal(2, 3)),
        sizes(Wr=(4, 3), Ur=(3, 3), Wz=(4, 3), Uz=(3, 3), Wn=(4, 3), Un=(3, 3), bn=(3,)),
    ),
    "retention": lambda m: check(
        m.retention, normal(2, 3, 4), normal(3, 3, 4)[:2], normal(2, 3, 5), np.array(0.7)
    ),
    "composite": lambda m: pair(m, "composite", 0.5 + np.tanh(normal(3, 5)) / 3, normal(3, 5, 3)),
    "SpectralPool": lambda m: check_module(m.SpectralPool(3), normal(2, 2, 5, 5)),
    "MultiMarginLoss": lambda m: check_module(
        m.MultiMarginLoss(1.0, np.array([1.0, 0.5, 2.0, 1.5])), normal(5, 4), CLASSES
    ),
    "crf": lambda m: check_loss(
        m.crf_nll, normal(5, 3), normal(3, 3), CLASSES, wrt=["emissions", "transitions"]
    ),
    "contrastive": lambda m: check_loss(m.contrastive_loss, normal(5, 3), CLASSES),
    "Maxout": lambda m: check_module(m.Maxout(4, 3, 2), normal(5, 4)),
    "BiRNN": lambda m: check_module(
        m.BiRNN(sizes(Wf=(3, 2), Uf=(2, 2), Wb=(3, 2), Ub=(2, 2))), normal(2, 4, 3)
    ),
    "sample": lambda m: pair(
        *(m, "sample", normal(2, 3, 8)),
        np.array([[0.3, 2.6, 2.4, 3.7], [1.2, 1.7, 3.1, 0.4]]),
    ),
    "adain": lambda m: check(m.adain, normal(2, 3, 4, 3), normal(2, 3), normal(3, 3)[:2]),
    "Bahdanau": lambda m: check_module(
        m.Bahdanau(normal(3, 5), normal(4, 5), normal(5)), normal(2, 3), normal(2, 4, 4)
    ),
    "gat": lambda m: check(m.gat, normal(4, 3), normal(3, 2), normal(2), normal(3)[:2], LINKS),
}
"""How each is checked, in the module or a changed copy of it."""


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](home_of(name, workshop, workshop_aside)).passed


@pytest.mark.parametrize(
    ("unit", "wrong"),
    [
        # A term of three factors is missing, one of them a mean of a product.
        (workshop, "dxn"),
        # A factor that is made of two things.
        (workshop, "draw = dsigma"),
        # Without a loop nothing is carried, though the first step of causal attention is right.
        (workshop, "dk_raw = self.rotate(dk, self.cos, self.sin)"),
        # A dilation left out of what is an index only later.
        (workshop, "start = j"),
        # A running sum from the wrong end.
        (workshop, "np.cumsum(flow, axis=1) - flow"),
        # What reaches other samples is no factor of the mean's term.
        (workshop_aside, "m1 = dz.mean(axis=(0, 2, 3), keepdims=True)"),
        # From both sides with the other orientation.
        (workshop_aside, "return self.big @ dfreq @ self.big.T"),
    ],
)
def test_what_was_nameless_or_misnamed_has_a_true_name_and_its_line(unit, wrong):
    _, truly, line = judged(unit, of(unit, wrong), CHECKS)
    assert truly and line


@pytest.mark.parametrize(
    "wrong",
    [
        # The right edit does not go back in sizes that only the way there takes.
        "(da * a).sum(axis=-2, keepdims=True))",
        # A mean, where the output is one number.
        "inp.T @ out_g, out_g.mean(0)",
        # One of two directions, where the mean of both is meant.
        "g_logits = g_rows",
    ],
)
def test_what_was_nameless_in_other_hands_has_a_true_name_and_its_line(wrong):
    _, truly, line = judged(hands_aside, of(hands_aside, wrong), test_hands.CHECKS)
    assert truly and line


def test_wrong_at_the_labels_alone():
    """What is left out is a whole statement, and of no other line it is known."""
    (mistake,) = (one for one in workshop.MISTAKES if "-grad.sum(axis=1)" in one[2])
    said, *_ = judged(workshop, mistake, CHECKS)
    assert said == "partial"


@pytest.mark.slow
@pytest.mark.parametrize("wrong", ["dh_next = duh", "grad[j] -= g"])
def test_a_term_is_missing_in_a_loop(wrong):
    (mistake,) = (one for one in workshop.MISTAKES if wrong in (one[3], one[2]))
    said, truly, _ = judged(workshop, mistake, CHECKS)
    assert truly and said != "unknown"


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        "out_g = 2.0 * diff[:, None]",
        "cols = slice(j, j + ow)",
        # A reshape without the transpose before it.
        "dout = dout.reshape(-1, FN)",
    ],
)
def test_of_several_lines_the_one_is_blamed(wrong):
    _, truly, line = judged(hands_aside, of(hands_aside, wrong), test_hands.CHECKS)
    assert truly and line


SAMPLE = random.Random(SAMPLE_SEED).sample(workshop.MISTAKES, 2)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", SAMPLE, ids=lambda mistake: mistake[2].strip())
def test_a_mistake_is_not_misnamed(mistake):
    said, truly, _ = judged(workshop, mistake, CHECKS)
    assert truly or said == "unknown", f"{said}, GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"


@pytest.mark.slow
def test_four_of_five_have_a_true_name_and_none_a_false_one():
    """17, 0 and 16 of 20: of three the statement that is gone has no line."""
    truly, falsely, lines = shares(workshop, CHECKS)
    assert truly >= 0.8 and not falsely and lines >= 0.8


@pytest.mark.slow
def test_of_those_set_aside_no_less_is_found_than_at_first_sight():
    """17, 2 and 19 of 22 when they were first run; two have been looked at since."""
    truly, falsely, lines = shares(workshop_aside, CHECKS)
    assert truly >= 17 / 22 and falsely <= 2 / 22 and lines >= 19 / 22


def test_no_repair_divides_by_what_its_statement_multiplies_by():
    def attend(s, v):
        e = np.exp(s)
        p = e / e.sum(axis=1, keepdims=True)
        y = p @ v

        def backward(dy):
            dv = p.T @ dy
            dp = dy @ v.T
            ds = p * (1 - p) * dp
            return ds, dv

        return y, backward

    rng = np.random.default_rng(0)
    report = check(attend, rng.normal(size=(3, 4)), rng.normal(size=(4, 5)))
    assert report.verdict is Verdict.FAIL
    assert report.repair is None or "/" not in report.repair.after, report
