"""Handouts: a layer's derivation, code, numbers and mistakes on one page, from what the tests run."""

from reports.lecture.course import chapters, index
from reports.lecture.handout import handout
from reports.lecture.notebook import notebook
from reports.lecture.own import own_handout, own_notebook, own_slides
from reports.lecture.slides import slides

__all__ = [
    "chapters",
    "handout",
    "index",
    "notebook",
    "own_handout",
    "own_notebook",
    "own_slides",
    "slides",
]
