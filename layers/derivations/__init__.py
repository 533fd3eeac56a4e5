"""The derivation pages: which one is a layer's, the lines in it that are run, and an index of all.

A layer's page is NAME.md; small layers of one family may share FAMILY.md, each in a section of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

from layers.families import FAMILIES, layers_of

PAGES = Path(__file__).parent


def page_of(layer: str) -> Path:
    """The page that derives a layer: its own, or its family's.

    Raises:
        KeyError: if there is no layer of that name.
    """
    own, shared = PAGES / f"{layer}.md", PAGES / f"{_family(layer)}.md"
    return own if own.exists() else shared


def text_of(layer: str) -> str:
    """What is written about a layer: its own page, or its section of the family's.

    Raises:
        KeyError: if the family's page has no section about it.
        FileNotFoundError: if there is no page.
    """
    page = page_of(layer)
    text = page.read_text("utf-8")
    if page.stem == layer:
        return text
    sections: dict[str, str] = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", text, re.M | re.S))
    return sections[layer]


def lines_of(layer: str) -> str:
    """The result of a derivation as lines of Python, from the inputs and dy to the gradients.

    Raises:
        ValueError: if there is not exactly one fenced block of them.
    """
    blocks: list[str] = re.findall(r"```python\n(.*?)```", text_of(layer), re.S)
    if len(blocks) != 1:
        raise ValueError(
            f"{page_of(layer)}: {len(blocks)} blocks of Python about {layer}, expected 1"
        )
    return blocks[0]


def index() -> str:
    """All layers by family, each with a link to its page, as a Markdown table."""
    rows = [f"| {family.replace('_', ' ')} | {_links(family)} |" for family in FAMILIES]
    return "\n".join(["| family | layers |", "|---|---|", *rows])


def _links(family: str) -> str:
    return " ".join(f"[`{layer}`]({page_of(layer).name})" for layer in layers_of(family))


def _family(layer: str) -> str:
    return {name: family for family in FAMILIES for name in layers_of(family)}[layer]
