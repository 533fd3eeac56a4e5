"""The command line: exit status, formats, bad input in one line, and what is not imported."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import gradcheck
from reports.cli import COMMANDS, main

EXAMPLE = """
import numpy as np

def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

def affine_inputs(rng):
    return {"x": rng.normal(size=(3, 5)), "w": rng.normal(size=(5, 2)), "b": rng.normal(size=2)}

def cube(x):
    return x ** 3

def cube_gradient(x):
    return FACTOR * x ** 2

def cube_inputs(rng):
    return {"x": rng.normal(size=7)}

def square(x):
    return x * x, lambda dy: 2 * x * dy

def square_inputs(rng):
    return {"x": rng.normal(size=4)}

FACTOR = 3
"""


@pytest.fixture
def example(tmp_path):
    path = tmp_path / "layers.py"  # A user may well call it that.
    path.write_text(EXAMPLE)
    return path


def refused(capsys, *argv):
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert error.startswith("gradcheck: ")
    assert len(error.splitlines()) == 1
    return error


def test_check_a_layer_of_the_catalogue(capsys):
    assert main(["check", "dense", "--no-tape"]) == 0
    said = capsys.readouterr().out
    assert "dW" in said
    assert "PASS" in said


def test_check_a_file(example, capsys):
    assert main(["check", str(example)]) == 0
    assert capsys.readouterr().out.count("PASS") >= 3
    assert main(["check", f"{example}:affine"]) == 0
    example.write_text(EXAMPLE.replace("FACTOR = 3", "FACTOR = 2"))
    assert main(["check", f"{example}:cube"]) == 1
    assert "FAIL" in capsys.readouterr().out


@pytest.mark.parametrize("form", ["github", "latex", "html", "csv", "json"])
def test_formats(form, capsys):
    assert main(["check", "relu", "--no-tape", "--format", form]) == 0
    said = capsys.readouterr().out
    marks = {"github": "|--", "latex": "\\toprule", "html": "<table>", "csv": "layer,", "json": "["}
    assert marks[form] in said
    if form == "json":
        assert json.loads(said)[0]["passed"] is True


def test_list(capsys):
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    assert "y = x W + b" in said
    assert "x (N, D), W (D, M), b (M,) -> y (N, M)" in said


def test_list_goes_by_family_and_finds_one_layer(capsys):
    assert main(["list"]) == 0
    whole = capsys.readouterr().out
    assert whole.index("conv\n====") < whole.index("losses\n======")
    assert max(map(len, whole.splitlines())) <= 80
    assert main(["list", "lstm"]) == 0
    assert capsys.readouterr().out.startswith("recurrent\n=========\n\nlstm\n")
    assert "did you mean softmax?" in refused(capsys, "list", "sofmax")


def test_unknown_targets_and_broken_files(tmp_path, example, capsys):
    assert "no layer of the catalogue" in refused(capsys, "check", "denze")
    assert "no such file" in refused(capsys, "check", str(tmp_path / "none.py"))
    assert "no sphere in it (it holds affine," in refused(capsys, "check", f"{example}:sphere")
    broken = tmp_path / "broken.py"
    broken.write_text("def f(:\n")
    assert "line 1" in refused(capsys, "check", str(broken))
    empty = tmp_path / "empty.py"
    empty.write_text("x = 1\n")
    assert "nothing to check" in refused(capsys, "check", str(empty))
    crash = tmp_path / "crash.py"
    crash.write_text(EXAMPLE.replace("return x @ w + b", "return x @ w.T + b"))
    assert "line 5" in refused(capsys, "check", f"{crash}:affine")
    whole = tmp_path / "whole.py"
    whole.write_text(EXAMPLE.replace("rng.normal(size=7)", "np.arange(7)"))
    assert "no input of floating dtype" in refused(capsys, "check", f"{whole}:cube")


def test_bad_data(tmp_path, capsys):
    def data(**changes):
        arrays = {
            "x_train": np.zeros((4, 6, 6), np.uint8),
            "y_train": np.arange(4),
            "x_test": np.zeros((2, 6, 6), np.uint8),
            "y_test": np.arange(2),
        } | changes
        path = tmp_path / "data.npz"
        np.savez(path, **{k: v for k, v in arrays.items() if v is not None})
        out = str(tmp_path / "report")
        return refused(capsys, "run", "--no-tape", "--data", str(path), "--out", out)

    assert "no array 'y_test'" in data(y_test=None)
    assert "shape" in data(x_train=np.zeros((4, 36)))
    assert "expected (4,)" in data(y_train=np.arange(3))
    assert "integer labels" in data(y_train=np.arange(4) / 2)
    assert "finite" in data(x_train=np.full((4, 6, 6), np.nan))
    assert "not a readable" in data(y_train=np.array([{}, 1, 2, 3], dtype=object))
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"PK\x03\x04 and then nothing")
    assert "not a readable" in refused(capsys, "run", "--no-tape", "--data", str(bad))
    assert "no such file" in refused(capsys, "run", "--no-tape", "--data", "nowhere.npz")
    assert not (tmp_path / "report").exists()


@pytest.mark.slow
def test_run_without_tape_says_what_was_left_out(tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["run", "--no-tape", "--quick", "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "left out" in said
    assert "Stage 2" in said
    assert json.loads((out / "gradients.json").read_text())["tape"] is False


@pytest.mark.slow
def test_a_broken_way_back_fails_the_run_and_keeps_it_from_training(tmp_path, capsys, monkeypatch):
    import layers.catalogue as catalogue
    from layers import dense

    def wrong(x, W, b):
        """y = x W + b

        x -> y
        """
        y, backward = dense(x, W, b)
        return y, lambda dy: (backward(dy)[0], 1.001 * backward(dy)[1], backward(dy)[2])

    entry = catalogue.Entry(wrong, catalogue.CATALOGUE["dense"].configurations)
    monkeypatch.setitem(catalogue.CATALOGUE, "dense", entry)
    assert main(["run", "--no-tape", "--quick", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "FAIL" in said
    assert "NOT everything passed" in said


HEAVY = ("tensorflow", "matplotlib", "numpy", "layers", "gradcheck.check", "rich", "tabulate")
LIGHT = ("inspect", "dataclasses", "concurrent", "multiprocessing", "logging", "importlib.metadata")
"""Of Python's own what takes a tenth of a second together."""


@pytest.mark.skipif("COVERAGE_PROCESS_CONFIG" in os.environ, reason="coverage imports them itself")
@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["check", "--help"], 0),
        (["chekc"], 2),
        (["run", "--out", "/dev/null/report"], 2),
    ],
)
def test_help_and_wrong_usage_import_nothing_that_takes_time(argv, status):
    script = (
        "import sys\n"
        "from gradcheck.__main__ import main\n"
        f"try:\n    status = main({argv!r})\nexcept SystemExit as stop:\n    status = stop.code\n"
        f"assert status == {status}\n"
        f"heavy = {{*{HEAVY!r}, *{LIGHT!r}}} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    # Without what a .pth file of this environment imports.
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_help_says_which_line_checks_which_style(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    said = capsys.readouterr().out
    for name in gradcheck.__all__:
        if name.startswith("check") and name != "check_many":
            assert f" {name}(" in said, name
    assert {"JAX", "PyTorch", "TensorFlow"} <= {word.strip(":") for word in said.split()}
    assert max(map(len, said.splitlines())) <= 90


@pytest.mark.parametrize("command", [command.__name__.split(".")[-1] for command in COMMANDS])
def test_each_commands_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert f"gradcheck {command}" in capsys.readouterr().out.split("example", 1)[1]


def test_a_misspelled_command_is_answered_with_the_likely_one(capsys):
    with pytest.raises(SystemExit):
        main(["chekc", "hw.py"])
    assert "there is no 'chekc'; did you mean check?" in capsys.readouterr().err


def test_the_clock_of_a_run_starts_before_anything_is_tried_or_imported(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("reports.commands.run.tried", lambda out: seen.append(time.perf_counter()))
    monkeypatch.setattr("reports.run.run", lambda request: seen.append(request.started) or True)
    assert main(["run", "--no-tape", "--out", str(tmp_path)]) == 0
    tried, started = seen
    assert started <= tried


def test_usage_errors_exit_with_2():
    for argv in ([], ["run", "--seed", "-1"], ["check"], ["frobnicate"]):
        with pytest.raises(SystemExit) as stop:
            main(argv)
        assert stop.value.code == 2


def test_an_unknown_network_is_a_usage_error(capsys):
    assert main(["run", "--network", "nonsense"]) == 2
    assert "digits_gru" in capsys.readouterr().err


def ours(*argv, **environment):
    """The command line in a process of its own."""
    environment = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, "-m", "reports", *argv], capture_output=True, env=environment
    )


@pytest.mark.parametrize("argv", [["list"], ["check", "dense", "--no-tape"], ["mistakes"]])
def test_a_locale_that_knows_ascii_only_gets_ascii(argv):
    done = ours(*argv, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and len(done.stdout) > 200
    if argv[0] == "check":
        assert b"5x7" in done.stdout or b"x" in done.stdout


@pytest.mark.parametrize("argv", [["list"], ["--help"], ["check", "--help"], ["--version"]])
def test_a_full_disk_is_one_line(argv):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "reports", *argv],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"},
        )
    assert done.returncode == 2
    assert done.stderr.startswith("gradcheck: No space left") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("check relu --no-tape >&-", 0),
        ("check relu --no-tape >&- 2>&-", 0),
        ("check nonsense 2>&-", 2),
        ("check nonsense 2>/dev/full", 2),
    ],
)
def test_where_nothing_can_be_said_the_exit_status_says_it(command, status):
    # Python writes what its streams still hold as it ends, unless it is told to hold nothing.
    held = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    for env in (held, {**held, "PYTHONUNBUFFERED": "1"}):
        done = subprocess.run(
            f"'{sys.executable}' -m reports {command}",
            shell=True,
            capture_output=True,
            text=True,
            env=env,
        )
        assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize("argv", [["run"], ["lecture", "relu"], ["graph", "relu"]])
def test_an_empty_name_is_not_the_folder_here(argv, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        main([*argv, "--out", ""])
    assert left.value.code == 2
    assert "the name is empty" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_a_budget_that_nobody_keeps_to_is_refused(capsys):
    assert main(["check", "relu", "--no-tape", "--budget", "3"]) == 2
    assert "--budget goes with --effort auto" in capsys.readouterr().err
