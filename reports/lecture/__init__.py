"""Handouts: a layer's derivation, code, numbers and mistakes on one page, from what the tests run."""

from reports.lecture.handout import handout
from reports.lecture.index import index

__all__ = ["handout", "index"]
