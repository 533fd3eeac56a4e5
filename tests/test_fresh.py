"""Backward passes in many hands: the right ones pass line by line, and the changed line is named first."""

import inspect
import linecache
import random
from functools import partial
from types import ModuleType

import numpy as np
import pytest
from examples import SAMPLE_SEED

from gradcheck import Verdict, check, check_loss, check_module, check_pair
from tests.strangers import fresh, fresh_aside


def normal(*shape):
    return np.random.default_rng(shape).normal(size=shape)


IDS = np.array([[0, 2, 2], [1, 4, 0]])
LABELS = np.array([2, 0, 1, 1, 0])
NET = {"W1": normal(4, 3), "b1": normal(3), "W2": normal(3, 5), "b2": normal(5)}
LINKS = np.array([[1.0, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]])


def pair(m, stem, *inputs, **options):
    there, back = getattr(m, f"{stem}_forward"), getattr(m, f"{stem}_backward")
    return check_pair(partial(there, **options), back, *inputs)


CHECKS = {
    "Dense": lambda m: check_module(m.Dense(4, 3), normal(5, 4)),
    "conv1d": lambda m: pair(m, "conv1d", normal(2, 7, 2), normal(3, 2, 3), normal(3)),
    "LayerNorm": lambda m: check_module(m.LayerNorm(4), normal(2, 3, 4)),
    "smoothed_loss": lambda m: check_loss(m.smoothed_loss, normal(5, 3), LABELS),
    "maxpool": lambda m: pair(m, "maxpool", normal(2, 4, 4), 2),
    "net": lambda m: pair(m, "net", normal(6, 4), NET),
    "attention": lambda m: check(m.attention, *(normal(2, 3, 4 + k)[..., :4] for k in range(3))),
    "bag": lambda m: check(m.bag, normal(5, 3), IDS, normal(2, 3)),
    "film": lambda m: pair(m, "film", normal(2, 3, 4, 5), normal(2, 3), normal(3, 5), normal(3, 5)),
    "Recurrent": lambda m: check_module(m.Recurrent(3, 4), normal(3, 2, 3)),
    "PReLU": lambda m: check_module(m.PReLU(3), normal(5, 3), forward="__call__", backward="grad"),
    "group_norm": lambda m: pair(m, "group_norm", normal(2, 4, 3, 3), normal(4), normal(4)),
    "Highway": lambda m: check_module(m.Highway(4), normal(5, 4)),
    "cosine": lambda m: check(m.cosine, normal(4, 3), normal(5, 3)[:4]),
    "upconv": lambda m: pair(m, "upconv", normal(2, 3, 2), normal(3, 2, 4)),
    "AvgPool": lambda m: check_module(m.AvgPool(3, 2), normal(2, 7, 7, 2)),
    "svm_loss": lambda m: check_loss(m.svm_loss, normal(4, 3), normal(5, 4), LABELS),
    "experts": lambda m: pair(m, "experts", normal(5, 4), normal(4, 2), normal(2, 4, 3)),
    "graph_layer": lambda m: check(m.graph_layer, normal(4, 3), normal(3, 2), LINKS),
    "WeightNorm": lambda m: check_module(m.WeightNorm(4, 3), normal(5, 4)),
}  # fmt: skip
"""How each is checked, in the module or a changed copy of it."""


def planted(module, right, wrong):
    """A copy of the module with one piece of its text changed, and the number of the changed line."""
    source = inspect.getsource(module)
    assert source[: source.index("MISTAKES")].count(right) == 1, right
    text, name = source.replace(right, wrong, 1), f"<{wrong.strip()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    copy = ModuleType("planted")
    copy.__file__ = name
    exec(compile(text, name, "exec"), copy.__dict__)
    return copy, source[: source.index(right)].count("\n") + 1


def blamed(module, name, right, wrong):
    """Whether the changed line is named first, and whether another is named and it is not even doubted."""
    copy, line = planted(module, right, wrong)
    report = CHECKS[name](copy)
    assert report.verdict is Verdict.FAIL
    first = report.by_line.first_wrong
    if first is None:
        return False, False
    named = first.evidence["line"]
    return named == line, line not in (named, *first.evidence["also"])


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_one_passes(name):
    module = fresh if hasattr(fresh, name) or hasattr(fresh, f"{name}_forward") else fresh_aside
    assert CHECKS[name](module).passed


SAMPLE = random.Random(SAMPLE_SEED).sample(fresh.MISTAKES, 4)


@pytest.mark.parametrize("mistake", SAMPLE, ids=lambda mistake: mistake[2])
def test_the_changed_line_is_named_first(mistake):
    assert blamed(fresh, *mistake) == (True, False), f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}"


def test_a_factor_that_does_not_fit_beside_the_upstream_gradient_is_the_fault_of_its_line():
    """The line that raises has no counterpart on the way there: what it is given says which shape is wanted."""
    right, wrong = "slope = np.where(self.z > 0", "slope = np.where(self.x > 0"
    assert blamed(fresh, "Dense", right, wrong) == (True, False)


@pytest.mark.slow
def test_an_index_that_all_wrong_gradients_are_read_by_is_at_fault():
    right, wrong = "lo, hi = t * stride, t * stride + k", "lo, hi = t, t + k"
    assert blamed(fresh, "conv1d", right, wrong) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize("module", [fresh, fresh_aside], ids=["looked at", "set aside"])
def test_of_all_changes_the_line_is_named_first_and_no_right_one_alone(module):
    found = [blamed(module, *mistake) for mistake in module.MISTAKES]
    assert sum(first for first, _ in found) >= 0.85 * len(found)
    assert not any(alone for _, alone in found)
