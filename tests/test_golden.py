"""The outputs of the command line and of the pytest plug-in, held by golden files, format by format."""

from __future__ import annotations

import re
import shutil

import pytest
from golden_files import FOLDER, agrees

from reports.cli import main

pytest_plugins = ["pytester"]

FORMATS = ("text", "json", "github", "sarif", "junit", "markdown", "csv", "latex", "html")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the file that is checked, seen on a terminal of 96 columns."""
    shutil.copy(FOLDER / "mine.py", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "96")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return tmp_path


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_line(form, folder, capsys):
    assert main(["check", "mine.py", "--format", form]) == 1
    printed = capsys.readouterr()
    agrees(f"check.{form}.txt", printed.out)
    assert printed.err == ""


def test_quiet_and_a_misspelled_name(folder, capsys):
    main(["check", "mine.py", "--quiet"])
    quiet = capsys.readouterr().out
    main(["check", "mine.py:afine"])
    agrees("check.quiet.txt", quiet + capsys.readouterr().err)


SUITE = """
import numpy as np
from gradcheck import assert_gradients, check_pair
from mine import affine_backward, affine_forward, affine_inputs, swish, swish_inputs

RNG = np.random.default_rng(0)

def test_swish(gradcheck):
    assert gradcheck(swish, **swish_inputs(RNG))

def test_affine():
    report = check_pair(affine_forward, affine_backward, *affine_inputs(RNG).values(), seed=0)
    assert report.passed, str(report)

def test_cube():
    def cube(x):
        def backward(dy):
            dx = -3 * x**2 * dy
            return dx
        return x**3, backward
    assert_gradients(cube, np.array([0.5, -0.25]))
"""


def of_gradients(text: str) -> str:
    """What the plug-in has to do with: the failures' tables and the summary, not pytest's own frames."""
    kept = re.findall(r"^E(?! +(?:assert|\+)) .*$|^=+ gradients.*$|^\S+ d\w+: .*$", text, re.M)
    return "\n".join(re.sub(r"=+", "=", line) for line in kept)


def test_the_plug_in(pytester, monkeypatch):
    from test_pytest_plugin import OURS

    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.copy(FOLDER / "mine.py", pytester.path)
    pytester.makepyfile(test_suite=SUITE)
    options = ("--gradcheck-summary=all", "--junitxml=results.xml")
    result = pytester.runpytest_subprocess(*OURS, *options)
    result.assert_outcomes(passed=1, failed=2)
    agrees("plugin.txt", of_gradients(result.stdout.str()))
    properties = re.findall(r"<property .*?/>", (pytester.path / "results.xml").read_text())
    agrees("plugin.junit.txt", "\n".join(properties))
