"""Many checks through executors, a conformance suite, a strategy for inputs."""

from __future__ import annotations

import json
import math
import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from examples import dense, softmax, tanh
from hypothesis import given, settings

from gradcheck import Verdict, check, check_derivative, check_many, conformance
from gradcheck import slices as slicing
from gradcheck.numeric import Grouping
from gradcheck.numeric.grouping import AlignedAxis
from gradcheck.strategies import inputs


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def wrong(x):
    return np.tanh(x), lambda dy: dy * np.tanh(x)


def deadly(x):
    os._exit(7)


def raising(x):
    raise RuntimeError("no such layer")


X = normal(3, 4)
CASES = [(tanh, Verdict.PASS), (wrong, Verdict.FAIL), (softmax, Verdict.PASS)]


@pytest.mark.parametrize("executor", [None, partial(ThreadPoolExecutor, 2)])
def test_every_task_has_its_report_in_order(executor):
    tasks = [partial(check, layer, X) for layer, _ in CASES] + [partial(check, raising, X)]
    reports = check_many(tasks, executor)
    assert [r.verdict for r in reports] == [verdict for _, verdict in CASES] + [Verdict.FAIL]
    assert [r.name for r in reports] == ["tanh", "wrong", "softmax", "raising"]
    assert "RuntimeError: no such layer" in reports[-1].findings[0].message


def test_names_and_reports_are_the_same_whoever_runs_them():
    tasks = {"one": partial(check, tanh, X, name="one"), "two": partial(check, raising, X)}
    here = check_many(tasks)
    with ThreadPoolExecutor(2) as pool:
        there = check_many(tasks, pool)
    assert [r.name for r in here] == [r.name for r in there] == ["one", "two"]
    assert here[0].to_json(arrays=True) == there[0].to_json(arrays=True)


@pytest.mark.slow
def test_a_task_that_kills_its_worker_costs_itself_only():
    layers = [*[tanh] * 3, deadly, *[softmax] * 7, wrong]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        reports = check_many([partial(check, layer, X) for layer in layers], pool)
    assert [r.passed for r in reports] == [layer not in (deadly, wrong) for layer in layers]
    assert "the layer kills its process" in reports[3].findings[0].message
    assert all(r.rows for r in reports if r is not reports[3])


def killed_on_a_cluster(task):
    """As dask does with a task that has killed several workers."""
    raise type("KilledWorker", (Exception,), {})("attempted to run on 4 workers")


def test_a_scheduler_that_gives_a_task_up_says_so_in_our_words(monkeypatch):
    monkeypatch.setattr(
        "gradcheck.many._begun", lambda name, task, parts: killed_on_a_cluster(task)
    )
    (report,) = check_many([partial(check, tanh, X)], partial(ThreadPoolExecutor, 1))
    assert "the layer kills its process" in report.findings[0].message


def mistaken(x):
    """An edit that mends it is found."""
    y = np.tanh(x)

    def backward(dy):
        dx = dy * (1 + y**2)
        return dx

    return y, backward


def test_a_repair_comes_back_from_a_worker_and_from_a_journal(tmp_path):
    task = partial(check, mistaken, X)
    here = task().to_json()
    assert json.loads(here)["repair"] is not None
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        # Their own pool, and nobody has asked for a repair before the report leaves the layer's process.
        assert pool.submit(task).result().to_json() == here
        (one,) = check_many([task], pool)
    assert one.to_json() == here
    check_many([task], journal=tmp_path)
    (resumed,) = check_many([task], journal=tmp_path, resume=True)
    assert resumed.to_json() == here


@pytest.mark.parametrize("executor", [None, partial(ThreadPoolExecutor, 2)])
def test_a_task_that_exits_costs_itself_only(executor):
    def leaving():
        sys.exit(0)

    reports = check_many([leaving, partial(check, tanh, X)], executor)
    assert [str(report.verdict) for report in reports] == ["FAIL", "PASS"]
    assert "SystemExit: 0" in reports[0].findings[0].message


def test_what_is_built_in_may_be_a_task():
    task = partial(check_derivative, math.sin, math.cos, 0.3)
    assert [report.passed for report in check_many([task])] == [True]


@pytest.mark.slow
def test_a_task_that_cannot_be_sent_is_a_report():
    pool = partial(ProcessPoolExecutor, 1, mp_context=get_context("spawn"))
    reports = check_many([lambda: check(tanh, X), partial(check, tanh, X)], pool)
    assert [str(r.verdict) for r in reports] == ["FAIL", "PASS"]


def rows_times(x, W):
    h = x @ W
    return (h**2).sum(), lambda dL: (2 * dL * h @ W.T, 2 * dL * x.T @ h)


LARGE = normal(2, 5), normal(5, 12)


@pytest.fixture
def small_slices(monkeypatch):
    monkeypatch.setattr("gradcheck.slices.SLICE", 10)
    monkeypatch.setattr("gradcheck.cut.worth.MANY", 10**9)


def test_slices_say_the_same_whoever_does_them(small_slices):
    tasks = [partial(check, rows_times, *LARGE), partial(check, tanh, X)]
    here = [report.to_json(arrays=True) for report in check_many(tasks)]
    for workers in (1, 2):
        there = check_many(tasks, partial(ThreadPoolExecutor, workers))
        assert [report.to_json(arrays=True) for report in there] == here
    assert check(rows_times, *LARGE).to_json(arrays=True) == here[0]


def test_slices_are_all_groups_in_their_order_and_the_last_waits_for_none(small_slices):
    grouping = Grouping((3, 5, 4), (AlignedAxis(1, 0),))
    slices = list(slicing._slices(grouping))
    assert [group for some in slices for group in some.groups()] == list(grouping.groups())
    # One after another, a thousand million groups would take minutes to pass over.
    last = slicing._Some((1000, 1000, 1000), first=10**9 - 1, last=10**9)
    assert list(last.groups()) == [(slice(999, 1000),) * 3]


def test_a_large_gradient_is_spread(small_slices, monkeypatch):
    sent = []

    class Counting(ThreadPoolExecutor):
        def submit(self, work, *args):
            sent.append(work.func.__name__)
            return super().submit(work, *args)

    (report,) = check_many([partial(check, rows_times, *LARGE)], partial(Counting, 2))
    # 60 entries of W are six slices of ten; the ten of x are one.
    assert report.passed and sent == ["_begun", *["_slice"] * 6, "_begun"]


def test_a_slice_that_raises_is_the_tasks_report(small_slices, monkeypatch):
    def broken(task, key):
        raise RuntimeError(f"slice {key[-1]}")

    monkeypatch.setattr("gradcheck.many._slice", broken)
    (report,) = check_many([partial(check, rows_times, *LARGE)], partial(ThreadPoolExecutor, 2))
    assert not report.passed and "RuntimeError: slice 0" in report.findings[0].message


DENSE = {"x": normal(3, 4), "W": normal(4, 2), "b": normal(2)}


@pytest.mark.parametrize("one", conformance(dense, DENSE))
def test_a_right_layer_stands_every_check(one):
    one()


def test_the_checks_have_names_and_can_be_left_out():
    names = [one.__name__ for one in conformance(dense, DENSE)]
    assert names[0] == "numbers" and names[-3:] == ["batch_of_one", "empty_batch", "batch_of_many"]
    assert "zeros" not in [c.__name__ for c in conformance(dense, DENSE, skip=["zeros"])]
    with pytest.raises(ValueError, match="skip names 'ones'"):
        list(conformance(dense, DENSE, skip=["ones"]))


def wide_softmax(x):
    e = np.exp(x)
    p = e / e.sum(axis=-1, keepdims=True)
    return p, lambda dy: p * (dy - (dy * p).sum(axis=-1, keepdims=True))


def double_only(x):
    return np.tanh(x).astype(float), lambda dy: dy * (1 - np.tanh(x) ** 2)


def in_place(x):
    x *= 2
    return x.copy(), lambda dy: 2 * dy


def squeezed(x, W):
    y = np.squeeze(x @ W)
    return y, lambda dy: (np.reshape(dy, (len(x), -1)) @ W.T, x.T @ dy)


def averaged(x, W):
    def backward(dy):
        dW = np.mean(x[:, :, None] * dy[:, None, :], axis=0) * len(x)
        return dy @ W.T, np.where(np.isnan(dW), 1.0, dW)

    return x @ W, backward


CALLS = []


def forgetful(x):
    CALLS.append(len(CALLS))
    return np.tanh(x) + 1e-3 * (len(CALLS) > 2), lambda dy: dy * (1 - np.tanh(x) ** 2)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("layer", "arrays", "fails"),
    [
        (wide_softmax, [X], "large_values"),
        (double_only, [X], "float32"),
        (in_place, [X], "read_only_inputs"),
        (squeezed, [X, normal(4, 2)], "batch_of_one"),
        (averaged, [X, normal(4, 2)], "empty_batch"),
        (wrong, [X], "numbers"),
        (forgetful, [X], "repeated_calls"),
    ],
)
def test_each_check_fails_what_it_is_there_for(layer, arrays, fails):
    CALLS.clear()
    checks = {one.__name__: one for one in conformance(layer, arrays)}
    CALLS.clear()
    with pytest.raises((AssertionError, ValueError)):
        checks[fails]()


@given(inputs("x: N D; W: D M; b: M"))
@settings(max_examples=20, deadline=None)
def test_a_line_of_shapes_tests_a_layer_at_many(arrays):
    assert arrays["x"].shape[1] == arrays["W"].shape[0]
    report = check(dense, **arrays)
    assert report.passed, str(report)


@given(inputs("labels: N int<C; x: N C; fixed: 3 2", least=2, most=4, dtype=np.float32))
@settings(max_examples=20, deadline=None)
def test_integers_numbers_and_dtypes_in_a_spec(arrays):
    assert arrays["labels"].max(initial=0) < arrays["x"].shape[1]
    assert arrays["fixed"].shape == (3, 2) and arrays["x"].dtype == np.float32


def test_a_failing_shape_is_shrunk():
    shapes = []

    @given(inputs("x: N D"))
    @settings(max_examples=50, deadline=None, database=None, derandomize=True)
    def attempt(arrays):
        shapes.append(arrays["x"].shape)
        assert arrays["x"].shape[1] < 3

    with pytest.raises(AssertionError):
        attempt()
    assert shapes[-1] == (1, 3)


def test_a_spec_that_cannot_be_read_is_told():
    with pytest.raises(ValueError, match="'x N D' is no input"):
        inputs("x N D")


def test_a_failing_check_of_the_suite_shows_no_frame_of_ours():
    def halved(x):
        return 2 * x, lambda dy: dy

    one = next(c for c in conformance(halved, [DENSE["x"]]) if c.__name__ == "numbers")
    with pytest.raises(AssertionError, match="halved: FAIL") as raised:
        one()
    assert [frame.name for frame in raised.traceback][1:] == ["__call__"]
