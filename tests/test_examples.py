"""Every example passes; its wrong twin fails at the line that is marked in it, and differs in that line alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from twins import FOLDER, imported, marked, named

from gradcheck import Verdict
from reports.cli import main

FRAMEWORKS = {"torch_function", "jax_vjp", "tensorflow_gradient"}
"""Run by the tests of their frameworks, where those are installed."""
OF_THEIR_OWN = ("batch_norm", "tour")
"""The page of the examples shows what is said of the first, wrong itself; the second goes through all."""
EXAMPLES = sorted(p.stem for p in FOLDER.glob("*.py") if not p.stem.startswith("test_"))
WRONG = sorted(p.stem for p in (FOLDER / "wrong").glob("*.py"))
HERE = [stem for stem in WRONG if stem not in FRAMEWORKS]


def text(stem: str, folder: str = ".") -> str:
    return (FOLDER / folder / f"{stem}.py").read_text()


def checked(path: Path, capsys) -> tuple[int, list[dict]]:
    """The exit status of the plain command line on a file, and its reports."""
    status = main(["check", str(path), "--format", "json"])
    return status, json.loads(capsys.readouterr().out)


def test_each_shape_has_a_wrong_twin():
    assert [stem for stem in EXAMPLES if stem not in OF_THEIR_OWN] == WRONG


@pytest.mark.parametrize("stem", WRONG)
def test_a_twin_differs_in_the_marked_line_alone(stem):
    pairs = zip(text(stem).splitlines(), text(stem, "wrong").splitlines(), strict=True)
    differing = [k for k, (a, b) in enumerate(pairs, 1) if a != b]
    assert len(differing) == 1 and differing == marked(stem)


@pytest.mark.parametrize("stem", HERE)
def test_the_right_one_passes(stem, capsys):
    if "def report(" in text(stem):
        report = imported(stem).report()
        assert report.passed, str(report)
    else:
        status, reports = checked(FOLDER / f"{stem}.py", capsys)
        assert status == 0 and reports, reports


@pytest.mark.slow
@pytest.mark.parametrize("stem", HERE)
def test_the_line_of_the_wrong_one_is_named(stem, capsys):
    if "def report(" in text(stem):
        report = imported(stem, "wrong").report()
        assert report.verdict is Verdict.FAIL, str(report)
        lines = named([f.to_dict() for f in report.findings])
    else:
        status, reports = checked(FOLDER / "wrong" / f"{stem}.py", capsys)
        assert status == 1
        lines = [line for report in reports for line in named(report["findings"])]
    assert lines and set(lines) == set(marked(stem)), lines


@pytest.mark.parametrize("stem", EXAMPLES)
def test_the_pages_name_every_example(stem):
    assert f"[`{stem}.py`]({stem}.py)" in (FOLDER / "README.md").read_text()
    shapes = (FOLDER.parent / "docs" / "forms.md").read_text()
    assert stem in OF_THEIR_OWN or f"(../examples/{stem}.py)" in shapes
