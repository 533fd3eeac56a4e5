"""The gallery: every planted mistake is convicted and named, hides where it is said to, and no right layer is."""

import re
from typing import get_args

import numpy as np
import pytest
from examples import few_quick

from gradcheck import Verdict, check
from gradcheck.codes import Code
from layers.catalogue import CATALOGUE
from layers.families import FAMILIES
from layers.mistakes import MISTAKES, PAGES, PageError
from layers.mistakes.page import read, sections
from reports.cli import main
from reports.mistakes import examine, said

HIDDEN = [name for name, mistake in MISTAKES.items() if mistake.hides is not None]


@pytest.mark.parametrize("name", few_quick(list(MISTAKES), 4))
def test_every_mistake_is_convicted_and_named(name):
    mistake = MISTAKES[name]
    report = examine(mistake, mistake.shows)
    assert report.verdict is Verdict.FAIL
    codes = [finding.code for finding in said(mistake, report)]
    assert mistake.code in (codes[:1] if mistake.gradient else codes), codes


@pytest.mark.parametrize("name", HIDDEN)
def test_every_mistake_hides_where_it_is_said_to(name):
    mistake = MISTAKES[name]
    assert examine(mistake, mistake.hides).verdict is not Verdict.FAIL


def test_every_expected_code_is_one_that_can_be_said():
    assert {mistake.code for mistake in MISTAKES.values()} <= set(get_args(Code))


def test_the_gallery_is_large_and_shows_every_code_of_a_wrong_gradient():
    assert len(MISTAKES) >= 70
    codes = {mistake.code for mistake in MISTAKES.values()}
    assert codes >= {
        *("sign-flipped", "scaled", "zero", "transposed", "flipped", "shifted", "swapped"),
        *("not-summed", "averaged", "missing-mask", "ties-duplicated", "overlap-overwritten"),
        *("repeated-index-lost", "carry-dropped", "statistics-held-constant", "diagonal-only"),
        "fused",
        *("extra-term", "unknown", "low-precision", "wrong-variable", "wrong-axis"),
        *("wrong-count", "wrong-dtype", "not-finite", "mutates-input", "mutates-upstream"),
        *("accumulates", "ignores-upstream"),
    }


def test_the_command_lists_them_and_shows_one(capsys):
    assert main(["mistakes"]) == 0
    assert "max-pool-every-tie" in capsys.readouterr().out
    assert main(["mistakes", "dense-W-over-batch"]) == 0
    shown = capsys.readouterr().out
    assert "- " in shown and "+ " in shown and "batch size" in shown and "hide it" in shown
    assert main(["mistakes", "nonsense"]) == 2


def test_the_command_lists_those_of_a_layer_and_of_a_family(capsys):
    assert main(["mistakes", "max_pool2d"]) == 0
    shown = capsys.readouterr().out
    assert "max-pool-every-tie" in shown and "avg-pool" not in shown
    assert main(["mistakes", "pooling"]) == 0
    shown = capsys.readouterr().out
    assert "max-pool-every-tie" in shown and "avg-pool-overlap" in shown and "dense" not in shown
    assert main(["mistakes", "softplus"]) == 0
    assert capsys.readouterr().out == "No mistake is planted there.\n"


def test_a_misspelled_name_is_answered_with_the_likely_one(capsys):
    assert main(["mistakes", "dense-W-over-bach"]) == 2
    told = capsys.readouterr().err
    assert "did you mean dense-W-over-batch" in told and told.count("\n") == 1
    assert main(["mistakes", "max_pool"]) == 2
    assert "max_pool2d" in capsys.readouterr().err


PAGE = """# Mistakes in a page

## dense

```python
case("tall", normal(x=(5, 2), W=(2, 3), b=(3,)))
```

### one-mistake
What went wrong.
```diff
@@ gradient: x · code: sign-flipped · shows: tall · hides: plain @@
- dx = dy @ W.T
+ dx = -dy @ W.T
```
"""


def read_page(tmp_path, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    return read(page, "dense")


def test_a_page_is_read(tmp_path):
    (mistake,) = read_page(tmp_path, PAGE)
    assert (mistake.name, mistake.story) == ("one-mistake", "What went wrong.")
    assert (mistake.code, mistake.gradient) == ("sign-flipped", "x")
    assert mistake.shows.label == "tall" and mistake.hides is CATALOGUE["dense"].configurations[0]
    assert mistake.place == f"{tmp_path / 'page.md'}:9"
    right, wrong = (source.splitlines() for source in mistake.changed)
    changed = [(a, b) for a, b in zip(right, wrong, strict=True) if a != b]
    assert changed == [("        dx = dy @ W.T", "        dx = -dy @ W.T")]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "told"),
    [
        ("## dense", "## dens", 3, "'dens' is no layer of dense"),
        ("## dense", "#### dense", 9, "one-mistake stands under no layer"),
        ("(2, 3), b", "(2, 3, b", 6, "syntax"),
        ("normal(x", "nomal(x", 6, "name 'nomal' is not defined"),
        ("What went wrong.\n", "", 9, "no sentence"),
        ("@@ gradient: x", "gradient: x", 12, "a diff begins with its facts"),
        ("gradient: x", "gradent: x", 12, "'gradent' is none of gradient, code,"),
        ("gradient: x", "gradient: q", 12, "dense has no input 'q'"),
        (" · code: sign-flipped", "", 12, "the facts have no code"),
        ("shows: tall", "shows: tll", 12, "there are no inputs 'tll'; there are 'plain'"),
        ("hides: plain", "in: folded", 12, "dense calls no function 'folded'"),
        ("- dx = dy @ W.T\n", "", 12, "takes no line away"),
        ("+ dx", "dx", 14, "a line of a diff begins with"),
        ("```diff", "```dif", 9, "no block of the language diff"),
        ("W.T\n```", "W.T", 11, "this block is never closed"),
        (PAGE[PAGE.index("@@") : PAGE.index("```\n", -4)], "", 12, "takes no line away"),
    ],
)
def test_a_fault_in_a_page_is_one_line_that_says_where(tmp_path, right, wrong, line, told):
    assert PAGE.count(right) == 1
    with pytest.raises(PageError) as raised:
        read_page(tmp_path, PAGE.replace(right, wrong))
    assert str(raised.value).startswith(f"{tmp_path / 'page.md'}:{line}: ")
    assert told in str(raised.value) and "\n" not in str(raised.value)


def test_a_right_line_that_is_not_there_is_told_with_its_page(tmp_path):
    (mistake,) = read_page(tmp_path, PAGE.replace("- dx = dy @ W.T", "- dx = dy @ W"))
    with pytest.raises(
        PageError, match=r"page\.md:9: in dense, 'dx = dy @ W' stands there 0 times"
    ):
        _ = mistake.planted


def test_no_mistake_stands_in_two_pages():
    pages = [path for path in PAGES.glob("*.md") if path.stem in FAMILIES]
    names = [section.title for page in pages for section in sections(page) if section.level == 3]
    assert sorted(names) == sorted(MISTAKES)


def test_factors_are_named_by_what_they_are():
    report = examine(MISTAKES["dropout-scale-lost"], MISTAKES["dropout-scale-lost"].shows)
    evidence = report.rows[0].findings[0].evidence
    assert np.isclose(evidence["factor"], 0.7)
    assert evidence["equals"] == "1 − rate"


def test_two_mistakes_at_once_are_mostly_explained_and_not_named():
    def layer(x, W):
        def backward(dy):
            dx = 3 * (dy @ W.T)
            dx[0, 0] += 0.1 * np.abs(dx).max()
            return dx, x.T @ dy

        return x @ W, backward

    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(5, 4)), rng.normal(size=(4, 3))
    (finding,) = check(layer, x, W, lines=False).rows[0].findings
    assert finding.code == "unknown"
    (k,) = re.findall(r"mostly explained by a factor of ([\d.]+)", finding.message)
    assert np.isclose(float(k), 3, atol=0.1)
    # By its lines both are found, one behind the other.
    assert len(check(layer, x, W).repair.edits) == 2
