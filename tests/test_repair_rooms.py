"""The rooms beneath a search for a repair: the places of a function, what may be called, what has which value."""

import ast
import inspect
import time

import numpy as np
import pytest
from golden_files import agrees_to_the_letter
from numpy.lib.stride_tricks import as_strided

from gradcheck.repair import scope, tree
from gradcheck.repair.candidates import Candidate, Sieve
from gradcheck.repair.grammar import Alternative
from gradcheck.repair.missing import missing
from gradcheck.repair.patience import Meter, TooLong, counted, patience
from gradcheck.repair.places import Known, Scopes, places
from gradcheck.repair.program import _differences, edited
from gradcheck.repair.pure import only_computes
from gradcheck.repair.scope import NOTHING, TOO_LARGE, Pool, Scope
from gradcheck.repair.surroundings import views_within_bounds
from gradcheck.repair.watch import SEEN, Watch, lines_of, watched

PLACES = """
def backward(dy, cache):
    x, W = cache
    dx: Any = np.zeros(x.shape)
    x.append(dy)
    assert dy.size
    for t in range(3):
        dx[t] = dy[t] @ W.T
        dx[t] += np.add.at(x, 1, dy)
    while dx:
        dx = dx - 1
    if dy.ndim == 1 and cache:
        dW = (lambda a: a)(x)
    with held(x) as y:
        print(f"{x} of {y}", *x, k=W)
    def inner(z):
        return -z
    try:
        return dx
    finally:
        cache.pop()
    return dx[1:], [W for W in cache], None
"""


def test_the_places_of_a_function():
    told = []
    for helper in (False, True):
        for place in places(ast.parse(PLACES).body[0], Scopes({}, {}), Known(), helper=helper):
            if not helper or place.node is place.statement:
                path = " ".join(f"{s.name}{'' if s.index is None else s.index}" for s in place.path)
                text, *_ = ast.unparse(place.node).split("\n")
                root = f"; computes {ast.unparse(place.root.node)}" if place.root else ""
                again = f"; again from line {place.repeated.lineno}" if place.repeated else ""
                item = "; sets an item" if place.sets_an_item else ""
                told.append(f"{[*place.lines]} {text}: {path}{root}{again}{item}")
    agrees_to_the_letter("places.txt", "\n".join(told) + "\n")


def reads_only(x):
    z = np.where(x > 0, x, 0) + np.exp(x).sum() + x.reshape(-1).mean()
    return z[0]


def has_words_first(x):
    """What it does."""
    return np.tanh(x)


def writes_an_item(x):
    x[0] = 1
    return x


def sets_an_attribute(x):
    x.flags = 1
    return x


def draws(x):
    return x + np.random.normal(size=x.shape)  # noqa: NPY002


def calls_its_own(x):
    return reads_only(x)


def asks_a_module(x):
    return time.time() + x


def fills(x):
    return x.fill(0)


def loops(x):
    for _ in x:
        pass
    return x


def yields(x):
    yield x


def has_a_lambda(x):
    return (lambda: x)()


def calls_further(x):
    return calls_its_own(x)


@pytest.mark.parametrize("function", [reads_only, has_words_first, calls_its_own])
def test_what_only_computes_may_be_called(function):
    assert only_computes(function)


@pytest.mark.parametrize(
    "function",
    [
        *(writes_an_item, sets_an_attribute, draws, calls_further, asks_a_module, fills),
        *(loops, yields, has_a_lambda),
    ],
)  # fmt: skip
def test_what_may_do_more_is_not(function):
    assert not only_computes(function)


def test_trees():
    node = tree.expression("np.sum(a * b + a)[0] + dot(a)")
    assert [*map(tree.called_name, tree.inside(node, ast.Call))] == ["dot", "sum"]
    changed = tree.replaced(node, "a", tree.expression("c.T"))
    assert ast.unparse(changed) == "np.sum(c.T * b + c.T)[0] + dot(c.T)"
    assert ast.unparse(node) == "np.sum(a * b + a)[0] + dot(a)"
    assert tree.called_name(tree.expression("f()()")) == tree.called_name(tree.read("a")) == ""
    target = ast.parse("a[0] = b").body[0]
    assert [*map(tree.is_read, (target.targets[0], target.value, target))] == [False, True, True]
    assert tree.same(tree.expression("a+b"), tree.expression("a + b"))
    assert not tree.same(tree.expression("a"), tree.expression("b"))


def test_an_edit_has_brackets_where_it_needs_them():
    def with_new(text, old, new):
        node = next(n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name) and n.id == old)
        return edited(text, node, tree.expression(new))

    assert with_new("é = 2 * b", "b", "x + y") == "é = 2 * (x + y)"
    assert with_new("a = b + 2", "b", "x * y") == "a = x * y + 2"
    assert with_new("a = f(b)\nc = 3", "b", "x + y") == "a = f(x + y)\nc = 3"
    assert with_new("a = (1,\n     b)", "b", "x.T") == "a = (1,\n     x.T)"
    assert with_new("a = c[b]", "b", "i, j") == "a = c[i, j]"
    assert with_new("a = c.sum(b)", "b", "0,") == "a = c.sum((0,))"


def test_lines_differ_one_by_one_where_as_many_stand_for_as_many():
    assert [*_differences([*"abcd"], [*"axyd"])] == [(1, 2, 1, 2), (2, 3, 2, 3)]
    assert [*_differences([*"abcd"], [*"axyzd"])] == [(1, 3, 1, 4)]
    assert [*_differences([*"abc"], [*"ac"])] == [(1, 2, 1, 1)] and not [*_differences("ab", "ab")]


def a_scope(**local):
    return Scope(local, {"np": np, "EPS": 1e-5, "__version__": 1, "k": "text"})


def test_what_expressions_are_worth():
    here = a_scope(x=np.ones((2, 3)), n=3, big=np.zeros(1001))

    def worth(text):
        return here.worth(tree.expression(text))

    assert worth("n - 1") == 2 and worth("n // 2") == 1 and worth("n ** 3") == 27
    assert (
        worth("x @ x") is NOTHING
        and worth("missing") is NOTHING
        and worth("n + missing") is NOTHING
    )
    assert (
        worth("n ** 4") is TOO_LARGE
        and worth("101 ** 2") is TOO_LARGE
        and worth("100 ** 2") == 10000
    )
    assert worth("2 ** -4") is TOO_LARGE and worth("2.0 ** 4") == 16
    for op in "+-*/":
        assert worth(f"big[:, None] {op} big") is TOO_LARGE  # 1001² entries.
        assert worth(f"(n * x) {op} 2").shape == (2, 3)
    assert (
        here.shape(tree.expression("x[0]")) == (3,) and here.shape(tree.expression("'a'")) is None
    )
    assert here.others("x") == ("x", "big", "n", "EPS") == here.others("missing")
    assert here.others("np") == ()
    assert [*map(ast.unparse, here.sizes)] == ["len(x)", "x.shape[1]", "x.size", "len(big)"]
    assert here.counts == ("n",) and here.arrays == ("x", "big") == here.lists
    assert here.same_shape(tree.expression("2 * x")) == ["x"]


def test_shapes_are_those_of_numbers():
    numbers = [1.5, 2, True, np.float32(1), 2**1000]
    assert {scope.shape_of(value) for value in numbers} == {()}
    assert [*map(scope.shape_of, (np.ones((2, 1)), np.array([1j])))] == [(2, 1), (1,)]
    others = [np.array("a"), "a", [1], 2**1100, 1j]
    assert {scope.shape_of(value) for value in others} == {None}


def test_what_is_the_same_has_the_same_type_and_numbers():
    one = np.array([1.0, 2.0])
    assert scope.same(one, one.copy()) and scope.same("a", "a") and scope.same((1, 2), (1, 2))
    assert not scope.same(one, one + 1) and not scope.same(1, 1.0) and not scope.same(1, 2)
    assert not scope.same((one,), (one + 1,))  # A comparison that raises.
    assert scope.is_mask(one > 1) and scope.is_mask(np.True_) and not scope.is_mask(one)
    first, last = [1], [1, 2]
    longer = scope.uneven({"a": first, "b": (1,), "d": one}, {"a": last, "b": (2,), "d": one[:1]})
    assert longer == {"a", "d"} and not scope.uneven({"c": 3, "e": first}, {"c": 4, "f": last})


def test_what_a_function_is_written_with():
    text = "def f(x):\n left = x[1:, i] + np.sum(x)\n for t in range(3):\n  y = x[t] * held.W\n return y"
    holds = {
        "held": type("Held", (), {})(),
        "cache": {"z": 1.5, 3: 2, "deep": {"q": 1, "deeper": {"r": {"s": 1}}}},
    }
    vars(holds["held"]).update(W=np.ones(2), name="no number")
    module = {"has_words_first": has_words_first, "draws": draws, "np": np}
    pool = Pool.of(ast.parse(text), holds, module, ast.parse("z = x ** 2"))
    assert set(map(ast.unparse, pool.operands)) == {
        *("x[1:, i] + np.sum(x)", "x[1:, i]", "np.sum(x)", "range(3)", "x[t] * held.W", "np.sum"),
        *("x[t]", "held.W", "cache['z']", "cache['deep']['q']"),
    }
    assert [*map(ast.unparse, pool.indices)] == ["(1:, i)", "t"] == [*map(ast.unparse, pool.turns)]
    assert pool.indexing == {"i", "t"} and not pool.axes and not pool.options
    assert [*map(ast.unparse, pool.ends)] == ["1"] and pool.parts == ["[(1:, i)]"]
    assert pool.helpers == {"has_words_first": 1} and pool.unread == ("left",)
    assert [*map(ast.unparse, pool.ahead)] == ["x ** 2"]
    assert [*map(ast.unparse, pool.calls_of("sum"))] == ["np.sum(x)"]


def test_what_nobody_needs_is_called_so_and_proposed_nowhere():
    local = {"n": 3, "_": 2, "__": np.ones(2)}
    pool = Pool.of(ast.parse("def f(x):\n n, _ = x.shape"), local, {}, ast.Pass())
    here = Scope(local, {}, pool)
    assert (here.names, here.counts, here.arrays, pool.unread) == (("n",), ("n",), (), ("n",))


def test_what_is_read_as_an_array_should_be_one():
    text = "n = len(x)\na = H * W\nb = H + W\nc = H - W\ny = a[:, None] + b.T + c @ x + n"
    pool = Pool.of(ast.parse(text), {}, {}, ast.Pass())
    assert pool.with_axes == {"H * W", "H + W", "H - W"}


def test_a_watched_function_reports_its_names_before_each_statement():
    written = "def f(x):\n    a = [x]\n    for k in (1, 2):\n        a.append(k)\n    if x: y = 1\n    return a\n"
    function, watch = ast.parse(written).body[0], Watch()
    names = {SEEN: watch}
    exec(
        compile(ast.fix_missing_locations(ast.Module([watched(function)], [])), "f", "exec"), names
    )
    assert (
        names["f"](0) == [0, 1, 2]
        and ast.unparse(function) + "\n" == ast.unparse(ast.parse(written)) + "\n"
    )
    assert [*watch.found] == [(2, 4), (3, 4), (4, 8), (5, 4), (6, 4)]
    assert watch.found[4, 8] == {"x": 0, "a": [0, 1], "k": 2}
    assert watch.first[4, 8] == {"x": 0, "a": [0], "k": 1}
    assert watch.last(range(2, 5)) == (watch.found[4, 8], watch.found[6, 4])
    watch.looks = False
    names["f"](5)
    assert watch.found[6, 4]["x"] == 0
    assert lines_of(None) == range(0) and lines_of(function) == range(1, 7)


def steps(count):
    for _ in range(count):
        has_words_first(1.0)


def test_what_takes_too_many_steps_is_ended_and_they_are_counted():
    meter = Meter(100, time.thread_time() + 60)
    with counted(meter), patience(1000):
        steps(5)
    # Each of the five calls and its return, np.tanh that is no function of Python's, and those around them.
    assert 10 <= meter.steps <= 30 and not meter.is_over
    with pytest.raises(TooLong), counted(meter), patience(100):
        steps(1000)
    assert 100 < meter.steps <= 200 and meter.is_over and not meter.is_late
    late = Meter(10**9, time.thread_time() - 1)
    with pytest.raises(TooLong), counted(late), patience(10**9):
        steps(1000)
    assert late.is_late and late.is_over and 60 <= late.steps <= 130
    assert inspect.signature(patience).parameters["steps"].default == 1000


def test_no_loop_is_tried_through_what_it_writes_into():
    """It would have no end, make no call that is counted, and fill the memory."""
    function = ast.parse(
        "def ctc(labels):\n    ext = [0]\n    for l in labels:\n        ext += [l, 0]"
    ).body[0]
    names = Scope({"labels": [1, 2], "ext": [0], "other": [3]}, {})
    (loop,) = (one for one in function.body if isinstance(one, ast.For))
    at = {(loop.lineno, loop.col_offset): names}
    place = next(p for p in places(function, Scopes(at, at), Known()) if p.node is loop.iter)
    assert not Sieve().lets_through(Candidate(place, Alternative(tree.read("ext"), 1)))
    assert Sieve().lets_through(Candidate(place, Alternative(tree.read("other"), 1)))


def test_what_is_added_in_a_loop_should_be_what_was_lacking_when_it_was_first_passed():
    text = "def back(t):\n    for k in range(2):\n        d = 1.0 * t\n        d += t"
    function = ast.parse(text).body[0]
    statement = function.body[0].body[1]
    t, true = np.array([1.0, 2.0]), (np.array([4.0, 6.0]), np.full(2, 1e-9))
    at = {(statement.lineno, statement.col_offset): Scope({"t": t, "d": t}, {})}
    several = places(function, Scopes(at, at), Known(first={("d", statement.lineno): true}))
    (place,) = (one for one in several if one.node is statement.value)
    assert place.true is not None and np.array_equal(place.true[0], [3.0, 4.0])
    tried = {text: Alternative(tree.expression(text), 1) for text in ("3 * t", "t + 2", "t * t")}
    let = [text for text, one in tried.items() if Sieve().lets_through(Candidate(place, one))]
    assert let == ["t + 2"]


@pytest.mark.parametrize("lacking", ["dz @ W.T", "W @ dz.T"])
def test_what_goes_back_through_a_layer_may_be_what_is_lacking(lacking):
    function = ast.parse("def back(dz, W):\n    for k in range(2):\n        dh = dr").body[0]
    statement = function.body[0].body[0]
    rng = np.random.default_rng(0)
    names = {"dz": rng.normal(size=(3, 2)), "W": rng.normal(size=(6, 2))}
    lack = eval(lacking, names)
    names = {**names, "dr": rng.normal(size=lack.shape)}
    del names["__builtins__"]
    at = {(statement.lineno, statement.col_offset): Scope(names, {})}
    true = names["dr"] + lack, np.full(lack.shape, 1e-12)
    several = places(function, Scopes(at, at), Known(first={("dh", statement.lineno): true}))
    (place,) = (one for one in several if one.node is statement.value)
    with np.errstate(all="ignore"):
        first = next(missing(place), None)
    assert first is not None and ast.unparse(first.node) == f"dr + {lacking}"


def test_nothing_grows_in_each_turn_of_a_loop():
    function = ast.parse("def at(kept):\n    for k in range(9):\n        i = kept[k, 0]").body[0]
    names = Scope({"kept": np.arange(8).reshape(4, 2), "k": 3, "i": np.int64(6)}, {})
    (one,) = (node for node in ast.walk(function) if isinstance(node, ast.Subscript))
    statement = function.body[0].body[0]
    at = {(statement.lineno, statement.col_offset): names}
    place = next(p for p in places(function, Scopes(at, at), Known()) if p.node is one)
    several = [tree.expression(text) for text in ("kept[i % 4]", "kept[k]", "kept[i % 4, 1]")]
    let = [Sieve().lets_through(Candidate(place, Alternative(node, 1))) for node in several]
    assert let == [False, True, True]


def test_a_view_stays_in_its_array_while_edits_are_tried():
    """Memory beyond it is read as numbers, or ends the process."""
    x = np.arange(12.0)[2:]

    def pairs(count):
        return np.lib.stride_tricks.as_strided(x, (count, 2), (8, 8))

    def backwards():
        return as_strided(x[-1:], (10,), (-8,), writeable=False)

    before = np.lib.stride_tricks.as_strided
    with views_within_bounds([backwards]):
        assert pairs(9)[-1, -1] == 11 and backwards()[-1] == 2
        for far in (10, 10**9):
            with pytest.raises(IndexError, match="beyond its array"):
                pairs(far)
        with pytest.raises(IndexError):
            as_strided(x, (2,), (-24,))
    assert np.lib.stride_tricks.as_strided is before is as_strided
