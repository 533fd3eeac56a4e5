"""The graph of tensors: boxes from left to right, each value with its gradient under it, as an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

HEIGHT, CHARACTER = 17, 7.3
"""Of a line of text, and of a sign in it, in pixels: the font is monospace, twelve pixels high."""
GAP_ACROSS, GAP_DOWN, MARGIN = 56, 22, 12
"""Between ranks, between boxes of a rank, and around it all."""

STYLE = """
.box{fill:var(--paper,#fff);stroke:currentColor}.edge{fill:none;stroke:#8c959f;stroke-width:1.2}
text{font:12px ui-monospace,'DejaVu Sans Mono',Menlo,monospace;fill:currentColor}
.forward{fill:var(--forward,#0550ae)}.backward{fill:var(--backward,#953800)}.name{font-weight:bold}
"""


@dataclass(frozen=True)
class Node:
    """A box: its name, what it is computed from, and lines of text with a class of the style each."""

    name: str
    reads: Sequence[str]
    lines: Sequence[tuple[str, str]]

    @property
    def width(self) -> float:
        """As wide as its longest line."""
        return CHARACTER * max(len(text) for text, _ in (*self.lines, (self.name, ""))) + 16

    @property
    def height(self) -> float:
        """As high as its lines and its name."""
        return HEIGHT * (1 + len(self.lines)) + 12


@dataclass(frozen=True)
class _Box:
    node: Node
    x: float
    y: float


def drawn(nodes: Sequence[Node], description: str) -> str:
    """The graph as an SVG element.

    Args:
        nodes: in the order in which they are computed; a name that is given twice is another box.
        description: what a screen reader says of it.
    """
    boxes = _placed(nodes)
    width = max(box.x + box.node.width for box in boxes) + MARGIN
    height = max(box.y + box.node.height for box in boxes) + MARGIN
    edges = "".join(_edge(a, b) for a, b in _edges(boxes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(description)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}">'
        f"<style>{STYLE}</style>{edges}{''.join(map(_box, boxes))}</svg>"
    )


def _placed(nodes: Sequence[Node]) -> list[_Box]:
    """Each node right of all that it reads; within a rank near the middle of those."""
    ranks = _ranks(nodes)
    columns = [[k for k, rank in enumerate(ranks) if rank == r] for r in range(max(ranks) + 1)]
    middle: dict[str, float] = {}
    boxes: dict[int, _Box] = {}
    x: float = MARGIN
    for column in columns:
        column.sort(key=lambda k: (_barycentre(nodes[k], middle), k))
        y: float = MARGIN
        for k in column:
            boxes[k] = _Box(nodes[k], x, y)
            middle[nodes[k].name] = y + nodes[k].height / 2
            y += nodes[k].height + GAP_DOWN
        x += max(nodes[k].width for k in column) + GAP_ACROSS
    return [boxes[k] for k in range(len(nodes))]


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


def _barycentre(node: Node, middle: Mapping[str, float]) -> float:
    known = [middle[name] for name in node.reads if name in middle]
    return sum(known) / len(known) if known else 0.0


def _edges(boxes: Sequence[_Box]) -> list[tuple[_Box, _Box]]:
    """From each value to what is computed from it; of a name given twice, the last before."""
    found: list[tuple[_Box, _Box]] = []
    last: dict[str, _Box] = {}
    for box in boxes:
        found += [(last[name], box) for name in box.node.reads if name in last]
        last[box.node.name] = box
    return found


def _edge(a: _Box, b: _Box) -> str:
    x0, y0 = a.x + a.node.width, a.y + a.node.height / 2
    x1, y1 = b.x, b.y + b.node.height / 2
    bend = max(24.0, (x1 - x0) / 2)
    return (
        f'<path class="edge" d="M{x0:.1f},{y0:.1f} C{x0 + bend:.1f},{y0:.1f} '
        f'{x1 - bend:.1f},{y1:.1f} {x1:.1f},{y1:.1f}"/>'
    )


def _box(box: _Box) -> str:
    lines = [(box.node.name, "name"), *box.node.lines]
    text = "".join(
        f'<text class="{style}" x="{box.x + 8:.1f}" y="{box.y + HEIGHT * (k + 1):.1f}" '
        f'xml:space="preserve">{escape(line)}</text>'
        for k, (line, style) in enumerate(lines)
    )
    return (
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.node.width:.1f}" '
        f'height="{box.node.height:.1f}" rx="4"/>{text}'
    )
