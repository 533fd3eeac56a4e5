"""The derivation pages: every layer has one, its formulas are typeset, and its lines agree with the code."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from latex2mathml.converter import convert

from layers import mistakes
from layers.catalogue import CATALOGUE
from layers.derivations import PAGES, index, lines_of, page_of, text_of
from layers.mistakes import MISTAKES
from reports.homework import TRAINING_MISTAKES

ALL = [(entry, one) for entry in CATALOGUE.values() for one in entry.configurations]
STORIES = sorted((Path(mistakes.__file__).parent / "stories").glob("*.md"))
NAMES = [f"{entry.name}-{one.label}" for entry, one in ALL]


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_layer_has_its_page(name):
    text = text_of(name)
    assert lines_of(name).strip()
    if page_of(name).stem == name:
        assert text.startswith(f"# {name}\n")
        for part in ("## Derivation", "## Result", "## What goes wrong"):
            assert part in text, part


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_every_formula_is_typeset(page):
    prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.S)
    formulas = re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", prose, re.S)
    assert formulas
    assert prose.count("$") % 2 == 0
    for display, inline in formulas:
        formula = display or inline
        assert formula.count("{") == formula.count("}"), formula
        assert formula.count(r"\left") == formula.count(r"\right"), formula
        mathml = convert(formula)
        assert mathml.startswith("<math")
        # What the converter does not know it leaves standing as it is.
        assert "\\" not in mathml, formula


@pytest.mark.parametrize(("entry", "one"), ALL, ids=NAMES)
def test_the_lines_of_the_page_are_the_code(entry, one):
    inputs = one.inputs(np.random.default_rng(0))
    options = {
        p.name: p.default
        for p in inspect.signature(entry.layer).parameters.values()
        if p.kind is p.KEYWORD_ONLY
    }
    y, backward = entry.bound(one)(*inputs.values())
    dy = np.random.default_rng(1).normal(size=y.shape)
    scope = {"np": np, **inputs, **options, **one.options, "dy": dy}
    exec(lines_of(entry.name), scope)
    for name, mine in zip(inputs, backward(dy), strict=True):
        if mine is not None:
            page = scope[f"d{name}"]
            assert page.shape == mine.shape
            assert np.abs(page - mine).max() <= 1e-11 * max(np.abs(mine).max(), 1e-300), name


def test_every_planted_mistake_is_linked_from_its_layers_page():
    for mistake in MISTAKES.values():
        assert f"`{mistake.name}`" in text_of(mistake.layer.__name__), mistake.name


def test_the_index_links_every_layer_to_its_page():
    links = dict(re.findall(r"\[`(\w+)`\]\((\w+\.md)\)", index()))
    assert set(links) == set(CATALOGUE)
    assert all((PAGES / page).is_file() for page in links.values())
    assert links["conv2d"] == "conv2d.md"
    assert links["relu"] == "activations.md"


def test_the_stories_of_mistakes_were_found():
    assert {page.stem for page in STORIES} >= {"every_tie", "adam_restarted"}


@pytest.mark.parametrize("page", STORIES, ids=lambda page: page.stem)
def test_the_stories_name_commands_and_mistakes_that_exist(page):
    named = set(re.findall(r"`gradcheck mistakes ([\w-]+)`", page.read_text()))
    assert named, "a story says which command shows its mistake"
    assert named <= {*MISTAKES, *TRAINING_MISTAKES}
