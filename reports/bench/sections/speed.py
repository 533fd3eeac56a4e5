"""Section `speed`: every kind of layer in float32 beside TensorFlow's compiled graph of the same function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from layers.catalogue import CATALOGUE, twin_of
from layers.types import Array, Layer
from reports.bench.measurement import Measurement, Promise, at_most, times
from reports.bench.section import Sample, Section, beside

Shape = tuple[int, ...]

BESIDE = at_most(2.5)
"""What a page that reads like its formula may cost, where nothing tighter is promised."""


@dataclass(frozen=True)
class Case:
    """A layer at a size that people train at."""

    layer: str
    shapes: tuple[Shape, ...]
    promise: Promise = BESIDE
    options: dict[str, Any] = field(default_factory=dict)
    indices: int | None = None
    """Which input holds integers, below 1000."""
    scale: float = 1.0

    def inputs(self, rng: np.random.Generator) -> list[Array]:
        """Normal values in float32, and integers where they belong."""
        return [
            rng.integers(0, 1000, shape)
            if k == self.indices
            else (self.scale * rng.normal(size=shape)).astype(np.float32)
            for k, shape in enumerate(self.shapes)
        ]


IMAGE: Shape = (32, 28, 28, 8)
HEADS: Shape = (32, 4, 64, 32)
GATES = 256

CASES = (
    Case("conv2d", (IMAGE, (3, 3, 8, 16), (16,)), options={"padding": 1}),
    Case("dense", ((32, 1568), (1568, 100), (100,)), at_most(1.3)),
    Case("dense", ((256, 1024), (1024, 512), (512,)), at_most(1.3)),
    Case("max_pool2d", (IMAGE,)),
    Case("batch_norm", (IMAGE, (8,), (8,))),
    Case("layer_norm", ((32, 64, 128), (128,), (128,))),
    Case("gelu", ((256, 1024),)),
    Case("softmax", ((256, 1024),)),
    Case("softmax_cross_entropy", ((256, 1000), (256,)), indices=1),
    Case("embedding", ((32, 128), (1000, 64)), indices=0),
    Case("attention", (HEADS, HEADS, HEADS)),
    Case("lstm", ((32, 28, 28), (32, 64), (32, 64), (28, GATES), (64, GATES), (GATES,)), scale=0.1),
)


def _times(which: int, rounds: int, seed: int) -> tuple[float, float]:
    """Seconds of our layer, and of TensorFlow's."""
    case, rng = CASES[which], np.random.default_rng(seed)
    inputs = case.inputs(rng)
    layer = partial(CATALOGUE[case.layer].layer, **case.options)
    dy = rng.normal(size=layer(*inputs)[0].shape).astype(np.float32)
    ours = partial(_there_and_back, layer, inputs, dy)
    return beside(ours, _compiled(twin_of(layer), inputs, dy), rounds)


def speed(sample: Sample) -> Iterator[Measurement]:
    """Forward and backward in float32 beside TensorFlow's compiled graph, one thread each; worst first."""
    work = partial(_times, rounds=sample.size, seed=sample.seed)
    found = zip(CASES, sample.timed(work, range(len(CASES)), "speed"), strict=True)
    for case, (ours, theirs) in sorted(found, key=lambda one: -one[1][0] / one[1][1]):
        shape = "×".join(map(str, case.shapes[0]))
        detail = f"{1e3 * ours:.2f} ms / {1e3 * theirs:.2f} ms"
        yield Measurement(f"{case.layer}, {shape}", ours / theirs, case.promise, times, detail)


def _there_and_back(layer: Layer, inputs: list[Array], dy: Array) -> None:
    layer(*inputs)[1](dy)


def _compiled(twin: Any, inputs: list[Array], dy: Array) -> Callable[[], None]:
    """The twin and its gradients as one graph, the gradients handed out as arrays."""
    from gradcheck.tape import tensorflow

    tf = tensorflow()
    tensors = [tf.constant(x) for x in inputs]
    watched = [tensor for tensor in tensors if tensor.dtype.is_floating]

    def there_and_back() -> Any:
        with tf.GradientTape() as recorded:
            recorded.watch(watched)
            y = twin(*tensors)
        # With y among the results: a graph leaves out what nobody asks for.
        return y, *recorded.gradient(y, watched, dy)

    graph = tf.function(there_and_back)

    def run() -> None:
        for result in graph():
            tf.convert_to_tensor(result).numpy()

    run()
    return run


SECTION = Section("speed", speed, "rounds", size=30, quick=5)
