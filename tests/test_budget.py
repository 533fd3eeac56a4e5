"""Within a budget: complete where that fits, directional where it does not, and said."""

import numpy as np
import pytest

from gradcheck import budget as budgets
from gradcheck import check
from gradcheck.cut import in_pieces
from gradcheck.numeric import Forward, NumericalWitness
from reports.cli import main


@pytest.fixture
def two_milliseconds(monkeypatch):
    """What an evaluation takes, whatever else this machine does."""
    monkeypatch.setattr(budgets, "seconds_each", lambda witness: 0.002)


def slow(x, W):
    return x @ W, lambda dy: (dy @ W.T, x.T @ dy)


RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 30)), RNG.normal(size=(30, 40))


def how(report):
    return {
        row.name: "directional" if "directional" in [f.code for f in row.findings] else "complete"
        for row in report
    }


def test_what_fits_is_complete_and_the_rest_directional(two_milliseconds):
    # Either gradient is 30 groups of entries, two evaluations each: 0.12 s.
    report = check(slow, X, W, effort="auto", budget=0.2)
    assert report.passed and how(report) == {"x": "complete", "W": "directional"}
    (said,) = report.findings
    assert said.evidence == {"complete": ["dx"], "directional": ["dW"], "evaluations": 60}
    assert "dW (1,200 entries)" in said.message
    for budget, effort in ((1e-6, "directional"), (0.5, "complete")):
        report = check(slow, X, W, effort="auto", budget=budget)
        assert how(report) == {"x": effort, "W": effort} and not report.findings


def test_what_is_expected_is_what_it_takes():
    witness = NumericalWitness(Forward(slow, [X, W]), np.ones((4, 40)))
    takes = budgets.expected(witness, [0, 1])
    used = sum(witness.gradient(p).evaluations for p in (0, 1))
    # Beside the groups, probes and what confirms them.
    assert takes == 120 and takes <= used <= takes + 2 * 30


def test_pieces_are_expected_with_what_they_share(monkeypatch):
    monkeypatch.setattr("gradcheck.cut.worth.MANY", 1)
    monkeypatch.setattr("gradcheck.cut.worth.WORTH", np.inf)

    def loss(x, W):
        h = x @ W
        return (h**2).sum(), lambda dL: (2 * dL * h @ W.T, 2 * dL * x.T @ h)

    whole = NumericalWitness(Forward(loss, [X, W]), np.ones(()))
    pieces = in_pieces(whole, loss, ["x", "W"])
    assert budgets.expected(whole, [0, 1]) == 4 * (X.size + W.size)
    # h behind the loss entry by entry, x and W in front of h in 30 groups each.
    assert budgets.expected(pieces, [0, 1]) == 4 * 4 * 40 + 2 * (30 + 30)


def test_a_long_check_says_at_once_what_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(budgets, "seconds_each", lambda witness: 1.0)
    check(slow, X, W)
    assert not capsys.readouterr().err
    monkeypatch.setattr(budgets, "_looked_at", lambda: True)
    monkeypatch.setattr(budgets, "INTERVAL", 0)
    check(slow, X, W)
    said = capsys.readouterr().err.splitlines()
    assert (
        said[0].startswith("slow: every entry takes about 120 evaluations") and "120 s" in said[0]
    )
    assert 'effort="directional"' in said[0] and said[-1].startswith("100% of a gradient, 0 s left")
    check(slow, X, W, effort="directional")
    check(slow, X, W, progress=lambda done, total: None)
    assert not capsys.readouterr().err


def test_a_wrong_gradient_fails_either_way(two_milliseconds):
    def wrong(x, W):
        y, backward = slow(x, W)
        return y, lambda dy: (backward(dy)[0], 1.01 * backward(dy)[1])

    report = check(wrong, X, W, effort="auto", budget=0.2)
    assert how(report)["W"] == "directional"
    assert not report.passed and report["W"].verdict != report["x"].verdict


def test_a_budget_is_a_time():
    with pytest.raises(ValueError, match="budget is -1"):
        check(slow, X, W, effort="auto", budget=-1)
    with pytest.raises(ValueError, match="effort='auto'"):
        check(slow, X, W, effort="auto", method="complex")


@pytest.mark.parametrize(("seconds", "how"), [("0.000001", "random direction"), ("1000", "")])
def test_the_command_line_has_a_budget(capsys, seconds, how):
    command = ["check", "dense", "--no-tape", "--effort", "auto", "--budget", seconds]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert how in said and ("random direction" in said) == bool(how)
