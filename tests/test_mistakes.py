"""The gallery: every planted mistake is convicted and named, hides where it is said to, and no right layer is."""

import re

import numpy as np
import pytest

from gradcheck import Verdict, check
from layers.mistakes import MISTAKES
from reports.cli import main
from reports.mistakes import examine, said

HIDDEN = [name for name, mistake in MISTAKES.items() if mistake.hides is not None]


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_convicted_and_named(name):
    mistake = MISTAKES[name]
    report = examine(mistake, mistake.shows)
    assert report.verdict is Verdict.FAIL
    codes = [finding.code for finding in said(mistake, report)]
    assert mistake.code in (codes[:1] if mistake.gradient else codes), codes


@pytest.mark.parametrize("name", HIDDEN)
def test_every_mistake_hides_where_it_is_said_to(name):
    mistake = MISTAKES[name]
    assert examine(mistake, mistake.hides).verdict is not Verdict.FAIL


def test_the_gallery_is_large_and_shows_every_code_of_a_wrong_gradient():
    assert len(MISTAKES) >= 70
    codes = {mistake.code for mistake in MISTAKES.values()}
    assert codes >= {
        *("sign-flipped", "scaled", "zero", "transposed", "flipped", "shifted", "swapped"),
        *("not-summed", "averaged", "missing-mask", "ties-duplicated", "overlap-overwritten"),
        *("repeated-index-lost", "carry-dropped", "statistics-held-constant", "diagonal-only"),
        *("extra-term", "partial", "unknown", "low-precision"),
        *("wrong-count", "wrong-dtype", "not-finite", "mutates-input", "mutates-upstream"),
        *("accumulates", "ignores-upstream"),
    }


def test_the_command_lists_them_and_shows_one(capsys):
    assert main(["mistakes"]) == 0
    assert "max-pool-every-tie" in capsys.readouterr().out
    assert main(["mistakes", "dense-W-over-batch"]) == 0
    shown = capsys.readouterr().out
    assert "- " in shown and "+ " in shown and "batch size" in shown and "hide it" in shown
    assert main(["mistakes", "nonsense"]) == 2


def test_factors_are_named_by_what_they_are():
    report = examine(MISTAKES["dropout-scale-lost"], MISTAKES["dropout-scale-lost"].shows)
    evidence = report.rows[0].findings[0].evidence
    assert np.isclose(evidence["factor"], 0.7)
    assert evidence["equals"] == "1 − rate"


def test_two_mistakes_at_once_are_mostly_explained_and_not_named():
    def layer(x, W):
        def backward(dy):
            dx = 3 * (dy @ W.T)
            dx[0, 0] += 0.1 * np.abs(dx).max()
            return dx, x.T @ dy

        return x @ W, backward

    rng = np.random.default_rng(0)
    report = check(layer, rng.normal(size=(5, 4)), rng.normal(size=(4, 3)))
    (finding,) = report.rows[0].findings
    assert finding.code == "unknown"
    (k,) = re.findall(r"mostly explained by a factor of ([\d.]+)", finding.message)
    assert np.isclose(float(k), 3, atol=0.1)
