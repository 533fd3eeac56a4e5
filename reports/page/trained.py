"""What a training run learned, to be looked at: digits as they are read, filters, what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.result import Array
from reports.page.sketch import picture

SHOWN = 15
"""Test images of each kind, misread and read: a line on a desk, and enough to see what goes wrong."""


def digits(images: Array, labels: Array, read: Array) -> str:
    """Test images (N, H, W, C) with what is read in them: some that are misread, then some that are not."""
    wrong, right = (np.flatnonzero(kind) for kind in (labels != read, labels == read))
    shown = [*wrong[:SHOWN], *right[:SHOWN]]
    drawn = "".join(_digit(images[k], int(labels[k]), int(read[k])) for k in shown)
    return (
        f'<figure><div class="digits">{drawn}</div><figcaption>What the network reads in test images: '
        f"{len(wrong[:SHOWN])} of the {len(wrong):,} that it misreads, {len(right[:SHOWN])} of the "
        f"{len(right):,} that it reads right.</figcaption></figure>"
    )


def _digit(image: Array, label: int, read: int) -> str:
    drawn = picture(image.mean(axis=-1), 1.0, f"The digit {label}", grey=True)
    words = f"{read}" if label == read else f"<strong>{read}, is {label}</strong>"
    style = ' class="misread"' if label != read else ""
    return f"<div{style}>{drawn}<span>{words}</span></div>"


def filters(before: Array, after: Array) -> str:
    """The first layer's filters (kh, kw, in, out) before and after, averaged over what comes in."""
    scale = float(max(np.abs(before).max(), np.abs(after).max()))
    count = before.shape[-1]
    heads = "".join(f'<th scope="col">{k}</th>' for k in range(count))
    rows = ""
    for name, weights in (("before", before), ("after", after)):
        cells = "".join(
            f"<td>{picture(weights[..., k].mean(axis=2), scale, f'Filter {k} {name}')}</td>"
            for k in range(count)
        )
        rows += f'<tr><th scope="row">{name}</th>{cells}</tr>'
    return (
        '<div class="scroll"><table class="filters"><caption>Filters of the first convolution before and '
        f"after training: dark is negative, light positive</caption><tr><td></td>{heads}</tr>{rows}"
        "</table></div>"
    )


def confusion(counts: Sequence[Sequence[int]]) -> str:
    """How often a digit (row) was read as another (column), shaded by share of its row."""
    heads = "".join(f'<th scope="col">{k}</th>' for k in range(len(counts)))
    rows = ""
    for label, row in enumerate(counts):
        total = sum(row) or 1
        cells = "".join(_count(count, count / total, label == k) for k, count in enumerate(row))
        rows += f'<tr><th scope="row">{label}</th>{cells}</tr>'
    return (
        '<div class="scroll"><table class="confusion"><caption>Test images: what they are (rows), what '
        f"they are read as (columns)</caption><tr><td></td>{heads}</tr>{rows}</table></div>"
    )


def _count(count: int, share: float, right: bool) -> str:
    # A misread digit is rare and must be seen: its shade begins where the eye notices it.
    percent = 0 if not count else round(60 * share) if right else 15 + round(60 * share)
    colour = "--forward" if right else "--backward"
    shade = f' style="background:color-mix(in srgb,var({colour}) {percent}%,transparent)"'
    return f'<td class="number"{shade if count else ""}>{count or "·"}</td>'
