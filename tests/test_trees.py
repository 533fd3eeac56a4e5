"""Values with a structure come back as they were; several arrays are one and several again."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import trees
from gradcheck.forms import told
from gradcheck.layer import Misuse
from gradcheck.outputs import Outputs
from gradcheck.trees import Leaf, Packing, Tree

Pair = namedtuple("Pair", "left right")
ARRAY, WHOLE = np.array([1.0, 2.0]), np.arange(3)
VALUE = {
    "params": [{"W": ARRAY, "name": "conv"}, (0.5, np.float32(2), 3, None)],
    "pair": Pair(WHOLE, [np.array([True])]),
    "text": np.array("a"),
    "z": np.ones(1, complex),
}


def test_a_tree_has_its_arrays_and_single_floats_by_their_paths():
    leaves = Tree.of(VALUE).leaves
    assert [leaf.name for leaf in leaves] == [
        *("params.0.W", "params.1.0", "params.1.1", "pair.left", "pair.right.0", "z")
    ]
    assert [leaf.soft for leaf in leaves] == [False, True, True, False, False, False]
    assert [leaf.floats for leaf in leaves] == [True, True, True, False, False, False]
    assert [leaf.needs_one for leaf in leaves] == [True, False, False, False, False, False]
    assert [leaf.is_argument for leaf in leaves] == [False] * 5 + [True]
    assert all(trees.at(VALUE, leaf.path) is not None for leaf in leaves)
    assert not leaves[0].stands_alone and Leaf(("x",), ARRAY).stands_alone
    assert not Leaf(("x",), WHOLE).stands_alone and not Leaf(("x",), ARRAY, soft=True).stands_alone
    assert Leaf(("x", 0), ARRAY, label="first").name == "first"


def test_what_is_filled_is_a_fresh_copy_of_the_same_kind():
    kept = object()
    value = {"a": ARRAY, "more": OrderedDict(x=WHOLE, own=[kept]), "pair": Pair(1.5, "b")}
    filled = Tree.of(value).filled([10 * ARRAY, 2 * WHOLE, 3.0])
    assert type(filled["more"]) is OrderedDict and type(filled["pair"]) is Pair
    assert filled["a"].tolist() == [10, 20] and filled["more"]["x"].tolist() == [0, 2, 4]
    assert filled["pair"] == Pair(3.0, "b") and filled["more"]["own"] is not value["more"]["own"]
    with pytest.raises(ValueError, match="zip"):
        Tree.of(value).filled([ARRAY])
    lone = Tree.of(ARRAY)
    assert lone.leaves[0].path == () and lone.leaves[0].value is not ARRAY
    assert lone.filled([WHOLE]) is WHOLE and Tree.of("text").filled([]) == "text"


def test_modules_stand_for_themselves_and_what_cannot_be_copied_stays():
    copy = trees.copied({"xp": np, "a": [ARRAY]})
    assert copy["xp"] is np and copy["a"][0] is not ARRAY
    stubborn = (one for one in ())
    copy = trees.copied({"g": stubborn, "a": [ARRAY]})
    assert (
        copy["g"] is stubborn and copy["a"][0] is not ARRAY and trees.copied(stubborn) is stubborn
    )


def test_a_path_that_leads_nowhere_leads_to_nothing():
    assert trees.at(VALUE, ("pair", "right", 0)) is VALUE["pair"].right[0]
    for path in [
        ("none",),
        ("pair", "none"),
        ("params", 5),
        ("text", "a"),
        ("params", 0, "W", "x"),
    ]:
        assert trees.at(VALUE, path) is None
    assert trees.only([3]) == 3 and trees.only([]) is None and trees.only([1, 2]) is None


SHAPES = st.lists(st.lists(st.integers(1, 3), max_size=3).map(tuple), min_size=1, max_size=4)


@given(shapes=SHAPES, seed=st.integers(0, 99))
def test_arrays_packed_are_unpacked_again(shapes, seed):
    rng = np.random.default_rng(seed)
    dtypes = [(np.float64, np.float32)[k % 2] for k in range(len(shapes))]
    arrays = [rng.normal(size=s).astype(d) for s, d in zip(shapes, dtypes, strict=True)]
    packing = Packing.of(arrays)
    whole = packing.packed(arrays)
    assert whole.size == sum(a.size for a in arrays)
    assert len(arrays) == 1 or whole.shape[:-1] == packing.common
    for array, again in zip(arrays, packing.unpacked(whole), strict=True):
        assert again.dtype == array.dtype and np.array_equal(again, array)


def test_the_axes_that_all_begin_with_stay():
    assert Packing.of([np.ones((2, 3, 4)), np.ones((2, 3))]).common == (2, 3)
    assert Packing.of([np.ones((2, 3)), np.ones((2, 4))]).common == (2,)
    assert Packing.of([np.ones((2, 3)), np.ones((4, 3))]).common == ()


def test_other_shapes_are_refused_but_for_a_single_array_of_as_many_axes():
    single, pair = Packing.of([np.ones((2, 3))]), Packing.of([np.ones(2), np.ones(2)])
    assert single.packed([np.ones((5, 6))]).shape == (5, 6)
    for packing, arrays in [(single, [np.ones(6)]), (pair, [np.ones(3)] * 2), (pair, [np.ones(2)])]:
        with pytest.raises(Misuse, match="first, now"):
            packing.packed(arrays)


def test_outputs_have_an_upstream_gradient_each_and_what_cannot_move_has_none():
    outputs = Outputs.of((np.ones((2, 3)), WHOLE, {"loss": 1.5}))
    drawn = outputs.drawn(0)
    assert drawn[0].shape == (2, 3) and drawn[1] is None and np.ndim(drawn[2]["loss"]) == 0
    packed = outputs.packed((np.full((2, 3), 2.0), WHOLE, {"loss": 1.5}))
    assert packed.ravel().tolist() == [2.0] * 6 + [1.5]
    assert not np.array_equal(outputs.random(0), outputs.random(1))


def test_inputs_are_those_that_are_chosen():
    numbers = (
        Leaf((name,), np.array(value), soft=True) for name, value in (("rate", 0.5), ("eps", 1e-5))
    )
    leaves = (Leaf(("x",), ARRAY.copy()), *numbers)
    inputs = told.Inputs(leaves, leaves[:2], leaves[1:2])
    assert inputs.names == ("x", "rate") and inputs.values[0] is leaves[0].value
    x, rate, eps = inputs.spread([ARRAY * 3, np.array(0.25)])
    assert x.tolist() == [3, 6] and type(rate) is np.float64 and rate == 0.25 and type(eps) is float
    assert inputs.asked([("x",)], None) == ["x", "rate"] and inputs.asked([("x",)], "x") == "x"
    assert told.Inputs(leaves, leaves[:2]).asked([("x",)], None) is None
    assert [*map(told.asked_for, ("W", ["W", 1], None))] == [{"W"}, {"W", 1}, set()]


def test_whether_a_leaf_reaches_the_outputs():
    x, w = Leaf(("x",), ARRAY), Leaf(("w",), ARRAY)

    def value(arrays):
        return arrays[0] * 2 + 0 * arrays[1]

    def fails(arrays):
        raise ValueError

    assert told.reaches(value, [x, w], x) is True and told.reaches(value, [x, w], w) is False
    assert told.reaches(fails, [x, w], x) is None
    nan = np.array([np.nan])
    assert told.same(nan, nan.copy()) and not told.same(ARRAY, ARRAY[:1])


@pytest.mark.parametrize("value", [-1.0, -3.0, 0.0, 1e3])
def test_what_is_moved_moves_in_every_entry_by_up_to_a_thousandth_and_none_as_far_as_another(value):
    numbers = np.full(20, value, np.float32)
    shift = told.moved(numbers).astype(float) - numbers
    assert told.moved(numbers).dtype == np.float32 and {*np.sign(shift)} == {-1, 1}
    thousandth = 1e-3 * (1 + abs(value))
    assert ((0.45 * thousandth < np.abs(shift)) & (np.abs(shift) < 1.05 * thousandth)).all()
    assert len({*np.abs(shift)}) == len(numbers)


def test_a_backward_pass_without_an_upstream_gradient_is_multiplied_by_it():
    assert told.times(ARRAY, None) is None
    assert told.times(np.array([2.0]), ARRAY).tolist() == [2, 4]
    assert told.times(ARRAY, 3 * ARRAY).tolist() == [3, 12]
    with pytest.raises(Misuse, match=r"array of shape \(2,\)"):
        told.times(ARRAY, np.ones(3))
