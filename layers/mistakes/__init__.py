"""Planted mistakes, for lectures and for testing the checker: what students and frameworks got wrong.

They are written in pages, one a family of layers: dense.md, conv.md, …; `page` reads them.
"""

from __future__ import annotations

from pathlib import Path

from layers.families import FAMILIES
from layers.mistakes.page import read
from layers.mistakes.planted import Mistake, PageError

__all__ = ["MISTAKES", "PAGES", "Mistake", "PageError"]

PAGES = Path(__file__).parent

MISTAKES: dict[str, Mistake] = {
    mistake.name: mistake
    for family in FAMILIES
    if (page := PAGES / f"{family}.md").exists()
    for mistake in read(page, family)
}
"""The gallery, in the order of the catalogue."""
