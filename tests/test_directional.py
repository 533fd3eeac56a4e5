"""Random directions: they miss next to nothing, say how little, and find what is wrong."""

import numpy as np
import pytest
from examples import dense, relu, spoiled, tanh

from gradcheck import Verdict, check


@pytest.mark.slow
def test_an_identity_with_one_percent_zeroed_is_detected():
    for seed in range(30):
        hidden = np.random.default_rng(seed).random(10_000) < 0.01

        def zeroed(x, hidden=hidden):
            return x.copy(), lambda dy: np.where(hidden, 0, dy)

        x = np.random.default_rng(seed + 1).normal(size=10_000)
        report = check(zeroed, x, effort="directional", seed=seed)
        assert report.verdict is Verdict.FAIL
        found = report.rows[0].findings[-1].evidence["indices"]
        assert found
        assert all(hidden[tuple(place)] for place in found)


def test_a_single_wrong_entry_is_found_in_few_evaluations():
    def nudge(g):
        g = g.copy()
        g[41, 7] *= 1.01
        return g

    x = np.random.default_rng(0).normal(size=(1000, 10))
    report = check(spoiled(tanh, nudge), x, effort="directional")
    row = report.rows[0]
    assert row.verdict is Verdict.FAIL
    assert row.worst == (41, 7)
    assert row.findings[-1].evidence["indices"] == [[41, 7]]
    assert row.evaluations < 60 * np.log2(x.size)


def test_a_verdict_alone_costs_no_search():
    x = np.random.default_rng(0).normal(size=(40, 10))
    wrong = spoiled(tanh, lambda g: g * np.where(np.arange(10) == 3, 1.1, 1.0))
    whole, alone = (check(wrong, x, effort=effort) for effort in ("directional", "verdict"))
    assert [row.relative_error for row in alone] == [row.relative_error for row in whole]
    assert not alone.passed and not whole.passed
    assert 5 * alone.evaluations < whole.evaluations
    assert str(check(tanh, x, effort="verdict")) == str(check(tanh, x, effort="directional"))


def test_of_what_raises_a_verdict_measures_nothing():
    def torn(x):
        def backward(dy):
            raise ValueError("not written yet")

        return np.tanh(x), backward

    x = np.random.default_rng(0).normal(size=(4, 3))
    report = check(torn, x, effort="verdict")
    assert not report.passed and "raises" in {one.code for one in report.all_findings()}
    assert 2 * report.evaluations < check(torn, x, effort="directional").evaluations


def test_why_no_line_is_named_is_said():
    report = check(doubled, np.ones(3), effort="auto")
    assert "not compared" in str(report) and "lines=True" in str(report)
    assert "not compared" not in str(check(doubled, np.ones(3), effort="auto", lines=True))
    assert "not compared" not in str(check(doubled, np.ones(3), effort="auto", lines=False))


def doubled(x):
    def backward(dy):
        return 2 * dy

    return 1 * x, backward


# Not relu in float32: its steps are so long that some of 5,000 kinks are always in the way.
@pytest.mark.parametrize(
    ("layer", "dtype"), [(tanh, np.float64), (relu, np.float64), (tanh, np.float32)]
)
def test_right_layers_pass_and_the_risk_is_stated(layer, dtype):
    for seed in range(10):
        x = np.random.default_rng(seed).normal(size=5000).astype(dtype)
        report = check(layer, x, effort="directional", seed=seed)
        assert report.passed, report
        stated = report.rows[0].findings[0]
        assert stated.code == "directional"
        assert stated.evidence["escape_probability"] <= 1e-6
        assert "escapes with probability" in str(report)


def test_several_inputs_and_the_wrong_one_alone_fails():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(20, 30)), rng.normal(size=(30, 40)), rng.normal(size=40)
    wrong = spoiled(dense, lambda g: 1.001 * g, 1)
    report = check(wrong, *inputs, effort="directional")
    assert [str(row.verdict) for row in report.rows] == ["PASS", "FAIL", "PASS"]


def test_nan_fails():
    report = check(spoiled(tanh, lambda g: g * np.nan), np.ones(50), effort="directional")
    assert report.verdict is Verdict.FAIL


def test_an_output_without_entries_proves_nothing_along_directions_either():
    def layer(x):
        return x[:0] * 2, lambda dy: np.zeros_like(x)

    report = check(layer, np.ones((3, 2)), effort="directional")
    assert report.verdict is Verdict.INCONCLUSIVE and "no entries" in str(report)
