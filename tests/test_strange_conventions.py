"""Right values under another convention are not accused, and what is said to mend a pass does."""

import numpy as np
import pytest

from gradcheck import check, check_loss, check_module, check_pair
from gradcheck.result import Verdict

RNG = np.random.default_rng(3)


def weighted(p, targets):
    """The mean's 1/n is left to the last line, so that dlogp is n times what its name says."""
    weight = np.where(targets == 1, 0.25, 0.75)
    logp = np.log(p * p + 0.5)
    loss = np.mean(weight * logp)
    sign = np.where(targets == 1, 1.0, -1.0)
    dlogp = weight * np.abs(sign)
    dp = dlogp * 2 * p / (p * p + 0.5) / p.size
    return loss, dp


def forgets_the_sign(logits, targets, gamma=2.0, alpha=0.25):
    """The focal loss without the sign of the classes; turning `at` would mend the gradient and spoil the loss."""
    p = 1 / (1 + np.exp(-logits))
    pt = np.where(targets == 1, p, 1 - p)
    at = np.where(targets == 1, alpha, 1 - alpha)
    loss = np.mean(-at * (1 - pt) ** gamma * np.log(pt))
    sign = np.where(targets == 1, 1.0, -1.0)
    dpt = at * (gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt)
    dlogits = dpt * p * (1 - p) / (logits.size if sign.size else 1)
    return loss, dlogits


TARGETS = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 0]])


def test_a_gradient_of_another_dtype_alone_accuses_no_line():
    report = check_loss(weighted, RNG.normal(size=(4, 3)).astype(np.float32), TARGETS)
    assert [finding.code for finding in report["p"].findings] == ["wrong-dtype"]
    assert all(finding.code != "first-wrong-line" for finding in report.findings)


def test_a_value_whose_mean_is_taken_later_is_not_the_mistake():
    def logistic(logits, targets):
        p = 1 / (1 + np.exp(-logits))
        q = np.where(targets == 1, p, 1 - p)
        loss = -np.mean(np.log(q))
        sign = np.where(targets == 1, 1.0, -1.0)
        dq = -1 / q
        dlogits = dq * p * (1 - p) / logits.size
        return loss, (dlogits if sign.size else sign)

    report = check_loss(logistic, RNG.normal(size=(4, 3)), TARGETS)
    assert report.verdict is Verdict.FAIL
    (line,) = (f.evidence for f in report.findings if f.code == "first-wrong-line")
    assert "dlogits =" in line["source"]
    assert "scaled" not in {finding.code for finding in report["logits"].findings}


def test_a_repair_of_a_loss_leaves_the_loss_as_it_is():
    report = check_loss(forgets_the_sign, RNG.normal(size=(4, 3)), TARGETS)
    assert report.verdict is Verdict.FAIL
    assert report.repair is not None
    assert report.repair.before.startswith(("dlogits =", "dpt ="))


def pooled(x, k=2):
    n, h, w = x.shape
    blocks = x.reshape(n, h // k, k, w // k, k).transpose(0, 1, 3, 2, 4)
    blocks = blocks.reshape(n, h // k, w // k, k * k)
    best = blocks.argmax(axis=-1)
    return blocks.max(axis=-1), (x.shape, best, k)


def _spread(dout, cache, order):
    (n, h, w), best, k = cache
    dblocks = np.zeros((*best.shape, k * k))
    np.put_along_axis(dblocks, best[..., None], dout[..., None], axis=-1)
    dx = dblocks.reshape(n, h // k, w // k, k, k).transpose(*order)
    return dx.reshape(n, h, w)


@pytest.mark.parametrize("order", [(0, 1, 3, 2, 4), (0, 1, 3, 4, 2), (0, 1, 2, 3, 4)])
def test_numbers_in_another_order_are_no_other_entries_of_their_groups(order):
    def spread(dout, cache):
        return _spread(dout, cache, order)

    report = check_pair(pooled, spread, RNG.normal(size=(2, 4, 6)), lines=False)
    assert report.passed == (order == (0, 1, 3, 2, 4))
    assert "missing-mask" not in {finding.code for finding in report["x"].findings}


def test_the_smallest_for_the_largest_is_still_called_so():
    def largest(x):
        def backward(dy):
            dx = np.zeros_like(x)
            dx[np.arange(len(x)), x.argmin(axis=1)] = dy
            return dx

        return x.max(axis=1), backward

    report = check(largest, RNG.normal(size=(6, 4)), lines=False)
    assert report["x"].findings[0].evidence.get("mask") == "elsewhere"


class Scaled:
    """Divides by the square root of its features, of which the backward pass knows nothing."""

    def __init__(self):
        self.W = np.random.default_rng(1).normal(size=(4, 4))

    def forward(self, x):
        self.x = x
        return x @ self.W / 2

    def backward(self, dout):
        self.dW = self.x.T @ dout / 2
        dx = dout @ self.W.T
        return dx


def test_a_factor_that_only_happens_to_be_the_batch_is_not_called_the_batch():
    # A module is proved at another batch too.
    report = check_module(Scaled(), RNG.normal(size=(2, 4)))
    assert report.repair is not None
    assert "len(" not in report.repair.after and "shape" not in report.repair.after
