"""How what a file holds is asked: with the data, the hyperparameters and the options that it takes."""

import numpy as np
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

def cost(theta, X, y):
    return np.mean((X @ theta - y) ** 2)

def cost_gradient(theta, X, y):
    return X.T @ (X @ theta - y) / len(y)

def both(W, b):
    return (W * b).sum()

def both_grad(W, b):
    return b + 0 * W, W + 0 * b

def both_inputs(rng):
    return {"W": rng.normal(size=3), "b": rng.normal(size=3)}
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


def test_data_of_a_cost_is_not_guessed_and_several_gradients_are_no_jacobian(tmp_path, capsys):
    place = write(tmp_path, hw=WITH_DATA) / "hw.py"
    for name, said in (("cost", "def cost_inputs(rng)"), ("both", "def both_loss(W, b): return")):
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
