"""Targets of the command line: each is itself, each gets its result, whatever its code does."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from reports.cli import main

RIGHT = """
import numpy as np
from helpers_hw import factor

def square(x):
    return x * x, lambda dy: factor() * x * dy

def square_inputs(rng):
    return {"x": rng.normal(size=4)}
"""


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    return folder


@pytest.fixture
def submissions(tmp_path):
    """Two folders with the same file, each with a neighbour of the same name: one right, one wrong."""
    for which, factor in (("one", 2), ("two", 3)):
        write(tmp_path / which, hw=RIGHT, helpers_hw=f"def factor():\n    return {factor}\n")
    return tmp_path


def unwrapped(text):
    """Sentences as they are before they are laid out in lines."""
    return " ".join(text.split())


def records(capsys, *argv):
    status = main(["check", *map(str, argv), "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_neighbours_of_the_same_name_are_each_ones_own(submissions, capsys, order):
    status, found = records(capsys, *(submissions / which / "hw.py" for which in order))
    verdicts = {one["file"].split("/")[-2]: one["verdict"] for one in found}
    assert verdicts == {"one": "PASS", "two": "FAIL"}
    assert status == 1


def test_an_import_inside_a_function_finds_the_neighbour(tmp_path, capsys):
    late = RIGHT.replace("from helpers_hw import factor", "").replace(
        "    return x * x, lambda dy:",
        "    from helpers_hw import factor\n    return x * x, lambda dy:",
    )
    write(tmp_path, hw=late, helpers_hw="def factor():\n    return 2\n")
    assert records(capsys, tmp_path / "hw.py")[0] == 0


def test_a_users_own_layers_and_reports_are_what_they_import(tmp_path, capsys):
    text = RIGHT.replace(
        "from helpers_hw import factor", "from layers import factor\nimport reports"
    )
    write(tmp_path, hw=text, layers="def factor():\n    return 2\n", reports="theirs = True\n")
    assert records(capsys, tmp_path / "hw.py")[0] == 0


@pytest.mark.parametrize("own", ["layers.py", "layers/__init__.py"])
def test_a_folder_with_its_own_layers_and_reports_changes_nothing(tmp_path, own):
    write((tmp_path / own).parent, **{Path(own).stem: "def factor():\n    return 2\n"})
    text = RIGHT.replace("from helpers_hw import", "import reports\nfrom layers import")
    write(tmp_path, hw=text, reports="theirs = True\n")
    argv = "-m", "gradcheck", "check", "hw.py", "dense", "--no-tape", "--quiet"
    path = os.pathsep.join([".", str(Path(__file__).parent.parent)])
    # Another process: in this one ours are imported already, and nothing could come between.
    said = subprocess.run(
        [sys.executable, *argv], env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert {"hw.py:square: PASS", "dense (plain): PASS"} <= {*said.stdout.splitlines()}


def test_one_bad_target_hides_no_other(submissions, tmp_path, capsys):
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    good, wrong = submissions / "one" / "hw.py", submissions / "two" / "hw.py"
    assert main(["check", str(broken), str(good), str(wrong)]) == 2
    said = capsys.readouterr()
    assert f"{good}:square: PASS" in said.out
    assert f"{wrong}:square: FAIL" in said.out
    assert said.err.startswith(f"gradcheck: {broken}: cannot be imported: line 1: SyntaxError")
    assert len(said.err.splitlines()) == 1
    for form in ("csv", "json", "markdown", "html", "latex", "github", "sarif", "junit"):
        assert main(["check", str(broken), str(wrong), "--format", form]) == 2
        said = capsys.readouterr()
        assert "broken.py" in said.out and "square" in said.out, form


ENDINGS = {
    "sys.exit": "import sys; sys.exit(0)",
    "os._exit": "import os; os._exit(0)",
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "hangs": "\n            while True: pass",
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_target_that_ends_its_process_fails_and_the_others_get_theirs(tmp_path, capsys, ending):
    write(
        tmp_path,
        hw=f"""
        import numpy as np

        def bad(x):
            def backward(dy):
                {ENDINGS[ending].strip()}
            return x * x, backward

        def bad_inputs(rng):
            return {{"x": rng.normal(size=4)}}

        def good(x):
            print("a line for each of many calls")
            return x * x, lambda dy: 2 * x * dy

        def good_inputs(rng):
            return {{"x": rng.normal(size=4)}}
        """,
    )
    status, found = records(capsys, tmp_path / "hw.py", "--timeout", "3")
    assert [(one["name"], one["verdict"]) for one in found] == [("bad", "FAIL"), ("good", "PASS")]
    assert [finding["code"] for finding in found[0]["findings"]] == ["raises"]
    assert status == 1


def test_a_file_that_loops_while_it_is_imported_is_stopped(tmp_path, capsys):
    write(tmp_path, hw="while True: pass")
    assert main(["check", str(tmp_path / "hw.py"), "dense", "--no-tape", "--timeout", "1"]) == 2
    said = capsys.readouterr()
    assert "took longer than 1 s" in said.err and "PASS" in said.out


def test_what_is_on_disk_is_judged_and_nothing_is_left_beside_it(tmp_path, capsys):
    """Two submissions of one size and time: the compiled neighbour of the first is not the second's."""
    write(tmp_path, hw=RIGHT, helpers_hw="def factor():\n    return 2\n")
    helper = tmp_path / "helpers_hw.py"
    os.utime(helper, (1e9, 1e9))
    import py_compile

    py_compile.compile(str(helper), doraise=True)
    helper.write_text("def factor():\n    return 3\n")
    os.utime(helper, (1e9, 1e9))
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert records(capsys, tmp_path / "hw.py")[0] == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


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


def test_a_misspelled_name_is_told_from_the_one_that_is_there(submissions, capsys):
    place = submissions / "one" / "hw.py"
    assert main(["check", f"{place}:sqare"]) == 2
    assert "did you mean square? (it holds square)" in capsys.readouterr().err
    assert main(["check", str(place.with_name("helper_hw.py"))]) == 2
    assert f"did you mean {place.with_name('helpers_hw.py')}?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("layernorm", "layer_norm"),
        ("Dense", "dense"),
        ("affin", "dense"),  # Called so elsewhere.
        ("linear", "dense"),
        ("mse", "mean_squared_error"),
        ("squaer", "square.py"),
    ],
)
def test_a_misspelled_target_is_answered_with_the_likely_one(
    tmp_path, capsys, monkeypatch, typed, meant
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "square.py").touch()
    assert main(["check", typed]) == 2
    assert capsys.readouterr().err.endswith(f"; did you mean {meant}?\n")


def test_a_file_that_cannot_be_imported_is_pointed_at_where_it_is_at_fault(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, broken="x = 1\ndef f(:\n", needs="import fails\n", fails="\n\nx = undefined\n")
    assert main(["check", "broken.py", "needs.py", "--format", "github"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "gradcheck: broken.py: cannot be imported: line 2: SyntaxError: invalid syntax: def f(:",
        "gradcheck: needs.py: cannot be imported: fails.py, line 3: NameError: name 'undefined' is "
        "not defined",
    ]
    first, second = said.out.splitlines()[:2]
    assert first.startswith("::error file=broken.py,line=2,title=not-checked::broken.py: cannot")
    assert second.startswith("::error file=fails.py,line=3,title=not-checked::needs.py: cannot")
    main(["check", "broken.py", "needs.py", "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert [place["artifactLocation"]["uri"] for place in places] == ["broken.py", "fails.py"]
    assert [place["region"]["startLine"] for place in places] == [2, 3]


def test_inputs_that_are_missing_are_no_backward_pass_that_raises(tmp_path, capsys):
    write(tmp_path, hw="def f(a): raise ValueError\ndef f_backward(dy, a): return dy\n")
    assert main(["check", str(tmp_path / "hw.py"), "--format", "sarif"]) == 2
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert [result["ruleId"] for result in run["results"]] == ["not-checked"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["not-checked"]


def test_derivatives_are_found_under_many_names(tmp_path, capsys):
    names = ["{}_gradient", "{}_grad", "{}_derivative", "{}_jacobian", "{}_prime", "grad_{}", "d{}"]
    text = "import numpy as np\n"
    for k, pattern in enumerate(names):
        stem = f"wave{k}"
        text += (
            f"def {stem}(x): return np.sin(x)\ndef {pattern.format(stem)}(x): return np.{{}}(x)\n"
        )
        text += f"def {stem}_inputs(rng): return {{'x': rng.normal()}}\n"
    text = text.replace("'x': rng", "'x': rng").replace("{}(x)", "cos(x)").replace("{{", "{")
    (tmp_path / "waves.py").write_text(text)
    status, found = records(capsys, tmp_path / "waves.py")
    assert status == 0 and [one["name"] for one in found] == [f"wave{k}" for k in range(len(names))]


def test_inputs_are_given_on_the_line_or_proposed_and_said(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def affine(x, w, b):
            return x @ w + b, lambda dy: (dy @ w.T, x.T @ dy, dy.sum(axis=0))
        """,
    )
    place = str(tmp_path / "hw.py")
    assert main(["check", place, "--input", "x=4,3", "--input", "w=3,2", "--input", "b=2"]) == 0
    assert "4×3" in capsys.readouterr().out
    assert main(["check", place]) == 0
    said = unwrapped(capsys.readouterr().out)
    assert "were proposed" in said and "x (3, 5), w (5, 2), b (2,)" in said
    np.save(tmp_path / "w.npy", np.ones((3, 2)))
    saved = f"w=@{tmp_path / 'w.npy'}"
    assert main(["check", place, "--input", "x=4,3", "--input", saved, "--input", "b=2"]) == 0
    for spec in ("x", "x=blue", "w=@nowhere.npy"):
        assert main(["check", place, "--input", spec]) == 2


def test_inputs_that_nobody_can_guess_are_asked_for_with_a_template(tmp_path, capsys):
    write(
        tmp_path,
        hw="""
        def picky(x, w):
            assert x.shape == (11, 13)
            return x @ w, lambda dy: (dy @ w.T, x.T @ dy)
        """,
    )
    assert main(["check", str(tmp_path / "hw.py")]) == 2
    assert "def picky_inputs(rng): return {" in capsys.readouterr().err


def test_tables_fit_the_terminal_and_verdicts_stay_words(submissions, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.chdir(submissions / "two")
    write(submissions / "two", long=LONG)
    main(["check", "hw.py", "long.py", "--lines"])
    said = capsys.readouterr().out
    assert "FAIL" in said and "were proposed" in said and "(dy * (1 + second)," in unwrapped(said)
    assert max(map(len, said.splitlines())) <= 50
    monkeypatch.setenv("COLUMNS", "200")
    main(["check", "hw.py"])
    assert "worst entry" in capsys.readouterr().out


LONG = """
def multiply(first, second):
    y = first * second + first
    return y, lambda dy: (dy * (1 + second), dy * first * 2)
"""


def test_quiet_is_a_line_a_target(submissions, capsys, monkeypatch):
    monkeypatch.chdir(submissions)
    main(["check", "one/hw.py", "two/hw.py", "one/hw.py", "--quiet"])
    assert capsys.readouterr().out.splitlines() == [
        "one/hw.py:square: PASS",
        "two/hw.py:square: FAIL",
        "one/hw.py:square: PASS",
    ]


def test_annotations_sarif_and_junit_point_at_the_wrong_line(submissions, capsys):
    place = submissions / "two" / "hw.py"
    main(["check", str(place), "--format", "github"])
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith(f"::error file={place},line=6,title=first-wrong-line::")
    main(["check", str(place), "--format", "sarif"])
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    (result,) = run["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6
    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} == {result["ruleId"]}
    main(["check", str(place), "dense", "--no-tape", "--format", "junit"])
    suite = ElementTree.fromstring(capsys.readouterr().out)
    assert suite.get("failures") == "1" and int(suite.get("tests")) > 3
    assert {case.get("classname") for case in suite} == {f"{place}:square", "dense"}


EVIL = "e\x1b[31m|=,\u202e.py"
"""A name that colours the terminal, opens a column and turns the text round."""


@pytest.mark.slow
def test_what_the_name_of_a_file_holds_reaches_no_terminal_and_no_cell(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / EVIL).write_text("def f(x): return x * x, lambda dy: 3 * x * dy\n")
    for form in ("text", "markdown", "latex", "html", "csv", "github", "sarif", "junit", "json"):
        main(["check", EVIL, f"{EVIL}:none", f"no{EVIL}", "--format", form])
        said = capsys.readouterr()
        assert all(c.isprintable() or c == "\n" for c in said.out + said.err), form
        assert len(said.err.splitlines()) == 2, form
    main(["check", EVIL, "--format", "markdown"])
    rows = capsys.readouterr().out.split("\n\n")[0].splitlines()
    assert len({len(re.split(r"(?<!\\)\|", row)) for row in rows}) == 1
    main(["check", EVIL, "--quiet"])
    assert capsys.readouterr().out == r"e\x1b[31m|=,\u202e.py:f: FAIL" + "\n"
    main(["check", EVIL, "--fix"])
    assert "\x1b" not in capsys.readouterr().err


def test_a_notebook_is_read(tmp_path, capsys):
    source = [
        "%matplotlib inline\n",
        "def square(x):\n",
        "    return x * x, lambda dy: 3 * x * dy\n",
    ]
    cells = [{"cell_type": "markdown", "source": ["text"]}, {"cell_type": "code", "source": source}]
    (tmp_path / "book.ipynb").write_text(json.dumps({"cells": cells}))
    status, (one,) = records(capsys, f"{tmp_path / 'book.ipynb'}:square")
    assert status == 1 and one["name"] == "square"
    assert "In the notebook that is line 3 of code cell 1." in json.dumps(one["findings"])


def test_several_jobs_give_the_same_in_the_same_order(submissions, capsys):
    places = [submissions / which / "hw.py" for which in ("one", "two")]
    assert records(capsys, *places) == records(capsys, *places, "--jobs", "2")


STRANGERS = """
import numpy as np

class Linear:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out) * 0.1
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T

class Sigmoid:
    def forward(self, z):
        self.y = 1 / (1 + np.exp(-z))
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)

def square_loss(x, y):
    return 0.5 * ((x - y) ** 2).sum(), x - y

def square_loss_inputs(rng):
    return {"x": rng.normal(size=(4, 3)), "y": rng.integers(0, 2, (4, 3))}

def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)

def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
"""


def test_classes_losses_and_pairs_are_found_and_checked_without_an_adapter(tmp_path, capsys):
    place = tmp_path / "nets.py"
    place.write_text(STRANGERS)
    status, found = records(capsys, place)
    assert {one["name"]: one["verdict"] for one in found} == dict.fromkeys(
        ["Linear", "Sigmoid", "square_loss", "rnn_step"], "PASS"
    )
    assert status == 0
    assert [len(row["shape"]) for row in found[3]["rows"]] == [2, 2, 2, 2, 1]
    place.write_text(STRANGERS.replace("grad.sum(axis=0)", "grad.mean(axis=0)"))
    status, found = records(capsys, f"{place}:Linear")
    assert status == 1 and found[0]["rows"][2]["findings"][0]["code"] == "averaged"


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


MIRRORED = """
def scale_forward_naive(x):
    return 3 * x, None

def scale_backward_naive(dout, cache):
    return 2 * dout
"""


STRIDES = """
import numpy as np

def thin_forward(x, param):
    s = param["stride"]
    assert s in {strides}
    return x[::s], (x, s)

def thin_backward(dout, cache):
    x, s = cache
    dx = np.zeros_like(x)
    dx[: len(dout)] = dout
    return dx
"""


@pytest.mark.parametrize(("strides", "verdict"), [((1, 2), "FAIL"), ((1,), "PASS")])
def test_a_stride_is_proposed_that_shows_where_it_is_left_out(tmp_path, capsys, strides, verdict):
    place = write(tmp_path, hw=STRIDES.format(strides=strides)) / "hw.py"
    assert [one["verdict"] for one in records(capsys, place)[1]] == [verdict]


def test_a_pair_may_say_which_it_is_behind_its_way(tmp_path, capsys):
    place = write(tmp_path, hw=MIRRORED) / "hw.py"
    status, found = records(capsys, place)
    assert status == 1
    assert [(one["name"], one["verdict"]) for one in found] == [("scale_forward_naive", "FAIL")]


def test_the_upstream_gradient_and_the_twin_are_named_on_the_line(submissions, capsys, tmp_path):
    place = str(submissions / "one" / "hw.py")
    np.save(tmp_path / "dy.npy", np.array([1.0, -2.0, 0.5, 3.0]))
    assert main(["check", place, "--upstream", f"@{tmp_path / 'dy.npy'}"]) == 0
    np.save(tmp_path / "dy.npy", np.ones(3))
    assert main(["check", place, "--upstream", f"@{tmp_path / 'dy.npy'}"]) == 2
    assert "upstream has shape (3,)" in capsys.readouterr().err
    assert main(["check", place, "--upstream", "ones"]) == 2
    assert main(["check", place, "--twin", "nowhere"]) == 2
    assert "no function nowhere" in capsys.readouterr().err


LOSSES = """
import numpy as np

def softmax_loss(x, y):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(x)), y]).mean()
    dx = p.copy()
    dx[np.arange(len(x)), y] -= 1
    return loss, dx / len(x)

def mse(pred, target):
    return ((pred - target) ** 2).mean(), 2 * (pred - target) / pred.size

def halves(x):
    return x[: len(x) // 2], x[len(x) // 2 :]

def alone(x):
    return 2 * x
"""


@pytest.mark.slow
def test_losses_are_found_by_what_they_return_and_tried_where_they_are_named(tmp_path, capsys):
    place = tmp_path / "losses.py"
    place.write_text(LOSSES)
    status, found = records(capsys, place)
    assert [(one["name"], one["verdict"]) for one in found] == [("softmax_loss", "PASS")]
    assert status == 0
    status, (one,) = records(capsys, f"{place}:mse", "--input", "pred=3,2", "--input", "target=3,2")
    assert one["verdict"] == "PASS"
    assert main(["check", f"{place}:alone"]) == 2
    assert "no loss that returns its gradients; it holds softmax_loss" in capsys.readouterr().err
    place.write_text(LOSSES.replace("dx / len(x)", "dx"))
    status, (one,) = records(capsys, place)
    assert status == 1 and one["rows"][0]["findings"][0]["code"] == "scaled"


SINGLES = """
import numpy as np

class Dense:
    def __init__(self):
        self.W = np.random.randn(5, 4).astype(np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T
"""


def test_inputs_are_proposed_in_the_precision_of_the_object(tmp_path, capsys):
    place = tmp_path / "singles.py"
    place.write_text(SINGLES)
    assert main(["check", str(place)]) == 0
    assert "x (3, 5) float32." in unwrapped(capsys.readouterr().out)
    place.write_text(SINGLES.replace("self.x.T @ dy", "(self.x.T @ dy).astype(float)"))
    status, (one,) = records(capsys, place)
    assert status == 1 and one["rows"][1]["findings"][0]["code"] == "wrong-dtype"


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


def test_a_class_to_derive_from_is_left_out(tmp_path, capsys):
    place = tmp_path / "base.py"
    place.write_text(
        "class Layer:\n"
        "    def forward(self, x): raise NotImplementedError\n"
        "    def backward(self, dy):\n"
        "        'To be written.'\n"
        "class Double(Layer):\n"
        "    def forward(self, x): return 2 * x\n"
        "    def backward(self, dy): return 2 * dy\n"
    )
    status, found = records(capsys, place)
    assert status == 0 and [one["name"] for one in found] == ["Double"]


def test_a_way_back_that_raises_on_every_proposal_is_told(tmp_path, capsys):
    place = tmp_path / "raising.py"
    place.write_text(
        "def dense_forward(x, w): return x @ w, (x, w)\n"
        "def dense_backward(dy, cache):\n"
        "    x, w = cache\n"
        "    return dy @ w, x.T @ dy\n"
    )
    assert main(["check", str(place), "--input", "w=5,2"]) == 2
    said = capsys.readouterr().err
    assert "for x (3, 5), w (5, 2): The backward pass raises ValueError" in said
    assert "line 4" in said and "If that is not the mistake, expected a function" in said


def test_targets_are_proposed_like_the_prediction(tmp_path, capsys):
    place = tmp_path / "mse.py"
    place.write_text(
        "class MSE:\n"
        "    def forward(self, pred, target):\n"
        "        self.d = pred - target\n"
        "        return (self.d**2).mean()\n"
        "    def backward(self): return 2 * self.d / self.d.size\n"
    )
    assert main(["check", str(place)]) == 0
    assert "pred (3, 5), target (3, 5)" in unwrapped(capsys.readouterr().out)


def test_cells_and_lines_of_a_notebook_that_are_no_python_are_passed_over(tmp_path, capsys):
    cells = ["%%bash\nls -l\n", "%%time\nimport numpy as np\nnp.dot?\n  !ls", PAIR]
    cells = [{"cell_type": "code", "source": [cell]} for cell in cells]
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": cells}))
    status, found = records(capsys, tmp_path / "nb.ipynb")
    assert status == 0 and [one["name"] for one in found] == ["tanh"]


def test_a_cell_that_raises_is_named_as_the_notebook_counts(tmp_path, capsys):
    cells = [{"cell_type": "code", "source": [cell]} for cell in (PAIR, "x = 1\nassert x == 2")]
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": cells}))
    assert main(["check", str(tmp_path / "nb.ipynb")]) == 2
    assert "line 2 of code cell 2: AssertionError" in unwrapped(capsys.readouterr().err)


PAIR = """
def tanh_forward(x):
    y = np.tanh(x)
    return y, y
def tanh_backward(dy, y):
    return dy * (1 - y * y)
"""


def test_one_direction_is_one(tmp_path, capsys):
    place = tmp_path / "small.py"
    place.write_text("def f(x): return 2 * x, lambda dy: 3 * dy\n")
    assert main(["check", str(place), "--effort", "directional"]) == 1
    assert "along 1 random direction: a single entry" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "no such file"), ("def f(x:\n", "SyntaxError"), ("raise OSError", "OSError")],
)
def test_a_name_in_a_file_that_cannot_be_read_is_refused_once(tmp_path, capsys, text, said):
    file = tmp_path / "hw.py"
    if text is not None:
        file.write_text(text)
    assert main(["check", f"{file}:f"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]
