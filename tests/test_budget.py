"""Within a budget: complete where that fits, directional where it does not, and said."""

import time

import numpy as np
import pytest

from gradcheck import check


def slow(x, W):
    time.sleep(0.002)
    return x @ W, lambda dy: (dy @ W.T, x.T @ dy)


RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 30)), RNG.normal(size=(30, 40))


def how(report):
    return {
        row.name: "directional" if "directional" in [f.code for f in row.findings] else "complete"
        for row in report
    }


def test_what_fits_is_complete_and_the_rest_directional():
    report = check(slow, X, W, effort="auto", budget=2.0)
    assert report.passed and how(report) == {"x": "complete", "W": "directional"}
    assert how(check(slow, X, W, effort="auto", budget=1e-6)) == {
        "x": "directional",
        "W": "directional",
    }
    assert how(check(slow, X[:, :3], W[:3, :4], effort="auto")) == {
        "x": "complete",
        "W": "complete",
    }


def test_a_wrong_gradient_fails_either_way():
    def wrong(x, W):
        y, backward = slow(x, W)
        return y, lambda dy: (backward(dy)[0], 1.01 * backward(dy)[1])

    report = check(wrong, X, W, effort="auto", budget=2.0)
    assert not report.passed and report["W"].verdict != report["x"].verdict


def test_a_budget_is_a_time():
    with pytest.raises(ValueError, match="budget is -1"):
        check(slow, X, W, effort="auto", budget=-1)
    with pytest.raises(ValueError, match="effort='auto'"):
        check(slow, X, W, effort="auto", method="complex")
