"""What the pages show is what the program prints: README, docs and examples, excerpt by excerpt."""

import re

import pytest
from pages import ROOT, Excerpt, excerpts

PAGES = [ROOT / "README.md", ROOT / "examples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_excerpt_is_what_is_printed(page, tmp_path):
    for excerpt in excerpts(page, tmp_path):
        if not excerpt.agrees:
            # Shown whole: the difference is what is looked for.
            assert excerpt.printed == excerpt.shown


def test_what_differs_is_seen_and_what_rounding_decides_is_not():
    def excerpt(shown):
        return Excerpt(0, 0, shown, "dx: PASS\nerror 1.2e-11 at [2, 0]\nin 0.31s\nend\n")

    assert excerpt("dx: PASS\nerror 9.9e-12 at [1]\nin 0.5s\nend").agrees
    assert excerpt("dx: PASS\n...\nend").agrees
    assert not excerpt("dx: FAIL\n...\nend").agrees
    assert not excerpt("dx: PASS\nerror 0 at [1]\nin 0.5s\nend").agrees
    assert not excerpt("dx: PASS\nend").agrees


def test_the_readme_is_short_and_shows_an_output_at_once():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert any(line.endswith(": FAIL") for line in lines[:15])


def test_every_link_of_the_pages_leads_somewhere():
    pages = [*PAGES, *ROOT.glob("*.md"), *(ROOT / "layers" / "derivations").glob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
            made = link == "figures/steps.svg" or link.startswith("http")
            assert made or (page.parent / link).exists(), f"{page.name}: {link}"
