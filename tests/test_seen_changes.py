"""Changes to the checker's own code that once went unseen by every test, each with the test that sees it."""

import ast
from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import Verdict, check, check_module, check_pair
from gradcheck.compare import compare
from gradcheck.conformance import _guesses
from gradcheck.diagnosis.probes import predicts_slopes
from gradcheck.diagnosis.sizes import _sizes_of
from gradcheck.diagnosis.statistics import _factors_of_the_terms
from gradcheck.forms.adapting import built
from gradcheck.forms.arguments import _signature
from gradcheck.forms.methods import Methods
from gradcheck.layer import random_upstream
from gradcheck.lines.intermediate import LARGEST, why_immovable
from gradcheck.lines.judge import Judgement
from gradcheck.lines.rerun import Rerun
from gradcheck.lines.sites import Label
from gradcheck.meant import shown
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.numeric.around import _decided
from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.steps import _Table
from gradcheck.numeric.sweeping import Sweeping
from gradcheck.repair.grammar.calls import _left_out
from gradcheck.repair.grammar.rewrites import other_constant
from gradcheck.repair.proof import Proof
from gradcheck.repair.tree import expression
from gradcheck.smallest import smallest
from gradcheck.taylor import TaylorTest

X = np.random.default_rng(0).normal(size=(3, 4))


def cube(x):
    return x**3, lambda dy: 3 * x**2 * dy


@pytest.mark.parametrize("seed", range(5))
def test_an_upstream_gradient_has_both_signs_and_no_entry_near_zero(seed):
    dy = random_upstream(np.zeros((20, 20)), seed)
    assert 0.3 < (dy > 0).mean() < 0.7
    assert np.abs(dy).min() >= 0.5 and np.abs(dy).max() <= 1.5


def test_what_is_extrapolated_is_right_far_beyond_a_central_difference():
    def seen(method):
        return NumericalWitness(Forward(np.exp, [X]), np.ones(X.shape), method).gradient(0)

    error = {m: np.abs(seen(m).value / np.exp(X) - 1).max() for m in ("extrapolated", "central")}
    assert error["extrapolated"] < error["central"] / 10
    # Steps of ε^(1/5) and a rule of fourth order: ε^(4/5), a hundred times for what that is multiplied by.
    assert error["extrapolated"] < 100 * np.finfo(float).eps ** (4 / 5)


def test_a_gradient_that_is_missing_is_infinitely_far_from_the_tape_too():
    numeric = NumericalWitness(Forward(lambda x: x**3, [X]), np.ones(X.shape)).gradient(0)
    row, _ = compare("x", None, numeric, 3 * X**2)
    assert row.verdict is Verdict.FAIL and row.tape_error == np.inf
    row, _ = compare("x", None, numeric, None)
    assert row.verdict is Verdict.FAIL and row.tape_error is None


def test_one_gradient_too_many_fails_though_each_row_may_pass():
    def layer(x):
        y, backward = cube(x)
        return y, lambda dy: (backward(dy), dy)

    report = check(layer, X, lines=False)
    (finding,) = [f for f in report.all_findings() if f.code == "wrong-count"]
    assert finding.fails and report.verdict is Verdict.FAIL


def test_a_way_back_that_raises_fails():
    def layer(x):
        return x**3, lambda dy: dy @ np.ones((7, 7))

    report = check(layer, X, lines=False)
    (finding,) = [f for f in report.all_findings() if f.code == "raises"]
    assert finding.fails and report.verdict is Verdict.FAIL


@pytest.mark.parametrize(("factor", "equals"), [(2.0, "2"), (2.0005, None)])
def test_a_factor_is_a_size_only_as_far_as_it_is_measured(factor, equals):
    def layer(x):
        y, backward = cube(x)
        return y, lambda dy: factor * backward(dy)

    finding = check(layer, X[:, :3], lines=False)["x"].findings[0]
    assert (finding.code, finding.evidence["equals"]) == ("scaled", equals)
    assert np.isclose(finding.evidence["factor"], factor, rtol=1e-6)


def test_a_constant_is_tried_off_by_one_by_two_and_upside_down():
    def tried(value):
        return {one.node.value for one in other_constant(ast.Constant(value), None)}

    assert tried(4.0) >= {2.0, 8.0, -3.0, 5.0, 3.0, -4.0, 0.25, 16.0}
    assert tried(4) >= {3, 5, -4, 8, 2, 6} and tried(True) == {False} and 0.0 in tried(0.0)


def test_of_edits_that_are_alike_here_one_evaluation_elsewhere_refutes_most(monkeypatch):
    """Three sizes are 4 here: which of them is meant is seen in other sizes, for less than a proof each."""
    answers, asked = [], Proof.may_hold
    monkeypatch.setattr(Proof, "may_hold", lambda *a: answers.append(asked(*a)) or answers[-1])

    def forward(x, W):
        return (x @ W).sum(axis=1) / x.shape[1], (x, W)

    def backward(dy, cache):
        x, W = cache
        dz = np.tile(dy[:, None], W.shape[1]) / 3
        return dz @ W.T, x.T @ dz

    rng = np.random.default_rng(0)
    report = check_pair(forward, backward, rng.normal(size=(4, 4)), rng.normal(size=(4, 4)))
    assert "x.shape[1]" in report.repair.after or "W.shape[0]" in report.repair.after
    assert set(answers) == {True, False}


def test_an_entry_becomes_the_nearest_whole_number_before_it_becomes_its_rank():
    small = check(lambda x: (x * x, lambda dy: 3 * x * dy), np.array([3.2, 0.7])).smallest()
    assert small.inputs["x"].tolist() == [3.0]


def test_matrices_in_a_batch_are_turned_by_their_last_two_axes():
    def batched(x, W):
        def backward(dy):
            dx = dy @ W
            return dx, x.swapaxes(1, 2) @ dy

        return x @ W, backward

    rng = np.random.default_rng(0)
    repair = check(batched, rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 4))).repair
    assert repair.after == "dx = dy @ W.swapaxes(-1, -2)"


def test_a_case_is_not_shrunk_beyond_its_time(monkeypatch):
    monkeypatch.setattr(smallest, "__defaults__", (-1.0, 1))
    report = check(lambda x: (x * x, lambda dy: 3 * x * dy), X)
    assert np.array_equal(report.smallest().inputs["x"], X)


def test_an_object_is_checked_with_the_seed_0_by_default():
    class Double:
        def forward(self, x):
            return 2 * x

        def backward(self, dy):
            return 2 * dy

    assert check_module(Double(), X).seed == 0 and check_module(Double(), X, seed=3).seed == 3


def test_of_another_shape_the_numbers_are_looked_at_only_where_an_axis_of_one_is_lost():
    def told(layer, x):
        found = check(layer, x, lines=False)["x"].findings
        return [f.evidence["numbers"] for f in found if f.code == "wrong-shape"]

    assert told(lambda x: (x**2, lambda dy: np.ones((4, 3))), X) == [None]
    assert told(lambda x: (x[0] ** 2, lambda dy: 2 * x[0] * dy), X[:1]) == [True]


def test_images_alone_have_spatial_positions():
    spatial = "the spatial positions of x"
    assert _sizes_of("x", np.zeros((2, 3, 5, 7)))[spatial] == 15
    assert spatial not in _sizes_of("x", np.zeros((2, 3, 5)))


def test_a_long_step_is_no_witness_against_a_shorter_one():
    """All three say something else, none of them with any doubt."""

    def estimate(step, value):
        fields = dict.fromkeys(StencilEstimate._fields, np.zeros(1))
        return StencilEstimate(**{**fields, "step": np.full(1, step), "value": np.full(1, value)})

    several = [estimate(0.1, 1.0), estimate(0.2, 2.0), estimate(0.05, 3.0)]
    table = _Table(StencilEstimate.at_steps(several))
    # Against the first speak no longer ones, against the second one all, as no step is longer.
    assert table.apart()[..., 0].tolist() == [[0, 0, 1], [1, 0, 1], [1, 0, 0]]


class Square:
    def activation(self, x):
        return x**2

    def derivative(self, x):
        return 2 * x


def test_an_objects_slope_is_asked_where_nothing_else_is_said_of_its_gradients():
    methods = {"forward": "activation", "backward": "derivative"}
    assert "taken for the derivative" in str(check_module(Square(), X, **methods))
    assert not check_module(Square(), X, **methods, gradients=["x"], lines=False)


def test_a_function_without_a_signature_has_numbered_inputs():
    assert list(_signature(min, 2).parameters) == ["input0", "input1"]


def test_five_remainders_on_a_line_have_a_slope_and_four_have_none():
    def remainders(clear):
        steps = 2.0 ** -np.arange(1, 8)
        floor = np.where(np.arange(7) < clear, 0.0, 1.0)
        return TaylorTest(Verdict.PASS, 2.0, False, steps, steps**2, floor)

    assert remainders(5).is_straight and remainders(7).is_straight
    assert not remainders(4).is_straight


def test_of_several_inputs_without_a_gradient_the_first_is_named():
    def layer(x, labels, w, b):
        return x * w + b + labels, lambda dy: (dy * w, dy, None, None)

    report = check(layer, X[0], np.arange(4), X[1], X[2], lines=False)
    (finding,) = [f for f in report.all_findings() if "integers" in f.evidence]
    assert (finding.evidence["none"], finding.code) == ("w", "wrong-count")
    assert "None for w: one gradient for each input" in finding.message


@pytest.mark.parametrize("error", [[0.0, 0.0], [1.0, np.inf], [np.nan, 0.0], [np.inf, np.inf]])
def test_no_error_and_one_that_is_no_number_have_nothing_to_be_explained(error):
    def seen(error):
        return Rerun.error.func(SimpleNamespace(run=lambda _: np.array(error)))

    assert seen(error).size == 0
    assert seen([0.0, 2.0]).tolist() == [0.0, 2.0]


def test_what_a_function_is_left_out_of_is_its_first_argument_or_its_object():
    def left(text):
        scope = SimpleNamespace(local={"a", "b"})
        return [ast.unparse(one.node) for one in _left_out(expression(text), scope)]

    assert left("np.maximum(a, b)") == ["a"] and left("make()") == []
    assert left("a.clip(b, 1)") == ["a", "b"] and left("np.zeros_like(a)") == []


def test_a_name_of_ones_own_is_not_known_and_what_is_returned_has_none():
    judgement = SimpleNamespace(known={"x", "dx", "dz"}, _round_a_loop=lambda one: [])

    def left(label):
        return Judgement.known_but(judgement, SimpleNamespace(label=label))

    assert left(Label("dz")) == {"x", "dx"}
    assert left(Label("x", returned=True)) == {"x", "dx", "dz"}


class Lazy:
    """What a first forward pass leaves: parameters, and numbers that are none."""

    def forward(self, x):
        if not hasattr(self, "W"):
            self.W, self.order, self.rate = np.ones((4, 2)), np.arange(2), 0.5
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T


def test_parameters_made_in_a_forward_pass_are_arrays_of_floats():
    methods = Methods.of(Lazy(), "forward", "backward")
    assert set(vars(built(Lazy(), methods, [X], {}))) == {"W"}


def test_of_a_gradient_that_is_a_sum_the_term_with_a_factor_too_many_is_told():
    w = np.random.default_rng(1).normal(size=9)
    report = check(
        lambda w: (np.cos(w).sum() + 0.35 * (w @ w), lambda _: 0.7 * w - 2 * np.sin(w)), w
    )
    (finding,) = [f for f in report["w"].findings if f.code == "scaled"]
    assert np.isclose(finding.evidence["factor"], 2) and finding.evidence["term"] == "w"
    assert np.isclose(finding.evidence["of_term"], -0.7)


def test_a_gradient_of_the_transposed_shape_is_called_transposed():
    W = np.random.default_rng(2).normal(size=(4, 2))
    report = check(lambda x, W: (x @ W, lambda dy: (dy @ W.T, dy.T @ x)), X, W, lines=False)
    (finding,) = [f for f in report["W"].findings if f.code == "transposed"]
    assert finding.evidence["axes"] == [1, 0]


def test_rows_of_a_batch_may_be_the_first_inputs_the_labels_too_or_all_of_their_length():
    floats, labels = np.zeros((3, 2)), np.zeros(3, int)
    inputs = [floats, labels, np.zeros(3), np.zeros(3, np.uint8), np.zeros(3, bool), np.zeros(4)]
    first, labelled, everything = _guesses(inputs)
    assert first == [True, False, False, False, False, False]
    assert labelled == [True, True, False, True, True, False]
    assert everything == [True, True, True, True, True, False]
    assert not [*_guesses([np.zeros(())])]


def test_a_value_is_shown_as_it_is_written_up_to_forty_characters():
    assert shown("a" * 38) == repr("a" * 38) and shown("a" * 39) == "a str"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([X, 2 * X], None),
        ([X[0], X], "changes its shape from step to step"),
        ([X, X > 0], "does not hold floats"),
        ([np.arange(3)], "does not hold floats"),
        ([X + 1j], "does not hold floats"),
        ([np.array([1.0, np.inf])], "is not finite"),
        ([X, "text"], "is no array of numbers"),
        ([np.zeros(LARGEST)], None),
        ([np.zeros(LARGEST), np.zeros(1)], f"has more than {LARGEST:,} entries"),
    ],
)
def test_why_a_value_of_the_way_there_cannot_be_moved(values, why):
    assert why_immovable(SimpleNamespace(values=values)) == why


def test_of_three_in_a_group_two_statistics_explain_anything_and_of_four_no_more():
    """Beside one entry two are left, which any two numbers fit."""

    def asked(count):
        def at_upstream(dy):
            raise LookupError

        group = SimpleNamespace(count=count, terms={"mean": 1, "variance": 2}, centred=X[0])
        suspect = SimpleNamespace(context=SimpleNamespace(dy=X[0]), x=X[0], at_upstream=at_upstream)
        return _factors_of_the_terms(suspect, group)

    assert asked(3) == asked(2) == {}
    with pytest.raises(LookupError):
        asked(4)


@pytest.mark.parametrize(
    ("best", "other", "believed"),
    [
        # Each by its value, its bound and its step.
        ((1.0, 0.1, 0.1), (2.0, 0.1, 0.01), "other"),  # They contradict: the shorter step.
        ((1.0, 0.1, 0.1), (2.0, 0.1, 0.2), "best"),
        ((1.0, 0.1, 0.1), (1.1, 0.1, 0.01), "best"),
        ((1.0, 0.1, 0.1), (1.0, 0.5, 0.01), "best"),
        (
            (0.1, 0.5, 0.1),
            (0.1, 0.9, 0.2),
            "other",
        ),  # Neither tells anything: the one that says so.
        ((0.1, 0.5, 0.1), (0.1, 0.3, 0.2), "best"),
    ],
)
def test_of_a_function_that_may_swing_the_shorter_step_or_the_vaguer_bound_counts(
    monkeypatch, best, other, believed
):
    def estimate(value, bound, step):
        fields = dict.fromkeys(StencilEstimate._fields, np.zeros(1))
        told = {"value": value, "truncation": bound, "step": step}
        return StencilEstimate(
            **fields | {name: np.full(1, number) for name, number in told.items()}
        )

    told = {"best": estimate(*best), "other": estimate(*other)}
    monkeypatch.setattr("gradcheck.numeric.sweeping.corroborated", lambda *_, **__: told["other"])
    sweeping = SimpleNamespace(_oscillating=True, _all_steps=lambda *_: (None, None))
    found = Sweeping._without_periods(sweeping, told["best"], np.ones(1), None)
    assert found == told[believed]


@pytest.mark.parametrize("digits", [None, 5])
@pytest.mark.parametrize("factor", [1, 1 + 1e-4, 1.05, -1])
def test_a_gradient_predicts_slopes_if_these_are_sharp_and_as_it_says(monkeypatch, digits, factor):
    def f(x):
        return x**3 if digits is None else np.round(x**3, digits)

    # Rounded to five digits the slopes are known to a part in a thousand.
    monkeypatch.setattr("gradcheck.diagnosis.probes.EXPLAINED", 1e-4)
    told = predicts_slopes(factor * 3 * X**2, 0, Forward(f, [X]), np.ones(X.shape))
    assert told == (digits is None and factor == 1)


@pytest.mark.parametrize("seed", range(5))
def test_what_kinks_allow_holds_all_that_was_seen_with_its_slack_and_has_no_preferred_sign(seed):
    rng = np.random.default_rng(seed)
    slopes, slack = rng.normal(size=(4, 6)), rng.uniform(0.1, 1, size=6)
    low, high = _decided(slopes, slack)
    assert (low <= slopes - slack).all() and (high >= slopes + slack).all()
    mirrored = _decided(-slopes, slack)
    assert np.array_equal(mirrored[0], -high) and np.array_equal(mirrored[1], -low)
