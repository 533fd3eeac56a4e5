"""The course: all handouts in the order in which they are taught."""

from __future__ import annotations

from html import escape

from layers.catalogue import CATALOGUE
from layers.families import FAMILIES, layers_of
from reports.page.shell import page, section


def index() -> str:
    """A page with a link to each layer's, by family."""
    families = [section(family.replace("_", " "), _family(family)) for family in FAMILIES]
    lead = (
        "<h1>Backpropagation, layer by layer</h1>\n"
        '<p class="lead">Each page: the derivation, the code, the check, and mistakes to find.</p>'
    )
    return page("Backpropagation, layer by layer", "\n".join([lead, *families]))


def _family(family: str) -> str:
    rows = "".join(
        f'<tr><td><a href="{name}.html">{escape(name)}</a></td>'
        f"<td><code>{escape(CATALOGUE[name].formula)}</code></td></tr>"
        for name in layers_of(family)
        if name in CATALOGUE
    )
    return f"<table>{rows}</table>"
