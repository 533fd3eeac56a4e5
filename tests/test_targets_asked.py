"""How what a file holds is asked: with the data, the hyperparameters and the options that it takes."""

from pathlib import Path

import numpy as np
import pytest
from handed_in import records, unwrapped, write

from reports.cli import main


def test_names_that_options_have_are_inputs_too(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def scale(seed, name, lines, method):
            y = seed * name + lines * method
            return y, lambda dy: (dy * name, dy * seed, dy * method, dy * lines)

        def scale_inputs(rng):
            return {n: rng.normal(size=3) for n in ("seed", "name", "lines", "method")}
        """,
    )
    status, (one,) = records(capsys, tmp_path / "hw.py")
    assert status == 0 and [row["name"] for row in one["rows"]] == [
        "seed",
        "name",
        "lines",
        "method",
    ]


def test_hyperparameters_among_the_inputs_go_by_name(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def power(x, *, k=2):
            return k * x, lambda dy: k * dy

        def every(x, stride=1):
            def backward(dy):
                dx = 0 * x
                dx[::stride] = dy
                return dx
            return x[::stride], backward

        def leaky_forward(x, *, slope):
            return slope * x, None

        def leaky_backward(dy, cache, *, slope):
            return slope * dy

        def power_inputs(rng):
            return {"x": rng.normal(size=3), "k": 5}

        def every_inputs(rng):
            return {"x": rng.normal(size=5), "stride": 2}

        def leaky_inputs(rng):
            return {"x": rng.normal(size=3), "slope": 0.3}
        """,
    )
    status, found = records(capsys, tmp_path / "hw.py")
    assert [one["verdict"] for one in found] == ["PASS"] * 3 and status == 0


WITH_DATA = """
import numpy as np
import pytest

def cost(theta, X, y):
    return np.mean((X @ theta - y) ** 2)

def cost_gradient(theta, X, y):
    return X.T @ (X @ theta - y) / len(y)

def misfit(q, X, y):
    return np.mean((X @ q - y) ** 2)

def misfit_gradient(q, X, y):
    return 2 * X.T @ (X @ q - y) / len(y)

def product(W, b):
    return W * b

def product_grad(W, b):
    return b, W

def both(W, b):
    return (W * b).sum()

def both_grad(W, b):
    return b + 0 * W, W + 0 * b

def both_inputs(rng):
    return {"W": rng.normal(size=3), "b": rng.normal(size=3)}

product_inputs = both_inputs
"""


DATA = """
def cost_inputs(rng):
    return {"theta": rng.normal(size=3), "X": rng.normal(size=(5, 3)), "y": rng.normal(size=5)}
"""


def test_a_cost_and_its_gradient_may_take_data_too(tmp_path, capsys):
    place = write(tmp_path, hw=WITH_DATA + DATA) / "hw.py"
    status, found = records(capsys, f"{place}:cost")
    assert status == 1
    assert [(row["gradient"], row["findings"][0]["code"]) for row in found[0]["rows"]] == [
        ("dtheta", "scaled")
    ]


def test_data_of_a_cost_is_guessed_where_names_tell_and_several_gradients_are_no_jacobian(
    tmp_path, capsys
):
    place = write(tmp_path, hw=WITH_DATA) / "hw.py"
    status, (found,) = records(capsys, f"{place}:cost")
    assert status == 1 and found["rows"][0]["findings"][0]["code"] == "scaled"
    status, (found,) = records(capsys, f"{place}:both")
    assert status == 0 and [row["name"] for row in found["rows"]] == ["W", "b"]
    for name, said in (("misfit", "def misfit_inputs(rng)"), ("product", "def product_loss(W, b)")):
        assert main(["check", f"{place}:{name}"]) == 2
        assert said in unwrapped(capsys.readouterr().err)


def test_the_upstream_gradient_and_the_twin_are_named_on_the_line(submissions, capsys, tmp_path):
    place = str(submissions / "one" / "hw.py")
    np.save(tmp_path / "dy.npy", np.array([1.0, -2.0, 0.5, 3.0]))
    assert main(["check", place, "--upstream", f"@{tmp_path / 'dy.npy'}"]) == 0
    np.save(tmp_path / "dy.npy", np.ones(3))
    assert main(["check", place, "--upstream", f"@{tmp_path / 'dy.npy'}"]) == 2
    assert "upstream has shape (3,)" in capsys.readouterr().err
    capsys.readouterr()
    for given, why in {"ones": "expected @FILE.npy", "@no.npy": "cannot be read"}.items():
        assert main(["check", place, "--upstream", given]) == 2
        assert capsys.readouterr().err.startswith(f"gradcheck: --upstream {given}: {why}")
    assert main(["check", place, "--twin", "nowhere"]) == 2
    assert "no function nowhere" in capsys.readouterr().err


def test_one_direction_is_one(tmp_path, capsys):
    place = tmp_path / "small.py"
    place.write_text("def f(x): return 2 * x, lambda dy: 3 * dy\n")
    assert main(["check", str(place), "--effort", "directional"]) == 1
    assert "along 1 random direction: a single entry" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--input", "y=3", "--input y=3: the inputs of square are x"),
        ("--input", "x=@text.npy", "--input x=@text.npy: holds no numbers as np.save writes them"),
        (
            "--input",
            "x=@two.npz",
            "two.npz holds arrays by name: expected @two.npz:a or @two.npz:b",
        ),
        ("--input", "x=int:3:5..0", "5 is above 0, expected LOW..HIGH"),
    ],
)
def test_an_option_that_does_not_fit_is_told_with_what_would(
    submissions, capsys, monkeypatch, option, value, said
):
    monkeypatch.chdir(submissions / "one")
    Path("text.npy").write_text("1,2\n")
    np.savez("two.npz", a=np.ones(2), b=np.ones(3))
    assert main(["check", "hw.py", option, value]) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


@pytest.mark.parametrize(("option", "value"), [("--input", "x=3,5"), ("--twin", "mine")])
def test_what_a_layer_of_the_catalogue_cannot_honour_is_refused(capsys, option, value):
    assert main(["check", "dense", "--no-tape", option, value]) == 2
    assert "dense: --input and --twin are for FILE.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["check", "dense", "--effort", "full"], "there is no 'full'"),
        (["check", "dense", "--seed", "-1"], "-1 is negative, expected 0 or more"),
        (["check"], "required: TARGET (gradcheck check --help)"),
        ([], "required: COMMAND (gradcheck --help)"),
    ],
)
def test_what_is_typed_wrong_is_one_line(capsys, argv, said):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    told = capsys.readouterr().err
    assert ended.value.code == 2 and said in told and told.count("\n") == 1


def test_a_loss_whose_way_back_raises_has_failed(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def loss(w, x):
            r = x @ w
            value = (r**2).sum()
            return value, 2 * r @ x.T

        def loss_inputs(rng):
            return {"w": rng.normal(size=3), "x": rng.normal(size=(2, 3))}
        """,
    )
    status, (one,) = records(capsys, tmp_path / "hw.py")
    assert status == 1 and [finding["code"] for finding in one["findings"]] == ["raises"]


def test_numbers_are_proposed_on_both_sides_of_a_hinge(tmp_path, capsys):
    """Between 0 and 1 nothing passes a margin of 1: what is lacking there would not be seen."""
    write(
        tmp_path,
        hw="""
        import numpy as np

        def shortfall(y_pred):
            return np.sum(np.maximum(0, 1.0 - y_pred) ** 2)

        def shortfall_gradient(y_pred):
            return -2 * (1.0 - y_pred)

        def spread(a, b):
            return max(0.0, 1.0 + np.sum((a - b) ** 2) - 2 * np.sum(a * a))

        def spread_gradient(a, b):
            if spread(a, b) == 0:
                return np.zeros_like(a), np.zeros_like(b)
            return 2 * (a - b) - 4 * a, 2 * (b - a)
        """,
    )
    _, (missed, right) = records(capsys, tmp_path / "hw.py")
    assert missed["verdict"] == "FAIL" and missed["repair"] is not None
    assert right["verdict"] == "PASS" and "vacuous" not in str(right)
