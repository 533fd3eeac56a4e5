"""The tour: a notebook kept as a script, which runs from top to bottom and shows what it says."""

import json
import re
import runpy
from pathlib import Path

from gradcheck import Verdict

TOUR = Path(__file__).parent.parent / "examples" / "tour.py"


def cells():
    """Kind and text of each cell, as jupytext reads the percent format."""
    parts = re.split(r"^# %%(.*)$", TOUR.read_text("utf-8"), flags=re.M)
    assert parts[0] == ""
    return [
        (kind.strip(), text.strip()) for kind, text in zip(parts[1::2], parts[2::2], strict=True)
    ]


def test_it_runs_and_shows_what_it_says(capsys):
    told = runpy.run_path(str(TOUR))
    assert {row.verdict for row in told["report"]} == {Verdict.FAIL}
    (wrong,) = [line for line in told["report"].by_line.listing if "np.exp(z))" in line[1]]
    assert told["report"].by_line.first_wrong.evidence["line"] == wrong[0]
    assert told["mended"].passed
    assert "slope 2" in told["figure"].axes[0].get_title(loc="left")
    assert re.fullmatch(r"dW: error .*, resolution .*\n", capsys.readouterr().out)


def test_every_cell_is_prose_or_code_and_a_report_is_shown_small_and_still():
    kinds = {kind for kind, _ in cells()}
    assert kinds == {"", "[markdown]"} and cells()[0][0] == "[markdown]"
    for kind, text in cells():
        assert text
        assert kind == "" or all(line.startswith("#") for line in text.splitlines())
    told = runpy.run_path(str(TOUR))
    for name in ("report", "mended"):
        assert any(text.endswith(f"\n{name}") for kind, text in cells())
        bundle = told[name]._repr_mimebundle_()
        assert set(bundle) == {"text/plain", "text/html", "text/markdown", "text/latex"}
        assert "<script" not in bundle["text/html"] and len(json.dumps(bundle)) < 20_000
