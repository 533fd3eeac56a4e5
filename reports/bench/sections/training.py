"""Section `training`: a step of the digits network against a lecture's plain loops, beside Keras and torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from layers import Objective, digits_cnn, reference
from layers.types import Array, Layer, present
from reports.bench.measurement import Measurement, at_least, at_most, seconds, times
from reports.bench.section import Sample, Section, beside
from reports.machine import version_of

IMAGES, FEW = 100, 2
"""The plain loops run over a few of the images and are multiplied up: they take time in proportion."""

SHAPE = (28, 28, 1)
NETWORK = digits_cnn(SHAPE)


def _batch(seed: int) -> tuple[Array, Array, tuple[Array, ...]]:
    """Images, labels and parameters, in float32 as people train."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(IMAGES, *SHAPE)).astype(np.float32)
    parameters = NETWORK.initialize(rng, scheme="he", dtype=np.float32)
    return x, rng.integers(0, 10, IMAGES), parameters


def _plain_loops(rounds: int, seed: int) -> tuple[float, float]:
    """Seconds of convolution and pooling in plain loops, and of the whole network, there and back."""
    from reports.training import keep_freed_memory, side_by_side

    keep_freed_memory()
    x, labels, parameters = _batch(seed)
    laid_out = side_by_side(x)
    objective, (W, b) = Objective(NETWORK), parameters[:2]

    def loops() -> None:
        _there_and_back(reference.conv2d, reference.max_pool2d, x[:FEW], W, b)

    plain, _ = beside(loops, lambda: None, 1)
    whole, _ = beside(
        lambda: objective.gradients(laid_out, labels, *parameters), lambda: None, rounds
    )
    return plain * IMAGES / FEW, whole


def _there_and_back(conv: Layer, pool: Layer, x: Array, W: Array, b: Array) -> None:
    y, backward_conv = conv(x, W, b, padding=1)
    pooled, backward_pool = pool(y)
    backward_conv(*present(backward_pool(pooled)))


def _beside_keras(rounds: int, seed: int) -> tuple[float, float]:
    """Seconds of a step of Adam on all images, ours and Keras's `train_on_batch`."""
    from gradcheck.tape import tensorflow
    from reports.training import LEARNING_RATE, keras_digits_cnn

    keras = tensorflow().keras
    x, labels, parameters = _batch(seed)
    model = keras_digits_cnn(SHAPE, 10, dtype="float32")
    model.set_weights(parameters)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), entropy)
    return _beside_ours(partial(model.train_on_batch, x, labels), rounds, seed)


def _beside_torch(rounds: int, seed: int) -> tuple[float, float]:
    """The same of torch, operation by operation as a loop of training is written."""
    import torch
    from torch import nn

    from reports.training import LEARNING_RATE

    x, labels, _ = _batch(seed)
    height, width, _ = SHAPE
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * (height // 2) * (width // 2), 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )
    adam, entropy = torch.optim.Adam(model.parameters(), LEARNING_RATE), nn.CrossEntropyLoss()
    images, classes = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels)

    def step() -> Any:
        adam.zero_grad()
        loss = entropy(model(images), classes)
        loss.backward()
        adam.step()
        return loss.item()

    return _beside_ours(step, rounds, seed)


def _beside_ours(theirs: Callable[[], Any], rounds: int, seed: int) -> tuple[float, float]:
    from reports.training import HandTrainer, adam

    x, labels, parameters = _batch(seed)
    ours = HandTrainer(NETWORK, parameters, adam())
    steps = partial(ours.step, x, labels), theirs
    # The first step makes the graphs.
    beside(*steps, 1)
    return beside(*steps, rounds)


def _measured(work: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    return work()


def training(sample: Sample) -> Iterator[Measurement]:
    """A step of training on 100 images 28×28 in float32, one thread, seconds of the processor."""
    peers = {"Keras's": _beside_keras}
    if find_spec("torch") is not None:
        peers[f"torch {version_of('torch')}'s, eager"] = _beside_torch
    work = [partial(one, sample.size, sample.seed) for one in (_plain_loops, *peers.values())]
    (plain, whole), *steps = sample.timed(_measured, work, "training")
    few = f"{FEW} images, times {IMAGES // FEW}"
    yield Measurement("convolution and pooling, plain loops", plain, None, seconds, few)
    yield Measurement("whole network, forward and backward", whole, None, seconds)
    yield Measurement("plain loops over the whole network", plain / whole, at_least(500), times)
    for peer, (ours, theirs) in zip(peers, steps, strict=True):
        detail = f"{1e3 * ours:.1f} ms / {1e3 * theirs:.1f} ms"
        ratio = ours / theirs
        yield Measurement(f"a step with Adam over {peer}", ratio, at_most(1), times, detail)


SECTION = Section("training", training, "rounds", size=30, quick=5)
