"""A report is pleasant: true if it passed, a row by name, one table at the prompt, every format a method."""

import csv
import dataclasses
import io
import json
import pickle
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from examples import dense, tanh
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck import Finding, Verdict, check, check_loss
from gradcheck.codes import CODES
from gradcheck.render import POLICY, escape, fitting, table
from gradcheck.result.written import ENDINGS


@pytest.fixture(scope="module")
def wrong():
    def bad(x, W, b):
        y, backward = dense(x, W, b)
        return y, lambda dy: (backward(dy)[0], -backward(dy)[1], backward(dy)[2])

    rng = np.random.default_rng(0)
    return check(bad, rng.normal(size=(2, 3)), rng.normal(size=(3, 4)), rng.normal(size=4))


def test_a_report_is_true_if_it_passed(wrong):
    assert check(tanh, np.ones(3) * 0.3)
    assert not wrong
    with pytest.raises(AssertionError):
        assert wrong


def test_rows_by_name(wrong):
    assert wrong["W"] is wrong["dW"] is wrong.rows[1]
    assert [row.name for row in wrong] == ["x", "W", "b"]
    with pytest.raises(KeyError, match="checked were: x, W, b"):
        wrong["V"]


def test_repr_is_the_table_and_equality_is_identity(wrong):
    assert repr(wrong) == str(wrong)
    assert wrong == wrong and wrong != check(tanh, np.ones(3) * 0.3)
    assert len({wrong, wrong}) == 1
    assert repr(wrong["W"]).startswith("<Row dW: FAIL") and len(repr(wrong["W"])) < 100
    assert (
        len({Finding("kink", "…", {"entries": [1]}), Finding("kink", "…", {"entries": [1]})}) == 1
    )


def test_a_report_travels_between_processes(wrong):
    assert pickle.loads(pickle.dumps(wrong)).to_json() == wrong.to_json()


def test_every_format_is_a_method_and_holds_what_was_found(wrong, tmp_path):
    assert "sign-flipped" in wrong.to_markdown() and "|--" in wrong.to_markdown()
    assert "\\toprule" in wrong.to_latex() and "$3\\times4$" in wrong.to_latex()
    assert "\\times10^{" in wrong.to_latex()
    rows = list(csv.DictReader(io.StringIO(wrong.to_csv())))
    assert [row["gradient"] for row in rows] == ["dx", "dW", "db"]
    assert "sign-flipped" in rows[1]["findings"] and float(rows[1]["relative_error"]) > 1
    assert [row["shape"] for row in rows] == ["2x3", "3x4", "4"]
    assert re.fullmatch(r"\d \d", rows[1]["worst"]) and not wrong.to_csv().endswith("\n\n")
    record = json.loads(wrong.to_json())
    assert record["schema"] == 1 and record["rows"][1]["gradient"] == "dW"
    assert record["rows"][1]["findings"][0]["kind"] == "diagnosis"
    bundle = wrong._repr_mimebundle_()
    assert bundle["text/plain"] == str(wrong) and "<script" not in bundle["text/html"]
    for ending in ("txt", "json", "md", "tex", "csv", "html"):
        wrong.save(tmp_path / f"report.{ending}")
        assert "dW" in (tmp_path / f"report.{ending}").read_text(encoding="utf-8")
    # A file is a page of its own, to which a browser grants nothing; a cell of a notebook is a part of one.
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and f'content="{POLICY}"' in page
    assert "default-src 'none'" in POLICY and "script" not in POLICY
    assert wrong.to_html() in page and "<html" not in wrong.to_html()
    with pytest.raises(ValueError, match="ends in none of"):
        wrong.save(tmp_path / "report.docx")


def test_a_name_cannot_forge_a_line_or_a_cell():
    evil = "x\nFAKE: PASS"
    report = check(tanh, np.ones(3) * 0.3, name=evil)
    assert "FAKE: PASS" not in str(report).splitlines()
    assert escape("a|b", "markdown") == "a\\|b"
    assert escape("<b>", "html") == "&lt;b&gt;"
    assert escape("a_b & 50%", "latex") == "a\\_b \\& 50\\%"
    assert escape("=cmd()", "csv") == "'=cmd()" and escape("-1.5e-3", "csv") == "-1.5e-3"
    assert "\033" not in escape("\033[31m", "text")


def said_of(name, report=None):
    """Every form of a report on something that is called so."""
    report = report or check(tanh, np.ones(3) * 0.3, lines=False)
    report = dataclasses.replace(report, name=name, file=None)
    return {ending: write(report) for ending, write in ENDINGS.items()}


PLAIN = said_of("plain")


@given(
    st.text(st.characters() | st.sampled_from("|=+-@<>&%$#_{}~^\\`'\"\n\r\t\0\x1b\u202e\u2028;,"))
)
def test_whatever_a_name_holds_every_form_keeps_its_own(name):
    forms = said_of(name)
    for ending, text in forms.items():
        if ending != ".json":
            assert len(text.splitlines()) == len(PLAIN[ending].splitlines()), ending
            assert all(c.isprintable() or c == "\n" for c in text), ending
    row = next(csv.DictReader(io.StringIO(forms[".csv"])))
    assert row["gradient"] == "dx" and row["verdict"] == "PASS"
    assert (
        not row["layer"].startswith(("=", "+", "-", "@")) or len(row["layer"]) == 1 or number(row)
    )
    assert re.findall("<[^>]*>", forms[".html"]) == re.findall("<[^>]*>", PLAIN[".html"])
    assert json.loads(forms[".json"])["name"] == name


def number(row):
    return re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", row["layer"])


def test_a_columns_sign_in_a_gradients_name_makes_no_column():
    report = check_loss(lambda w: (w["a|b"].sum(), {"a|b": np.ones(2)}), {"a|b": np.ones(2)})
    assert [row.name for row in report] == ["w.a|b"]
    head, rule, line = report.to_markdown().split("\n\n")[1].split("\n")
    cells = {len(re.split(r"(?<!\\)\|", text)) for text in (head, rule, line)}
    assert len(cells) == 1 and r"a\|b" in line


def test_source_cannot_close_its_block_nor_reach_the_terminal(wrong):
    listing = tuple((n, text + "# \x1b[2J ```\u202e") for n, text in wrong.by_line.listing)
    report = dataclasses.replace(wrong, by_line=dataclasses.replace(wrong.by_line, listing=listing))
    assert "\x1b" not in str(report) and "\u202e" not in str(report) and "x1b[2J" in str(report)
    assert report.to_markdown().count("\n````") == 2


def test_a_narrow_table_leaves_out_the_least_needed_columns():
    columns, body = ("gradient", "why", "verdict"), [("dx", "a long story" * 3, "PASS")]
    assert fitting(columns, body, 200, ("why",)) == table(columns, body)
    narrow = fitting(columns, body, 30, ("why",))
    assert "why" not in narrow and "PASS" in narrow and max(map(len, narrow.split("\n"))) <= 30


def test_why_no_line_is_named_is_said_where_a_gradient_is_wrong_and_only_there():
    space = {"np": np}
    exec("def f(x): return x * x, lambda dy: 3 * x * dy", space)
    assert str(check(space["f"], np.ones(2))).endswith("its source is not at hand.")
    exec("def f(x): return x * x, lambda dy: 2 * x * dy", space)
    assert "not at hand" not in str(check(space["f"], np.ones(2), lines=True))


def test_every_code_is_explained():
    for code, meaning in CODES.items():
        assert meaning.seen.endswith(".") and meaning.advice.endswith((".", "?")), code


def test_verdicts_of_a_whole():
    passed, failed, open_ = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
    assert Verdict.of([passed, passed]) is passed
    assert Verdict.of([passed, open_, failed]) is failed
    assert Verdict.of([passed, open_]) is open_
    assert Verdict.of([]) is open_


def test_json_follows_its_schema(wrong):
    schema = json.loads((Path(gradcheck.__file__).parent / "report.schema.json").read_text())
    for report in (wrong, check(tanh, np.ones(3) * 0.3), check(tanh, np.zeros((0, 2)))):
        jsonschema.validate(json.loads(report.to_json(arrays=True)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**wrong.to_dict(), "verdict": "MAYBE"}, schema)
