"""Mistakes that once had no name, or a wrong line, in strangers' code: each by its name and its line."""

import numpy as np
import pytest

from gradcheck import Verdict, check_loss
from tests.strangers import mended
from tests.test_fresh import normal, pair, planted

POINTS, WANTED = normal(5, 4), np.array([1, 0, 1, 1, 0])

CHECKS = {
    "output_gate": lambda m: pair(
        *(m, "output_gate", normal(2, 5), normal(3, 5), normal(3, 5) / 2),
        *(normal(3, 5), normal(3, 1), normal(3, 3)),
    ),
    "cost": lambda m: check_loss(lambda theta: m.cost(theta, POINTS, WANTED), normal(4)),
    "gates": lambda m: pair(m, "gates", normal(3, 2), normal(2, 12), normal(4)),
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    assert CHECKS[name](mended).passed


@pytest.mark.parametrize(
    ("name", "right", "wrong", "code"), mended.MISTAKES, ids=lambda text: text.strip()
)
def test_the_mistake_has_its_name_and_its_line(name, right, wrong, code):
    copy, line = planted(mended, right, wrong)
    points = POINTS.copy()
    report = CHECKS[name](copy)
    assert report.verdict is Verdict.FAIL
    assert report.by_line.first_wrong.evidence["line"] == line and not report.by_line.notes
    said = {row.findings[0].code for row in report if row.verdict is Verdict.FAIL}
    assert said == {code}
    # What was tried has written nothing into what is not its own.
    assert np.array_equal(POINTS, points)
