"""The smallest case says the same as the large one, in whole numbers, with everything that is computed."""

import numpy as np
import pytest

from gradcheck import Report, check, check_pair
from layers import dense
from reports.cli import main

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 4)), RNG.normal(size=4)


def transposed(x, W, b):
    y = x @ W + b

    def backward(dy):
        dx = dy @ W
        dW = x.T @ dy
        db = dy.sum(axis=0)
        return dx, dW, db

    return y, backward


@pytest.fixture(scope="module")
def small():
    """The smallest case of a transposed matrix, and the users' arrays are left alone."""
    given = X.copy(), W.copy(), B.copy()
    found = check(transposed, *given).smallest()
    assert all(map(np.array_equal, given, (X, W, B)))
    return found


def test_a_transposed_matrix_needs_two_by_two(small):
    # A matrix of one entry, or a symmetric one, is its own transpose.
    assert {name: x.shape for name, x in small.inputs.items()} == {
        "x": (1, 2),
        "W": (2, 2),
        "b": (2,),
    }
    assert not np.array_equal(small.inputs["W"], small.inputs["W"].T)
    for x in small.inputs.values():
        assert np.array_equal(2 * x, np.rint(2 * x)) and np.abs(x).max() <= 4
    assert set(np.unique(small.upstream)) <= {0, 1}
    assert not small.report.passed and small.row.name == "x"
    assert [f.code for f in small.row.findings][:1] == ["transposed"]


def test_it_shows_what_both_passes_compute_and_where_they_part(small):
    x, w, b = small.inputs.values()
    assert np.array_equal(small.forward["y"], x @ w + b)
    assert np.array_equal(small.backward["dx"], small.upstream @ w)
    assert small.row.analytic[small.index] != pytest.approx(small.row.numeric[small.index])
    text = str(small)
    assert "they part at dx[" in text and "hand-derived" in text and "y = " in text
    assert len(text.split("\n")) < 30


def test_of_a_right_layer_it_is_the_worked_example():
    small = check(dense, X, W, B).smallest()
    assert small.report.passed and small.index is None
    assert all(x.size == 1 for x in small.inputs.values())
    assert all(row.numeric.any() for row in small.report.rows)


def pair_forward(x, W):
    h = np.maximum(x @ W, 0)
    return h, (x, W, h)


def pair_backward(dout, cache):
    x, W, h = cache
    da = dout * (h >= 0)
    return da @ W.T, x.T @ da


def test_no_kink_comes_in_and_a_pair_shows_its_names():
    small = check_pair(pair_forward, pair_backward, X, W).smallest()
    assert not small.report.passed
    assert not [f for f in small.report.all_findings() if f.code == "kink"]
    assert "h" in small.forward and "da" in small.backward
    # What a pair returns has been laid out for these sizes: only its numbers become smaller.
    for x in small.inputs.values():
        assert np.allclose(100 * x, np.rint(100 * x), atol=1e-9)


def test_its_upstream_gradient_still_shows_the_mistake():
    def second_wrong(x):
        def backward(dy):
            dx = 2 * dy
            dx[..., 1] *= 3
            return dx

        return 2 * x, backward

    small = check(second_wrong, X).smallest()
    # Beside a zero nothing would be seen to be treated differently.
    assert not small.report.passed and small.upstream.tolist() == [[1, 1]]


def test_a_report_without_its_layer_says_so():
    with pytest.raises(ValueError, match="check again"):
        Report("dense", ()).smallest()


def test_the_command_line_prints_it(tmp_path, monkeypatch, capfd):
    (tmp_path / "hw1.py").write_text(
        "import numpy as np\n\n\ndef square(x):\n    def backward(dy):\n        dx = dy * x\n"
        "        return dx\n\n    return x * x, backward\n\n\n"
        "def square_inputs(rng):\n    return {'x': rng.normal(size=(3, 4))}\n"
    )
    monkeypatch.chdir(tmp_path)
    assert main(["check", "hw1.py", "--smallest"]) == 1
    out = capfd.readouterr().out
    assert "square, the smallest case: FAIL" in out and "they part at dx[0, 0]" in out
