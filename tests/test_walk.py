"""A walk through the groups of an input: what it costs where little moves; no group is another's matter."""

import numpy as np
import pytest

from gradcheck import check
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.numeric.stencil import Stencil


def evaluations(f, x):
    forward = Forward(f, [x])
    gradient = NumericalWitness(forward, np.ones(forward.value.shape)).gradient(0)
    return gradient, gradient.evaluations


def buried(used):
    """A sum beside which each addend is drowned within |x|; only the first few are added up."""
    return lambda x: np.array([(x[:used] * np.arange(1, used + 1)).sum() + 1e20])


def test_what_moves_nothing_is_not_swept_because_something_else_moves():
    x = np.random.default_rng(0).normal(size=64)
    (seen, few), (_, many) = evaluations(buried(2), x), evaluations(buried(64), x)
    assert few < many / 3
    assert (np.abs(seen.value[:2] - [1, 2]) <= seen.bound[:2]).all() and seen.bound[:2].max() < 1e-3


def test_what_stands_still_within_x_is_not_swept_there_once_more():
    """Three steps are tried and one is looked at again, then twelve beyond |x|, not twelve within it as well."""
    x = np.random.default_rng(0).normal(size=64)
    _, many = evaluations(buried(64), x)
    asked_together = 3 * 64
    assert many < 64 * (3 + 1 + 12) * 4 + asked_together


def test_groups_that_need_other_steps_take_them_side_by_side(monkeypatch):
    """As many as go beside each other, so that NumPy's own time for an operation is spent on many."""
    stencils = []
    judge = Stencil.judge
    monkeypatch.setattr(Stencil, "judge", lambda *told: stencils.append(1) or judge(*told))
    x = np.random.default_rng(0).normal(size=64)
    evaluations(buried(64), x)
    assert len(stencils) < 64 * 3


def test_what_one_group_runs_into_far_away_is_no_matter_of_the_others():
    def f(x):
        assert np.abs(x[:8]).max() < 100
        return buried(64)(x)

    x = np.random.default_rng(0).normal(size=64)
    seen, _ = evaluations(f, x)
    far = slice(16, None)
    assert (np.abs(seen.value[far] - np.arange(17, 65)) <= seen.bound[far]).all()
    assert np.median(seen.bound[far]) < 1


@pytest.mark.parametrize("size", [12, 5000])
def test_a_right_formula_in_few_digits_is_walked_through_once(size):
    """Small functions are judged in more digits at once; large ones, for which that is slow, if they must be."""
    x = np.random.default_rng(0).normal(size=size).astype(np.float32)
    calls = {np.float32: 0, np.float64: 0}

    def layer(x):
        calls[x.dtype.type] += 1
        return np.sin(x), lambda dy: dy * np.cos(x)

    assert check(layer, x, lines=False).passed
    walked = calls[np.float32] > calls[np.float64]
    assert walked == (size > 4096)
