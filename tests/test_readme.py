"""What the pages show is what the program prints: README, docs and examples, excerpt by excerpt."""

import re
import tomllib

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


def test_the_developer_guide_says_what_each_dependency_is_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    every = [*project["dependencies"], *(need for extra in extras for need in extra)]
    names = {re.match(r"[\w-]+", need)[0] for need in every} - {"gradcheck"}
    rows = re.findall(r"^\| (`.*?) \| \w", (ROOT / "docs" / "developers.md").read_text(), re.M)
    assert not names - {name for row in rows for name in re.findall(r"`([\w-]+)`", row)}


def test_every_lower_bound_is_among_the_oldest_versions_that_are_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [*project["dependencies"], *project["optional-dependencies"]["course"]]
    oldest = (ROOT / ".ci" / "oldest.txt").read_text()
    for name, bound in (need.split(">=") for need in needs):
        assert re.search(rf"^{name}=={bound}(\.0)?\.\*$", oldest, re.M), name
