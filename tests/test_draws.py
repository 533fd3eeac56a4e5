"""Fresh draws lie nearby and are of the same kind: signs, zeros, copies, symmetry, sums of one, labels."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck.diagnosis.draws import _jittered, _upstream, other_sizes, same_sizes
from gradcheck.diagnosis.margins import JITTERS
from gradcheck.forms.dice import Dice, kept_randomness

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(3, 4))
NUMBERS[0, 0] = 0
SQUARE = RNG.normal(size=(3, 3))
ROWS = np.abs(RNG.normal(size=(3, 4)))


def jittered(x, size=0.3, **options):
    return _jittered(x, size, np.random.default_rng(1), **options)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", JITTERS)
def test_values_lie_as_far_as_that_with_their_signs_and_zeros(size, dtype):
    given = NUMBERS.astype(dtype)
    moved = jittered(given, size)
    assert moved.dtype == dtype and np.array_equal(np.sign(moved), np.sign(given))
    farness = np.abs(np.log(moved[given != 0] / given[given != 0]))
    assert size / 10 < farness.max() < 4 * size and np.ptp(farness) > 0


def test_values_change_places_only_if_that_is_asked_for():
    assert np.array_equal(jittered(NUMBERS, 0.0), NUMBERS)
    elsewhere = jittered(NUMBERS, 0.0, permuted=True)
    assert not np.array_equal(elsewhere, NUMBERS)
    assert np.array_equal(np.sort(elsewhere, axis=None), np.sort(NUMBERS, axis=None))


@pytest.mark.parametrize(
    "given",
    [np.arange(4), np.array([True, False]), np.eye(3), np.array([0.0, 1, 1]), np.array("a")],
)
def test_labels_indices_and_masks_are_given(given):
    assert jittered(given) is given


def test_what_is_symmetric_stays_so():
    moved = jittered(SQUARE + SQUARE.T)
    assert np.allclose(moved, moved.T) and not np.allclose(moved, SQUARE + SQUARE.T)
    moved = jittered(SQUARE)
    assert not np.allclose(moved, moved.T)


def test_what_sums_to_one_does_so_again_row_by_row():
    probabilities = ROWS / ROWS.sum(axis=1, keepdims=True)
    moved = jittered(probabilities)
    assert np.allclose(moved.sum(axis=1), 1) and not np.allclose(moved, probabilities)
    # Neither columns that do, nor numbers of both signs.
    for other in (ROWS / ROWS.sum(axis=0), np.array([[2.0, -1.0]]), ROWS):
        factors = jittered(other) / other
        assert np.ptp(factors) > 0 and not np.allclose(jittered(other).sum(axis=-1), 1)
    one = np.array(1.5)
    assert jittered(one).shape == () and jittered(one) != one


def test_copies_stay_copies_and_what_is_all_the_same_does_not():
    repeated = np.broadcast_to(NUMBERS[1], (5, 4))
    moved = jittered(repeated)
    assert moved.shape == (5, 4) and (moved == moved[0]).all() and np.ptp(moved[0] / NUMBERS[1]) > 0
    assert np.ptp(jittered(np.full(6, 2.0))) > 0


def drawn(changes, *inputs):
    context = SimpleNamespace(inputs=inputs)
    return [[change(x) for x in inputs] for change in changes(context, np.random.default_rng(0))]


def test_in_the_same_sizes_draws_come_closer_until_they_are_where_it_was():
    first, *others, last = drawn(same_sizes, NUMBERS, SQUARE)
    assert len(others) == len(JITTERS) and np.array_equal(last[0], NUMBERS)
    # At first in other places, but for a square matrix.
    assert not np.array_equal(np.sign(first[0]), np.sign(NUMBERS))
    assert np.array_equal(np.sign(first[1]), np.sign(SQUARE))
    farness = [np.abs(x - NUMBERS).max() for x, _ in others]
    assert farness == sorted(farness, reverse=True)


def test_in_other_sizes_all_are_larger_or_the_batch_or_none():
    shapes = [
        [x.shape for x in one]
        for one in drawn(other_sizes, NUMBERS, np.ones((1, 3)) * 2, SQUARE[0])
    ]
    assert shapes[:3] == [
        [(4, 5), (1, 4), (4,)],
        [(4, 4), (1, 4), (4,)],
        [(4, 4), (1, 3), (4,)],
    ]
    assert shapes[3] == [(3, 4), (1, 3), (3,)] and len(shapes) == 3 + 2 + len(JITTERS)
    assert [x.shape for x in drawn(other_sizes, np.array(2.0), NUMBERS)[1]] == [(), (3, 4)]
    alone = drawn(other_sizes, NUMBERS[:1])
    assert [one[0].shape for one in alone[:3]] == [(1, 5), (1, 4), (1, 4)]


def test_an_upstream_gradient_of_ones_is_one_again_and_any_other_is_random():
    forward = SimpleNamespace(value=np.zeros((3, 2)))
    ones = SimpleNamespace(dy=np.ones(4, np.float32))
    assert _upstream(ones, forward, RNG).tolist() == np.ones((3, 2)).tolist()
    assert _upstream(ones, forward, RNG).dtype == np.float32
    one, two = (_upstream(SimpleNamespace(dy=NUMBERS), forward, RNG) for _ in range(2))
    assert one.shape == (3, 2) and not np.array_equal(one, two) and np.ptp(one) > 0


def test_a_way_back_draws_on_from_its_own_forward_pass_whatever_ran_between():
    first, second = np.random.RandomState(3).rand(2)
    with kept_randomness():
        dice = Dice(3)
        dice.throw()
        assert np.random.rand() == first  # noqa: NPY002
        early = dice.stop()
        dice.throw()
        late = dice.stop()
        for stop, drawn in ((early, second), (late, first), (early, second)):
            dice.put(stop)
            assert np.random.rand() == drawn  # noqa: NPY002


def test_what_is_kept_of_a_check_does_not_take_the_callers_randomness_for_its_own():
    with kept_randomness():
        dice = Dice(3)
        dice.throw()
        stop = dice.stop()
        with kept_randomness():
            np.random.seed(0)  # noqa: NPY002
        np.random.seed(1)  # noqa: NPY002
        dice.put(stop)
        assert np.random.rand() == np.random.RandomState(3).rand()  # noqa: NPY002
