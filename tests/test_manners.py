"""Backward passes in many manners: the changed line is blamed, and mended as people would."""

import ast

import numpy as np
import pytest
from strangers import manners
from test_fresh import planted

from gradcheck import Verdict, check, check_loss, check_module
from gradcheck.repair.grammar.operands import operands
from gradcheck.repair.scope import Pool, Scope


def drawn(*shapes, seed=5):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape) for shape in shapes]


def bag(module):
    table, positions, weights, proj = drawn((6, 4), (3, 4), (3, 3), (4, 2))
    return check(module.bag, table, positions, abs(weights) + 0.5, proj)


def dictionaries(module):
    shapes = (3, 4), (4,), (4, 4), (4,), (4, 2), (2,), (6, 3), (6, 2)
    return check_loss(module.loss, *drawn(*shapes), wrt=("W1", "b1", "W2", "b2", "W3", "b3"))


def gated(module):
    xs, h0, U, V, A = drawn((4, 2, 3), (2, 5), (5, 5), (5, 5), (3, 5))
    return check(module.gated, xs, h0, U / 2, V / 2, A)


def guarded(module):
    x, w, y = drawn((6, 4), (4, 3), (6, 3))
    return check(module.hinge, x, w, np.sign(y), wrt=("x", "w"))


def normed(module):
    scale, shift, x = drawn(5, 5, (4, 5))
    return check_module(module.GatedNorm(scale + 1, shift), x)


CHECKS = {
    "classy": normed,
    "dictnet": dictionaries,
    "steps": gated,
    "twice": lambda m: check(m.block, *drawn((5, 4), (4, 6), 6, (6, 4), 4)),
    "nested": lambda m: check(m.depthwise, *drawn((2, 9, 8, 2), (3, 2, 2), 2)),
    "einsummed": lambda m: check(
        m.mha, *drawn((2, 3, 4), (4, 2, 3), (4, 2, 3), (4, 2, 3), (2, 3, 4))
    ),
    "bags": bag,
    "views": lambda m: check(m.cell, *drawn((3, 4), (3, 5), (3, 5), (4, 20), (5, 20), 20)),
    "guarded": guarded,
    "heads": lambda m: check(m.heads, *drawn((4, 6), (5, 6), (5, 6))),
    "generated": lambda m: check(m.flow, *drawn(4, (4, 4), 4)),
    "tape": lambda m: check(m.program, *drawn((3, 4), (4, 5), (5, 2), (3, 5))),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](manners).passed


def told(name, k):
    """The report of one of the two mistakes in a backward pass, and its line."""
    _, right, wrong = [one for one in manners.MISTAKES if one[0] == name][k]
    copy, line = planted(manners, right, wrong)
    report = CHECKS[name](copy)
    assert report.verdict is Verdict.FAIL
    return report, line


@pytest.mark.parametrize(
    ("name", "k", "mended"),
    [
        pytest.param("heads", 1, "sum(-1, keepdims=True)", id="a list of one array a head"),
        pytest.param("heads", 0, "s.T @ q / root", id="each item of a list has its gradient"),
        pytest.param("tape", 0, "dout * node.right", id="a case of a match"),
        pytest.param("twice", 0, "g_out / 2", id="what is returned is left to no later line"),
        pytest.param("steps", 0, "d_c @ U.T * f", id="compared as another step's"),
        pytest.param("nested", 1, "s", id="a name before a number: s * q or q * s, not q * 2"),
        pytest.param("bags", 1, "(vecs - mean[:, None])", id="an axis put in"),
    ],
)
def test_the_line_is_found_and_mended_as_people_would(name, k, mended):
    report, line = told(name, k)
    assert report.by_line.first_wrong.evidence["line"] == line
    assert mended in report.repair.after
    # Its forward pass takes other widths of v than its backward pass does.
    assert report.repair.only_here == (name == "heads")


@pytest.mark.slow
def test_every_line_is_found():
    found = []
    for name, right, wrong in manners.MISTAKES:
        copy, line = planted(manners, right, wrong)
        found.append(CHECKS[name](copy).by_line.first_wrong.evidence["line"] == line)
    assert all(found)


def test_formatted_text_among_the_indices_is_text():
    """`f"W{l}"` was read as the template of an operand."""
    tree = ast.parse("for l in range(3):\n    dA = d[f'W{l}'] + d[l]")
    scope = Scope({"x": np.arange(5.0, 8), "l": 0}, {}, Pool.of(tree, {}, {}, ast.Pass()))
    assert "x[l]" in {ast.unparse(one.node) for one in operands(scope)}


def unfilled(table, ids):
    y = table[ids]

    def backward(dy):
        dtable = np.zeros_like(table)
        np.add.at  # noqa: B018
        return dtable, None

    return y, backward


def test_a_statement_that_does_nothing_is_blamed_before_the_room_that_it_leaves_empty():
    report = check(unfilled, np.arange(12.0).reshape(4, 3), np.array([0, 2, 2]))
    evidence = report.by_line.first_wrong.evidence
    assert evidence["source"].startswith("np.add.at")


def averaged(x):
    H, W = x.shape[1:3]
    y = x.mean(axis=(1, 2))

    def backward(dy):
        each = H * W
        dx = np.broadcast_to(each[:, None, None], x.shape).copy()
        return (dx,)

    return y, backward


def test_what_has_too_few_axes_for_the_line_that_reads_it_is_blamed():
    report = check(averaged, *drawn((2, 3, 4, 2)))
    assert report.by_line.first_wrong.evidence["source"] == "each = H * W"
    assert report.repair.after.strip() == "each = dy / (H * W)"


def either_way(x, W):
    rows = x * x if x.shape[1] == 3 else None
    y = x * x @ W

    def backward(dy):
        back = dy @ W.T

        def through():
            if rows is not None:
                return rows / x * back
            return 2 * x * back

        dx = through()
        dW = (x * x).T @ dy
        return dx, dW

    return y, backward


def test_a_way_around_the_mistake_does_not_mend_it():
    """With `if not rows is not None` every gradient passes too, and the wrong line is as wrong as before."""
    report = check(either_way, *drawn((4, 3), (3, 2)))
    assert "rows / x * back" in report.repair.before


def swish(x):
    s = 1 / (1 + np.exp(-x))
    y = x * s

    def backward(dy):
        return (dy * (s + x * (1 - s)),)

    return y, backward


def test_half_a_derivative_is_completed_as_people_write_it():
    """Not by another name, nor as `(1 - s) * (1 - (1 - s))`, which nobody would write."""
    assert "s + x * (s * (1 - s))" in check(swish, *drawn((4, 3))).repair.after


def gated_steps(x, W):
    h, held = np.zeros(x.shape[1:]), []
    for t in range(len(x)):
        a = x[t] + h @ W
        r = 1 / (1 + np.exp(-a))
        held.append((h, r))
        h = r * (h + x[t])
    y = h

    def backward(dy):
        dx, dW, dh = np.zeros_like(x), np.zeros_like(W), dy
        for t in reversed(range(len(x))):
            before, r = held[t]
            dr = dh * (before + x[t])  # noqa: F841
            da = r * (1 - r)
            dx[t] = da + dh * r
            dW += before.T @ da
            dh = da @ W.T + dh * r
        return dx, dW

    return y, backward


def test_a_value_is_laid_beside_the_time_steps_as_its_loop_runs():
    """Wrong in either order, da was taken for the nearer one, and no edit of its line for true."""
    mended = []
    for seed in range(3):
        report = check(gated_steps, *drawn((4, 2, 3), (3, 3), seed=seed))
        mended.append("da = " in report.repair.after)
    assert all(mended)
