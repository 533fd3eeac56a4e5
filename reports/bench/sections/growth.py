"""Section `growth`: how the number of evaluations grows with the size of what is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import check
from layers import conv2d, dense, relu
from layers.types import Array, Layer
from reports.bench.measurement import Measurement, at_most
from reports.bench.section import Sample, Section

Draw = Callable[..., Array]

FLAT = 0.1
"""An exponent that is none: over 64 times the size the evaluations grow by half at most."""

LINEAR = 1.05
"""An exponent below this is 1: as fast as the size itself, with what is spent at any size left out."""


@dataclass(frozen=True)
class Growth:
    """A layer at several sizes: what grows, the inputs at a size, whose gradient, how fast it may grow."""

    name: str
    layer: Layer
    inputs: Callable[[Draw, int], list[Array]]
    wrt: str
    exponent: float
    sizes: tuple[int, ...] = (8, 32, 128, 512)


FEW, IMAGES, KERNELS = (2, 4, 8, 16), (8, 16, 32, 64), (4, 9, 16, 25)
"""Sizes at which a convolution's forward pass stays quick."""


def _dense(draw: Draw, *, N: int = 2, D: int = 3, M: int = 3) -> list[Array]:
    return [draw(N, D), draw(D, M), draw(M)]


def _image(draw: Draw, *, N: int = 1, size: int = 12, kernel: int = 3) -> list[Array]:
    return [draw(N, size, size, 2), draw(kernel, kernel, 2, 3), draw(3)]


def _kernel(draw: Draw, area: int) -> list[Array]:
    return _image(draw, kernel=int(np.sqrt(area)))


GROWTHS = (
    Growth("relu: dx, entries", relu, lambda draw, n: [draw(n)], "x", FLAT),
    Growth("dense: dx, batch", dense, lambda draw, n: _dense(draw, N=n), "x", FLAT),
    Growth("dense: dx, inputs", dense, lambda draw, n: _dense(draw, D=n), "x", LINEAR),
    Growth("dense: dW, inputs", dense, lambda draw, n: _dense(draw, D=n), "W", LINEAR),
    Growth("dense: dW, outputs", dense, lambda draw, n: _dense(draw, M=n), "W", FLAT),
    Growth("dense: db, outputs", dense, lambda draw, n: _dense(draw, M=n), "b", FLAT),
    Growth("conv2d: dx, batch", conv2d, lambda draw, n: _image(draw, N=n), "x", FLAT, FEW),
    Growth("conv2d: dx, side", conv2d, lambda draw, n: _image(draw, size=n), "x", FLAT, IMAGES),
    Growth("conv2d: dx, kernel", conv2d, lambda draw, n: _kernel(draw, n), "x", LINEAR, KERNELS),
    Growth("conv2d: dW, side", conv2d, lambda draw, n: _image(draw, size=n), "W", FLAT, IMAGES),
)


def growth(sample: Sample) -> Iterator[Measurement]:
    """Evaluations of the forward pass against sizes: the exponent n in size ⁿ."""
    for one in sample.over(GROWTHS, "growth"):
        evaluations = [_evaluations(one, size, sample.seed) for size in one.sizes]
        exponent = float(np.polyfit(np.log(one.sizes), np.log(evaluations), 1)[0])
        counted = ", ".join(f"{n:,}" for n in evaluations)
        detail = f"{counted} at {', '.join(map(str, one.sizes))}"
        yield Measurement(one.name, exponent, at_most(one.exponent), "{:.2f}".format, detail)


def _evaluations(one: Growth, size: int, seed: int) -> int:
    rng = np.random.default_rng(seed)
    inputs = one.inputs(lambda *shape: rng.normal(size=shape), size)
    return check(one.layer, *inputs, wrt=one.wrt, seed=seed, lines=False).evaluations


SECTION = Section("growth", growth)
