"""Lines without a counterpart: which of them it is, is found by running the rest with other values."""

import inspect
import linecache

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check, check_loss

RNG = np.random.default_rng(5)
X, SCALE = RNG.normal(size=(4, 5)), RNG.normal(size=5)


def centred(x, g):
    m = x.mean(axis=1, keepdims=True)
    r = 1 / np.sqrt(((x - m) ** 2).mean(axis=1, keepdims=True) + 0.1)
    h = (x - m) * r
    y = h * g

    def backward(dy):
        dg = (dy * h).sum(axis=0)
        dh = dy * g
        along = dh.mean(axis=1, keepdims=True)
        across = (dh * h).mean(axis=1, keepdims=True)
        dx = r * (dh - along - h * across)
        return dx, dg

    return y, backward


def recurrent(x, W):
    states, h = [], np.zeros(W.shape[0])
    for t in range(len(x)):
        h = np.tanh(x[t] + h @ W)
        states.append(h)
    y = np.stack(states)

    def backward(dy):
        dx, dW, carried = np.zeros_like(x), np.zeros_like(W), np.zeros(W.shape[0])
        for t in reversed(range(len(x))):
            dh = dy[t] + carried
            da = dh * (1 - states[t] ** 2)
            dx[t] = da
            before = states[t - 1] if t else np.zeros(W.shape[0])
            dW += np.outer(before, da)
            carried = W @ da
        return dx, dW

    return y, backward


def planted(function, right, wrong):
    source = inspect.getsource(function)
    assert source.count(right) == 1
    text, name = source.replace(right, wrong), f"<{function.__name__}: {wrong}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    scope = {"np": np}
    exec(compile(text, name, "exec"), scope)
    return scope[function.__name__], source[: source.index(right)].count("\n") + 1


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("along = dh.mean(", "along = dh.sum("),
        ("along = dh.mean(axis=1", "along = dh.mean(axis=(0, 1)"),
        ("across = (dh * h).mean(", "across = (dh + h).mean("),
        ("dx = r * (dh - along - h * across)", "dx = r * (dh - along - dh * across)"),
        ("dx = r * (dh - along - h * across)", "dx = r * r * (dh - along - h * across)"),
        ("dx = r * (dh - along - h * across)", "dx = r * (dh + along - h * across)"),
    ],
)
def test_the_line_between_is_told_from_the_line_behind(right, wrong):
    layer, line = planted(centred, right, wrong)
    report = check(layer, X, SCALE)
    assert report.verdict is Verdict.FAIL
    found = report.by_line.first_wrong
    assert found.evidence["line"] == line
    assert ("with another value of it" in found.message) is ("dx" not in right)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("carried = W @ da", "carried = da @ W"), ("dh = dy[t] + carried", "dh = dy[t] - carried")],
)
def test_a_carry_is_told_from_what_it_goes_into(right, wrong):
    layer, line = planted(recurrent, right, wrong)
    report = check(layer, RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)) / 2)
    assert report.by_line.first_wrong.evidence["line"] == line


def test_a_shape_that_the_next_line_cannot_take_is_blamed_on_the_line_that_made_it():
    layer, line = planted(recurrent, "carried = W @ da", "carried = (W @ da)[:-1]")
    report = check(layer, RNG.normal(size=(2, 3)), RNG.normal(size=(3, 3)) / 2)
    found = report.by_line.first_wrong
    assert (found.evidence["name"], found.evidence["line"]) == ("carried", line)
    assert f"has a shape that line {line - 5} cannot take" in found.message


def through(x, g):
    h = x / np.sqrt((x * x).mean(axis=1, keepdims=True))
    y = h * g

    def backward(dy):
        r = 1 / np.sqrt((x * x).mean(axis=1, keepdims=True))
        dg = (dy * h).sum(axis=0)
        dh = dy * g
        back = h * (dh * h).mean(axis=1, keepdims=True)
        dx = r * (dh - back)
        return dx, dg

    return y, backward


def test_what_no_value_can_tell_a_proved_edit_tells():
    """`back` has as many entries as dx, so that some value of it explains any error of dx."""
    layer, line = planted(through, "(dh * h).mean(", "(dh * h).sum(")
    report = check(layer, X, SCALE)
    found = report.by_line.first_wrong
    assert (found.evidence["name"], found.evidence["line"]) == ("back", line)
    assert line + 1 in found.evidence["also"]
    assert "one change in it makes every gradient right" in found.message
    assert report.repair.line == line


def shifted(x):
    y = 3 * x

    def backward(dy):
        zeros = np.zeros_like(x)
        dx = zeros
        return dx

    return y, backward


def test_zeros_are_no_line_to_be_handed_on_from():
    found = check(shifted, X).by_line.first_wrong
    assert found.evidence["source"] == "dx = zeros"


def one_of_another(x):
    y, back = doubled(x)

    def backward(dy):
        return back(2 * dy)

    return y, backward


def doubled(x):
    return 2 * x, lambda dy: (2 * dy,)


def test_a_tuple_of_one_gradient_that_another_layer_returns_is_compared():
    found = check(one_of_another, X).by_line.first_wrong
    assert found.evidence["source"] == "return back(2 * dy)"


def shorter(x, w):
    y = x * w

    def backward(dy):
        dx = dy * w
        dw = (dy * x).sum(axis=0, keepdims=True)
        return dx, dw

    return y, backward


def test_another_shape_may_be_the_fault_of_the_line_that_returns_it():
    found = check(shorter, X, SCALE).by_line.first_wrong
    lines = {found.evidence["line"], *found.evidence["also"]}
    assert {"dw = (dy * x).sum(axis=0, keepdims=True)", "return dx, dw"} <= {
        inspect.getsource(shorter).splitlines()[k - shorter.__code__.co_firstlineno].strip()
        for k in lines
    }


def hinge(x, labels):
    """A loss as courses have it: the gradient is copied, and then written into."""
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, labels]).sum() / len(x)
    dx = p.copy()
    dx[rows, labels] -= 1
    dx /= len(x)
    dx += 0 * x
    return loss, dx


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("dx = p.copy()", "dx = 2 * p"),
        ("dx[rows, labels] -= 1", "dx[rows, labels] -= 2"),
        ("dx /= len(x)", "dx /= 3 * len(x)"),
        ("dx += 0 * x", "dx += 0.1 * x"),
    ],
)
def test_of_several_writes_the_one_that_made_a_gradient_wrong_is_blamed(right, wrong):
    loss, line = planted(hinge, right, wrong)
    report = check_loss(loss, X, np.array([0, 3, 1, 2]))
    found = report.by_line.first_wrong.evidence
    assert found["line"] == line
    assert len({found["line"], *found["also"]}) == 4


def test_only_the_entries_that_one_write_touches_are_wrong():
    """No proof is needed to tell it: the other writes touch what is right."""
    loss, line = planted(hinge, "dx[rows, labels] -= 1", "dx[rows, labels] -= np.cosh(1.0)")
    found = check_loss(loss, X, np.array([0, 3, 1, 2])).by_line.first_wrong
    assert found.message.startswith(f"dx, line {line}, is the first wrong value")


def weighed(x, z):
    gap = x[:, None] - z[None]
    y = np.sqrt((gap * gap).sum(axis=2))

    def backward(dy):
        apart = y != 0
        ratio = np.where(apart, dy / np.where(apart, y, 1), 0)
        dgap = ratio[:, :, None] * gap
        return dgap.sum(axis=1), -dgap.sum(axis=0)

    return y, backward


def test_a_mask_in_place_of_numbers_and_what_is_computed_by_it_alone():
    right = "ratio = np.where(apart, dy / np.where(apart, y, 1), 0)"
    layer, line = planted(weighed, right, "ratio = apart")
    found = check(layer, X, RNG.normal(size=(3, 5))).by_line.first_wrong.evidence
    assert (found["name"], found["line"]) == ("ratio", line)


def stepped(x, W):
    h, states = np.zeros((len(x), len(W))), []
    for t in range(x.shape[1]):
        a = x[:, t] + h @ W
        h = np.tanh(a)
        states.append(h)
    kept = np.stack(states, axis=1)
    y = kept.sum(axis=1)

    def backward(dy):
        slopes = 1 - kept**2
        dx, dW, back = np.zeros_like(x), np.zeros_like(W), 0.0
        for t in reversed(range(x.shape[1])):
            dh = dy + back
            da = dh * slopes[:, t]
            dx[:, t] = da
            dW += (kept[:, t - 1] if t else 0 * dh).T @ da
            back = da @ W.T
        return dx, dW

    return y, backward


def test_a_step_of_what_was_made_before_the_loop_has_the_wrong_shape():
    layer, line = planted(stepped, "slopes = 1 - kept**2", "slopes = (1 - kept**2)[..., :2]")
    report = check(layer, RNG.normal(size=(2, 2, 3)), RNG.normal(size=(3, 3)) / 2)
    found = report.by_line.first_wrong
    assert (found.evidence["name"], found.evidence["line"]) == ("slopes", line)
    assert "has a shape that line" in found.message


def test_an_index_that_is_missing_in_a_loop_is_the_fault_of_the_line_in_it():
    layer, line = planted(stepped, "da = dh * slopes[:, t]", "da = dh * slopes")
    found = check(
        layer, RNG.normal(size=(2, 4, 3)), RNG.normal(size=(3, 3)) / 2
    ).by_line.first_wrong
    assert found.evidence["line"] == line


def largest(x):
    winner = x.argmax(axis=1)[:, None]
    y = np.take_along_axis(x, winner, axis=1)

    def backward(dy):
        dx = np.zeros_like(x)
        np.put_along_axis(dx, winner, dy, axis=1)
        return dx

    return y, backward


def test_of_a_gradient_that_stays_zero_a_proved_edit_tells_the_line():
    right = "np.put_along_axis(dx, winner, dy, axis=1)"
    layer, line = planted(largest, right, "np.put_along_axis(winner, dx, dy, axis=1)")
    found = check(layer, X).by_line.first_wrong
    assert found.evidence["line"] == line


def doubled_back(dy, W):
    return dy @ W.T


def shortcut(x, V, W):
    h = x @ V
    z = h @ W
    y = z + x

    def backward(dy):
        dh = doubled_back(dy, W)
        dx = doubled_back(dh, V)
        return dx, x.T @ dh, h.T @ dy

    return y, backward


def test_a_helper_that_was_right_at_another_call_is_not_blamed():
    report = check(shortcut, X[:, :3], *RNG.normal(size=(2, 3, 3)))
    found = report.by_line.first_wrong.evidence
    text = inspect.getsource(shortcut).splitlines()
    begin = shortcut.__code__.co_firstlineno
    blamed = {text[k - begin].strip() for k in (found["line"], *found["also"])}
    assert blamed == {"dx = doubled_back(dh, V)", "return dx, x.T @ dh, h.T @ dy"}


def overwriting(x):
    y = np.tanh(x)
    kept = y.copy()

    def backward(dy):
        y[...] = 0
        dx = dy * (1 - kept)
        return dx

    return y, backward


def test_a_backward_pass_that_writes_into_the_value_is_read_all_the_same():
    report = check(overwriting, X)
    assert report.by_line.first_wrong.evidence["source"] == "dx = dy * (1 - kept)"


def gated(x):
    s = 1 / (1 + np.exp(-x))
    y = x * s

    def backward(dy):
        slope = s * (1 - s)
        ds = dy * x
        dx = dy * s + ds * slope
        return (dx,)

    return y, backward


def test_of_two_meanings_of_a_wrong_value_the_one_counts_that_explains_the_error():
    """x is nearer to the gradient before the exponential than to that of s, and set to it leaves dx wrong."""
    layer, line = planted(gated, "ds = dy * x", "ds = x")
    report = check(layer, X)
    found = report.by_line.first_wrong
    assert (found.evidence["name"], found.evidence["line"]) == ("ds", line)
    assert report.repair.line == line


def picked(x):
    rows = x.reshape(len(x), -1)
    best = rows.argmax(axis=1)[:, None]
    y = np.take_along_axis(rows, best, axis=1)

    def backward(dy):
        drows = np.zeros_like(rows)
        np.put_along_axis(drows, best, dy, axis=1)
        dx = drows.reshape(x.shape)
        return (dx,)

    return y, backward


FILLED = "np.put_along_axis(drows, best, dy, axis=1)"


@pytest.mark.parametrize(
    "nothing",
    few_quick(["drows", "drows + dy", "drows == dy", "np.sign(drows[:], drows * 1)"], 2),
)
def test_what_should_have_filled_a_gradient_and_does_not_is_blamed(nothing):
    layer, line = planted(picked, FILLED, nothing)
    found = check(layer, X).by_line.first_wrong
    assert found.evidence["line"] == line
    assert found.evidence["also"] == [line - 1]


@pytest.mark.parametrize("idle", ["dh", "dh * 2", "np.sign(dh)"])
def test_what_only_looks_at_a_wrong_value_is_not_blamed(idle):
    layer, line = planted(through, "dh = dy * g", f"dh = 3 * dy * g\n        {idle}")
    found = check(layer, X, SCALE).by_line.first_wrong
    assert (found.evidence["name"], found.evidence["line"]) == ("dh", line)
    assert f"dh, line {line}, is the first wrong value" in found.message


def test_what_is_printed_is_not_doubted():
    layer, line = planted(through, "dh = dy * g", "dh = 3 * dy * g\n        print(dh, end='')")
    found = check(layer, X, SCALE).by_line.first_wrong
    assert (found.evidence["line"], found.evidence["also"]) == (line, [])


def test_what_does_nothing_is_doubted_where_nothing_has_filled_a_gradient():
    layer, line = planted(picked, FILLED, "np.put_along_axis")
    found = check(layer, X).by_line.first_wrong
    assert line in (found.evidence["line"], *found.evidence["also"])


def surrogate(x, gain):
    steep, held = x * gain, np.clip(x, -1, 1) * gain
    loss = np.minimum(steep, held).sum()
    moves = (steep > held) | (np.abs(x) < 1)
    dx = np.where(moves, gain, 0)
    return loss, dx


def test_what_chooses_of_each_entry_which_of_two_it_is_may_be_wrong():
    """No number in its place would do: it is taken for true or false, and follows none in proportion."""
    rng = np.random.default_rng(0)
    report = check_loss(surrogate, 2 * rng.normal(size=9), rng.normal(size=9), wrt="x")
    assert report.repair is not None
    assert report.repair.after == "moves = (steep < held) | (np.abs(x) < 1)"
