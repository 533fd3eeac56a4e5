"""Mistakes that once had no name, or a wrong line, in strangers' code: each by its name and its line."""

import numpy as np
import pytest

from gradcheck import Verdict, check, check_loss, check_module
from tests.strangers import mended
from tests.test_fresh import normal, pair, planted


def network(m):
    net, x, y = m.Network([3, 5, 4, 2], np.random.default_rng(0)), normal(3, 1), normal(2, 1)

    def cost(biases, weights):
        net.biases, net.weights = biases, weights
        return net.backprop(x, y)

    return check_loss(cost, net.biases, net.weights)


CLASSES = np.array([0, 2, 1, 1, 0])
POINTS, WANTED = normal(5, 4), np.array([1, 0, 1, 1, 0])

SENTENCES = [np.array([0, 2]), np.array([1, 3, 4]), np.array([2, 2, 0])]

CHECKS = {
    "output_gate": lambda m: pair(
        *(m, "output_gate", normal(2, 5), normal(3, 5), normal(3, 5) / 2),
        *(normal(3, 5), normal(3, 1), normal(3, 3)),
    ),
    "cost": lambda m: check_loss(lambda theta: m.cost(theta, POINTS, WANTED), normal(4)),
    "svm_loss": lambda m: check_loss(lambda W: m.svm_loss(W, POINTS, CLASSES, 0.1), normal(4, 3)),
    "lstm": lambda m: check(
        *(m.lstm, normal(3, 2, 3), normal(2, 4), normal(2, 4) / 2),
        *(normal(3, 16), normal(4, 16), normal(4), normal(16)),
    ),
    "MaxPool2D": lambda m: check_module(m.MaxPool2D(3, 2), normal(2, 3, 7, 7)),
    "softmax_loss_naive": lambda m: check_loss(
        m.softmax_loss_naive, normal(4, 3), POINTS, CLASSES, 0.05, wrt="W"
    ),
    "Network": network,
    "Heads": lambda m: check_module(m.Heads(8, 2), normal(2, 3, 8)),
    "bags": lambda m: check_loss(
        lambda W, U: m.bags(W, U, SENTENCES, [1, 0, 3]), normal(5, 3), normal(3, 5)
    ),
    "Columns": lambda m: check_module(m.Columns(), normal(4, 6)),
    "downhill": lambda m: check_loss(
        lambda syn0, syn1: m.downhill(syn0, syn1, POINTS, WANTED[:, None]),
        normal(4, 3),
        normal(3, 1),
    ),
    "averaged": lambda m: check_loss(
        lambda W1, W2: m.averaged(W1, W2, POINTS.T, WANTED), normal(3, 4), normal(1, 3)
    ),
    "gates": lambda m: pair(m, "gates", normal(3, 2), normal(2, 12), normal(4)),
}


COSTLY = ("lstm", "MaxPool2D", "softmax_loss_naive", "Heads")
"""Two to six seconds each, most of them for the search of an edit in many places or many turns of loops."""


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](mended).passed


@pytest.mark.parametrize(
    ("name", "right", "wrong", "code"),
    [
        pytest.param(*case, marks=pytest.mark.slow if case[0] in COSTLY else ())
        for case in mended.MISTAKES
    ],
    ids=lambda text: text.strip(),
)
def test_the_mistake_has_its_name_and_its_line(name, right, wrong, code):
    copy, line = planted(mended, right, wrong)
    points = POINTS.copy()
    report = CHECKS[name](copy)
    assert report.verdict is Verdict.FAIL
    assert report.by_line.first_wrong.evidence["line"] == line
    # A multiple of what it is named for is left out where it is not alone in that.
    assert all("is a multiple" in note for note in report.by_line.notes)
    said = {row.findings[0].code for row in report if row.verdict is Verdict.FAIL}
    # Of a recurrence some gradients are right at the last step alone, and others are called by the edit.
    assert code in said and said <= {code, "wrong-variable"}
    # What was tried has written nothing into what is not its own.
    assert np.array_equal(POINTS, points)


@pytest.mark.parametrize(
    ("name", "right", "wrong", "code"), mended.CONVENTIONS, ids=lambda text: text.strip()
)
def test_what_follows_a_convention_is_not_blamed(name, right, wrong, code):
    copy, line = planted(mended, right, wrong)
    report = CHECKS[name](copy)
    assert report.by_line.first_wrong.evidence["line"] == line
    (spoilt,) = (row for row in report if row.verdict is Verdict.FAIL)
    assert spoilt.findings[0].code == code


def test_where_nothing_is_left_nothing_was_overwritten():
    def moving_sum(x):
        y = x[:-2] + x[1:-1] + x[2:]

        def backward(dy):
            dx = np.zeros_like(x)
            for k in range(3):
                dx[k : k + len(dy)] += dy
            dx[2] = 0
            return dx

        return y, backward

    report = check(moving_sum, normal(8, 4), lines=False)
    assert [finding.code for finding in report["x"].findings] == ["partial"]
