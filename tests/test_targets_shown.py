"""What is said of targets: within the terminal's width, in every form, without what a name could do there."""

import json
import re
from xml.etree import ElementTree

import pytest
from handed_in import unwrapped, write

from reports.cli import main


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
