"""A random sample of single changes to backward passes: each is convicted, equal in value, or explained."""

import ast
import inspect
import textwrap

import pytest
from examples import SAMPLE_SEED

from layers.catalogue import CATALOGUE
from layers.mistakes.mutants import mutants
from reports.mutation import Fate, explanations, judge, sample_of

COUNT = 16


@pytest.mark.slow
def test_a_random_sample_is_convicted():
    outcomes = list(judge(sample_of(COUNT, SAMPLE_SEED)))
    survived = [
        outcome.mutant.name
        for outcome in outcomes
        if outcome.fate is Fate.SURVIVED and not outcome.explanation
    ]
    assert not survived, f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}: {survived}"
    # Most changes change something: a judge who acquits everybody is noticed.
    convicted = sum(outcome.fate is Fate.CONVICTED for outcome in outcomes)
    assert convicted > COUNT / 2, f"GRADCHECK_SAMPLE_SEED={SAMPLE_SEED}: {convicted} of {COUNT}"


def test_what_changes_nothing_is_told_from_what_survives():
    by_name = {mutant.name: mutant for mutant in mutants(CATALOGUE["relu"].layer)}
    at_zero = by_name["relu: dx = dy * (x.real > 0)  →  dx = dy * ((x.real >= 0))"]
    (outcome,) = judge([at_zero])
    assert outcome.fate is Fate.SURVIVED
    assert "kink" in outcome.explanation
    order = next(m for m in mutants(CATALOGUE["upsample2d"].layer) if "axis=(4, 2)" in m.after)
    assert next(judge([order])).fate is Fate.EQUAL


def test_every_explained_survivor_is_a_mutant_that_exists():
    explained = explanations()
    # Whatever the checker learns, ReLU's slope at 0 stays anybody's choice: an empty file is a fault.
    assert "relu: dx = dy * (x.real > 0)  →  dx = dy * ((x.real >= 0))" in explained
    layers = {CATALOGUE[name.split(":")[0]].layer for name in explained}
    assert set(explained) <= {mutant.name for layer in layers for mutant in mutants(layer)}
    assert all(explained.values())


@pytest.mark.parametrize("name", ["dense", "conv2d", "lstm", "huber"])
def test_a_mutant_changes_one_line_of_the_way_back(name):
    layer = CATALOGUE[name].layer
    tree = ast.parse(textwrap.dedent(inspect.getsource(layer)))
    found = list(mutants(layer))
    assert len(found) > 20
    inner = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)][1:]
    lines = {line for f in inner for line in range(f.lineno, f.end_lineno + 1)}
    for mutant in found:
        assert mutant.before != mutant.after
        if mutant.place is layer:
            assert mutant.line in lines
