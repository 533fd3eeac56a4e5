"""Mistakes in code of other shapes: the right sources pass, a sample of the wrong ones is convicted."""

from typing import get_args

import pytest
from examples import few_quick

from gradcheck.result import Code, Verdict
from layers.mistakes import PageError
from layers.mistakes.wild import SOURCES, WILD, read
from reports.cli import main
from reports.wild import Blame, Naming, judge, run


@pytest.mark.parametrize("name", SOURCES)
def test_a_right_source_passes(name):
    source = SOURCES[name]
    report = run(source.text, source.check, name)
    assert report.verdict is Verdict.PASS, str(report)
    rows = {row.name for row in report.rows}
    # The rows that mistakes speak of exist.
    assert {m.gradient for m in WILD.values() if m.source is source} <= rows


@pytest.mark.parametrize("name", few_quick(sorted(WILD), 2))
def test_a_mistake_is_convicted(name):
    (judged,) = judge([WILD[name]])
    assert judged.convicted


def test_there_are_many_and_half_of_them_are_set_aside():
    assert len(WILD) >= 60
    aside = sum(mistake.set_aside for mistake in WILD.values())
    assert 0.4 <= aside / len(WILD) <= 0.6


def test_every_change_fits_its_source_and_every_name_is_a_code():
    codes = set(get_args(Code))
    for mistake in WILD.values():
        wrong, lines = mistake.changed
        compile(wrong, mistake.name, "exec")
        assert wrong != mistake.source.text
        assert len(lines) >= 1
        assert set(mistake.codes) <= codes, mistake.name


def test_verdict_name_and_line_are_judged():
    (judged,) = judge([WILD["affine-class-transpose"]])
    assert judged.convicted
    assert judged.naming is Naming.TRUE
    assert judged.blame is Blame.RIGHT


def test_a_right_source_taken_for_a_mistake_is_not_convicted():
    """The judge can acquit: a diff that changes nothing of value."""
    source = SOURCES["affine_class"]
    report = run(
        source.text.replace("grad @ self.W.T", "(self.W @ grad.T).T"), source.check, "same"
    )
    assert report.verdict is Verdict.PASS


def test_one_is_shown_with_its_report(capsys):
    assert main(["mistakes", "bag-repeated-in-one-bag"]) == 0
    shown = capsys.readouterr().out
    assert "- " in shown and "+ " in shown and "FAIL" in shown
    assert main(["mistakes", "wild"]) == 0
    assert "bag-repeated-in-one-bag" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("```python\n", "```py\n", "1: there is no block of 'python'"),
        ("```python check", "```check", "1: there is no block of 'python check'"),
        ("code: transposed", "codes: transposed", "'codes' is none of gradient, code, set aside"),
        ("gradient: x · ", "", "the facts have no gradient"),
    ],
)
def test_a_fault_in_a_page_is_one_line(tmp_path, right, wrong, told):
    page = tmp_path / "page.md"
    text = PAGE
    assert text.count(right) == 1
    page.write_text(text.replace(right, wrong))
    with pytest.raises(PageError, match=told) as raised:
        read(page)
    assert str(raised.value).startswith(f"{page}:")
    assert "\n" not in str(raised.value)


PAGE = """# A layer

```python
def layer(x, W):
    return x @ W, lambda dy: (dy @ W.T, x.T @ dy)
```

```python check
check(layer, rng.normal(size=(3, 4)), rng.normal(size=(4, 4)))
```

### layer-transpose
The transpose forgotten.
```diff
@@ gradient: x · code: transposed @@
- return x @ W, lambda dy: (dy @ W.T, x.T @ dy)
+ return x @ W, lambda dy: (dy @ W, x.T @ dy)
```
"""
