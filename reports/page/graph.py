"""The graph of tensors: boxes in the order of computing, each value with its gradient under it, as an SVG.

Boxes stand in ranks, each behind all that it reads: from left to right, or from top to bottom where that
would be too wide. An arrow over several ranks is led through a gap in each of those between, so that none
runs under a box; within a rank boxes are ordered by the middle of their neighbours, there and back a few
times, and moved towards it as far as the others leave room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

HEIGHT, CHARACTER = 17, 7.3
"""Of a line of text, and of a sign in it, in pixels: the font is monospace, twelve pixels high."""
GAP_BETWEEN, GAP_WITHIN, MARGIN = 40, 18, 8
"""Between ranks, between boxes of a rank, and around it all."""
WIDEST = 960.0
"""What fits beside nothing on a page: wider graphs run from top to bottom."""
PASSAGE = 6.0
"""What an arrow needs that passes through a rank."""
LEGIBLE = 0.72
"""A graph may be shown so much smaller than drawn; on a narrower screen it is moved instead."""
SWEEPS = 8
"""Of ordering and of moving: more change nothing in the graphs of the catalogue."""

STYLE = """
.box{fill:var(--paper,#fff);stroke:currentColor}.box.wrong{stroke:#cf222e;stroke-width:2.5}
.edge{fill:none;stroke:#8c959f;stroke-width:1.2}.head{fill:#8c959f}
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,monospace;fill:currentColor}
.forward{fill:var(--forward,#0550ae)}.backward{fill:var(--backward,#953800)}.name{font-weight:bold}
"""


@dataclass(frozen=True)
class Node:
    """A box: its name, what it is computed from, and lines of text with a class of the style each."""

    name: str
    reads: Sequence[str]
    lines: Sequence[tuple[str, str]]
    wrong: bool = False

    @property
    def width(self) -> float:
        """As wide as its longest line."""
        return CHARACTER * max(len(text) for text, _ in (*self.lines, (self.name, ""))) + 16

    @property
    def height(self) -> float:
        """As high as its lines and its name."""
        return HEIGHT * (1 + len(self.lines)) + 10


@dataclass(eq=False)
class _Place:
    """Where a box stands, or where an arrow passes through a rank: what lies before it and after it.

    `along` and `across` are its beginning in the direction in which the ranks follow each other and in
    that of a rank, `length` and `breadth` its size; `deep` is the length of the whole rank.
    """

    rank: int
    length: float = 0.0
    breadth: float = PASSAGE
    node: Node | None = None
    before: list[_Place] = field(default_factory=list)
    after: list[_Place] = field(default_factory=list)
    along: float = 0.0
    across: float = 0.0
    deep: float = 0.0

    @property
    def middle(self) -> float:
        return self.across + self.breadth / 2


def drawn(nodes: Sequence[Node], description: str) -> str:
    """The graph as an SVG element, its nodes in the order in which they are computed.

    A name that is given twice is another box; the description is what a screen reader says.
    """
    places = _placed(nodes, down=False)
    down = _extent(places)[0] > WIDEST
    if down:
        places = _placed(nodes, down=True)
    width, height = _extent(places)[::-1] if down else _extent(places)
    edges = "".join(_edge(way, down=down) for way in _ways(places))
    boxes = "".join(
        _box(place.node, *_turned(place.along, place.across, down=down))
        for place in places
        if place.node
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" role="img" '
        f'aria-label="{escape(description)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'style="min-width:{LEGIBLE * width:.0f}px">'
        f"<style>{STYLE}</style>{edges}{boxes}</svg>"
    )


def _extent(places: Sequence[_Place]) -> tuple[float, float]:
    """The size of it all, along the ranks and across."""
    along = max(place.along + place.length for place in places) + MARGIN
    return along, max(place.across + place.breadth for place in places) + MARGIN


def _turned(along: float, across: float, *, down: bool) -> tuple[float, float]:
    return (across, along) if down else (along, across)


def _placed(nodes: Sequence[Node], *, down: bool) -> list[_Place]:
    """Everything at its place, in ranks one behind the other."""
    ranks = _ranked(_linked(nodes, down=down))
    for sweep in range(SWEEPS):
        _order(ranks, forwards=sweep % 2 == 0)
    for rank in ranks:
        _stack(rank)
    for sweep in range(SWEEPS):
        for rank in ranks if sweep % 2 else reversed(ranks):
            _settle(rank)
    top = min(place.across for rank in ranks for place in rank)
    along: float = MARGIN
    for rank in ranks:
        deep = max(place.length for place in rank)
        for place in rank:
            place.along, place.across, place.deep = along, place.across - top + MARGIN, deep
        along += deep + GAP_BETWEEN
    return [place for rank in ranks for place in rank]


def _linked(nodes: Sequence[Node], *, down: bool) -> list[_Place]:
    """A place for each node, with what lies before and after it, and where arrows pass between."""
    places: list[_Place] = []
    last: dict[str, _Place] = {}
    for node, rank in zip(nodes, _ranks(nodes), strict=True):
        place = _Place(rank, *_turned(node.width, node.height, down=down), node)
        places.append(place)
        for name in node.reads:
            if name in last:
                places += _joined(last[name], place)
        last[node.name] = place
    return places


def _joined(a: _Place, b: _Place) -> list[_Place]:
    """Two places joined; the new ones that the arrow passes through."""
    between = [_Place(rank) for rank in range(a.rank + 1, b.rank)]
    way = [a, *between, b]
    for before, after in pairwise(way):
        before.after.append(after)
        after.before.append(before)
    return between


def _ranks(nodes: Sequence[Node]) -> list[int]:
    """How many steps lie before each node; inputs stand just before their first use."""
    last: dict[str, int] = {}
    ranks: list[int] = []
    for node in nodes:
        ranks.append(1 + max((last[name] for name in node.reads if name in last), default=-1))
        last[node.name] = ranks[-1]
    for k, node in enumerate(nodes):
        uses = [ranks[j] for j, other in enumerate(nodes) if node.name in other.reads and j > k]
        if not node.reads and uses:
            ranks[k] = max(0, min(uses) - 1)
    return ranks


def _ranked(places: Sequence[_Place]) -> list[list[_Place]]:
    found: list[list[_Place]] = [[] for _ in range(1 + max(place.rank for place in places))]
    for place in places:
        found[place.rank].append(place)
    return [rank for rank in found if rank]


def _order(ranks: Sequence[list[_Place]], *, forwards: bool) -> None:
    """Each rank by the middle of its neighbours in the rank before, or after."""
    for rank in ranks if forwards else reversed(ranks):
        where = {id(p): k / len(r) for r in ranks for k, p in enumerate(r)}

        def key(place: _Place, where: dict[int, float] = where) -> float:
            near = (place.before if forwards else place.after) or place.after or place.before
            return sum(where[id(p)] for p in near) / len(near) if near else where[id(place)]

        rank.sort(key=key)


def _stack(rank: Sequence[_Place]) -> None:
    across = 0.0
    for place in rank:
        place.across = across
        across += place.breadth + GAP_WITHIN
    for place in rank:
        place.across -= across / 2


def _settle(rank: Sequence[_Place]) -> None:
    """Everything as near to the middle of its neighbours as the others leave room."""
    wished = [_wish(place) for place in rank]
    # From the first on nobody stands before its wish or on another; from the last on likewise.
    first, last = list(wished), list(wished)
    for k in range(1, len(rank)):
        first[k] = max(wished[k], first[k - 1] + rank[k - 1].breadth + GAP_WITHIN)
    for k in reversed(range(len(rank) - 1)):
        last[k] = min(wished[k], last[k + 1] - rank[k].breadth - GAP_WITHIN)
    for place, low, high in zip(rank, first, last, strict=True):
        place.across = (low + high) / 2


def _wish(place: _Place) -> float:
    near = [*place.before, *place.after]
    middle = sum(p.middle for p in near) / len(near) if near else place.middle
    return middle - place.breadth / 2


def _ways(places: Sequence[_Place]) -> Iterator[list[_Place]]:
    """Every arrow: from a box through the ranks between to another."""
    for place in places:
        if place.node:
            for way in place.after:
                through = [place, way]
                while through[-1].node is None:
                    through.append(through[-1].after[0])
                yield through


def _edge(way: Sequence[_Place], *, down: bool) -> str:
    """Straight on to the end of each rank, so as not to run under a deeper box, and bent between ranks."""

    def at(along: float, across: float) -> str:
        x, y = _turned(along, across, down=down)
        return f"{x:.1f},{y:.1f}"

    path = f"M{at(way[0].along + way[0].length, way[0].middle)}"
    for place, after in pairwise(way):
        here, there = place.along + place.deep, after.along - (5 if after is way[-1] else 0)
        half = (here + there) / 2
        path += f"L{at(here, place.middle)}C{at(half, place.middle)} {at(half, after.middle)} "
        path += at(there, after.middle)
    tip, middle = way[-1].along, way[-1].middle
    head = f"M{at(tip, middle)}L{at(tip - 7, middle - 3.5)} {at(tip - 7, middle + 3.5)}z"
    return f'<path class="edge" d="{path}"/><path class="head" d="{head}"/>'


def _box(node: Node, x: float, y: float) -> str:
    lines = [(node.name, "name"), *node.lines]
    text = "".join(
        f'<text class="{style}" x="{x + 8:.1f}" y="{y + HEIGHT * (k + 1):.1f}" '
        f'xml:space="preserve">{escape(line)}</text>'
        for k, (line, style) in enumerate(lines)
    )
    style = "box wrong" if node.wrong else "box"
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{node.width:.1f}" '
        f'height="{node.height:.1f}" rx="4"/>{text}'
    )
