"""What the README shows is what the program says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from layers.mistakes import MISTAKES
from reports.mistakes import examine, said

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```(python|text)\n(.*?)```", README, re.S)
TABLE = re.findall(r"^\| `([a-z-]+)` \| `([A-Za-z0-9-]+)` \| (.*) \|$", README, re.M)


def blurred(text):
    """Without the figures that rounding decides, and the entries that they choose."""
    text = re.sub(r"\d\.\de[-+]\d\d", "0.0e+00", text)
    return re.sub(r" +\[[\d, ]+\]", " [0]", text).strip()


def after(start):
    """The Python that starts like this, and the text that follows it."""
    place = next(k for k, (kind, body) in enumerate(BLOCKS) if kind == "python" and start in body)
    return BLOCKS[place][1], next(body for kind, body in BLOCKS[place:] if kind == "text")


def run(directory, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=directory, capture_output=True, text=True, check=False
    )
    return done.stdout


def test_the_first_example_prints_what_is_shown(tmp_path):
    code, shown = after("def dense")
    (tmp_path / "example.py").write_text(code)
    assert blurred(run(tmp_path, "example.py")) == blurred(shown)


def test_the_wrong_line_is_shown_as_it_is_said(tmp_path):
    code, shown = after("def batch_norm")
    (tmp_path / "mynorm.py").write_text(code)
    said = run(tmp_path, "-m", "reports", "check", "mynorm.py:batch_norm")
    assert blurred(said) == blurred(shown)


@pytest.mark.parametrize(("code", "name", "message"), TABLE, ids=[row[0] for row in TABLE])
def test_the_table_of_mistakes_holds_their_real_messages(code, name, message):
    mistake = MISTAKES[name]
    found = said(mistake, examine(mistake, mistake.shows))
    first = next(finding for finding in found if finding.code == code)
    numbers = re.compile(r"-?\d+\.\d+(e[-+]\d\d)?|\d+e-\d+")
    assert numbers.sub("0", first.message) == numbers.sub("0", message.replace("\\|", "|"))


def test_the_table_has_a_row_for_every_code_of_the_gallery():
    assert {row[0] for row in TABLE} == {mistake.code for mistake in MISTAKES.values()}
    assert f"{len(MISTAKES)} planted mistakes" in README
