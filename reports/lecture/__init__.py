"""Handouts: a layer's derivation, code, numbers and mistakes on one page, from what the tests run."""

from reports.lecture.handout import handout
from reports.lecture.index import index
from reports.lecture.own import own_handout

__all__ = ["handout", "index", "own_handout"]
