"""The pytest plug-in: its fixture, its summary, in one process and in several, and in JUnit's file."""

from __future__ import annotations

import re
from importlib.metadata import entry_points

import pytest

pytest_plugins = ["pytester"]

INSTALLED = "gradcheck" in {plugin.name for plugin in entry_points(group="pytest11")}
OURS = ("-p", "gradcheck.pytest_plugin", "-p", "no:cacheprovider")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """No other plug-in is loaded into the processes started here: that takes longer than all they test."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


FILE = """
import numpy as np
import pytest
from gradcheck import assert_gradients, check, check_derivative

X = np.array([0.3, -0.7])

def tanh(x):
    return np.tanh(x), lambda dy: dy * (1 - np.tanh(x) ** 2)

def wrong(x):
    return np.tanh(x), lambda dy: dy * np.tanh(x)

def test_right(gradcheck):
    assert gradcheck(tanh, X)

def test_beside_the_fixture():
    assert check_derivative(np.sin, np.cos, X)

def test_wrong():
    assert_gradients(wrong, X)

def test_wrong_by_the_fixture(gradcheck):
    assert gradcheck.check(wrong, X).passed

def test_seeds(gradcheck):
    assert gradcheck(tanh, X).seed == gradcheck.check(tanh, X).seed == gradcheck.seed != 0
    assert gradcheck.check(tanh, X, seed=5).seed == 5
"""


@pytest.fixture
def run(pytester):
    pytester.makepyfile(FILE)

    return lambda *options: pytester.runpytest_inprocess(*OURS, *options)


def test_a_failure_shows_the_table_and_the_summary_what_did_not_pass(run, pytester):
    result = run("--junitxml=results.xml")
    result.assert_outcomes(passed=3, failed=2)
    text = result.stdout.str()
    assert "first-wrong-line" in text and "verdict" in text
    # The checker's own frames are nobody's business.
    assert "gradcheck/check.py" not in text and "pytest_plugin.py" not in text
    result.stdout.fnmatch_lines(
        ["*gradients: 5 of 7 passed*", "wrong dx: FAIL error *(*test_wrong)*"]
    )
    assert "tanh dx" not in text
    # JUnit's file holds the gradients too.
    junit = (pytester.path / "results.xml").read_text()
    assert '<property name="gradcheck wrong dx" value="FAIL error' in junit


ASSERTED = """
import numpy as np
from gradcheck import check

X = np.ones(3)

def wrong(x):
    return x * x, lambda dy: 3 * x * dy

def test_plainly():
    assert check(wrong, X, lines=False)

def test_by_its_word():
    report = check(wrong, X, lines=False)
    assert report.passed

def test_with_the_report_for_a_message():
    report = check(wrong, X, lines=False)
    assert report.passed, report

def test_something_else():
    report = check(wrong, X, lines=False)
    assert report.seed == 5

def test_something_else_of_a_right_one():
    assert check(lambda x: (x * x, lambda dy: 2 * x * dy), X).seed == 5

def test_beside_a_wrong_one():
    check(wrong, X, lines=False)
    assert X.size == 4

class Report:
    def __repr__(self):
        return "the user's own"

def test_a_report_of_their_own():
    assert not Report()
"""


def test_without_the_plug_in_too_the_frames_shown_are_the_users(pytester):
    pytester.makepyfile(FILE.replace("gradcheck)", ")"))
    text = pytester.runpytest_inprocess("-k", "test_wrong and not fixture").stdout.str()
    # On a CI machine pytest does not shorten its summary, which then repeats the whole message.
    shown = text.split("short test summary")[0]
    assert shown.count("verdict") == 1 and "first-wrong-line" in shown
    assert "gradcheck/check.py" not in text


def test_however_a_report_is_asserted_its_table_is_shown_whole_and_once(run, pytester):
    pytester.makepyfile(ASSERTED)
    text = run("-q").stdout.str()
    shown = re.split(r"^_+ (test_\w+) _+$", text.split("short test summary")[0], flags=re.M)[1:]
    tables = {
        name: (part.count("worst entry"), part.count("[2]       FAIL") and part.count("dx scaled:"))
        for name, part in zip(shown[::2], shown[1::2], strict=True)
    }
    once, never = (1, 1), (0, 0)
    assert tables == {
        "test_plainly": once,
        "test_by_its_word": once,
        "test_with_the_report_for_a_message": once,
        "test_something_else": once,
        "test_something_else_of_a_right_one": never,
        "test_beside_a_wrong_one": never,
        "test_a_report_of_their_own": never,
    }
    assert "<Report wrong: FAIL>.passed" in text and "not the user's own" in text


def test_all_and_none(run):
    result = run("--gradcheck-summary=all", "-k", "right")
    result.stdout.fnmatch_lines(["tanh dx: PASS error * resolution *(*::test_right)"])
    assert "gradients:" not in run("--gradcheck-summary=none", "-k", "fixture").stdout.str()


@pytest.mark.slow
def test_the_summary_of_several_processes_is_the_same(run):
    pytest.importorskip("xdist")
    result = run("-p", "xdist.plugin", "-n", "2", "--gradcheck-summary=all")
    result.stdout.fnmatch_lines(["*gradients: 5 of 7 passed*"])
    result.stdout.fnmatch_lines(["tanh dx: PASS error *"])


def test_an_error_in_the_summary_breaks_no_session(run, pytester):
    pytester.makeconftest(
        "import gradcheck.pytest_plugin as plugin\n"
        "def broken(report):\n"
        "    raise RuntimeError('broken')\n"
        "plugin.properties_of = broken\n"
    )
    result = run("--gradcheck-summary=all", "-k", "fixture")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*summary left out: RuntimeError('broken')*"])


def test_tensorflow_is_not_imported_at_the_start(pytester, monkeypatch):
    # Loaded as pytest does where it is installed.
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile(
        "import sys\n"
        "def test_light():\n"
        "    assert not {'tensorflow', 'torch', 'jax', 'matplotlib'} & sys.modules.keys()\n"
    )
    plugin = [] if INSTALLED else ["-p", "gradcheck.pytest_plugin"]
    pytester.runpytest_subprocess(*plugin).assert_outcomes(passed=1)


def test_a_wrong_gradient_that_a_test_expects_is_no_news(run, pytester):
    pytester.makepyfile(
        test_expected=FILE.split("def test_right")[0]
        + "def test_expected():\n    assert not check(wrong, X)\n"
    )
    assert "gradients:" not in run("test_expected.py").stdout.str()


MISUSED = """
import numpy as np
from gradcheck import check

def double(x):
    return 2 * x, lambda dy: 2 * dy

def broken(x):
    raise ValueError("theirs")

def test_option(gradcheck):
    gradcheck(double, np.ones(3), seed="a")

def test_word():
    check(double, y=np.ones(3))

def test_call(gradcheck):
    gradcheck.chek_pair(double, double, np.ones(3))

def test_broken(gradcheck):
    gradcheck(broken, np.ones(3))
"""


def test_a_wrong_call_shows_the_call_and_no_frame_of_ours(pytester):
    pytester.makepyfile(MISUSED)
    said = pytester.runpytest_inprocess(*OURS).stdout.str()
    for why in ("seed is 'a', expected", "no input 'y'", "did you mean check_pair?", "theirs"):
        assert re.search(f"^E .*{re.escape(why)}", said, re.MULTILINE), why
    # A frame is told by its file and line; those of the test file have no folder in front.
    assert set(re.findall(r"^(\S+\.py):\d+:", said, re.MULTILINE)) == {
        "test_a_wrong_call_shows_the_call_and_no_frame_of_ours.py"
    }
