"""Training, in lockstep: our network and its Keras twin side by side, the same batches, one loss curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.layer import Function
from gradcheck.result import Array
from gradcheck.tape import tensorflow
from layers.network import Network, Objective

LEARNING_RATE = 0.01
STEPS = 50
LARGEST_DEVIATION = 1e-6
"""Between two float64 loss curves that should differ by rounding alone."""
LARGEST_BLOCK = (32 << 20) - 8192
"""Of a block of 32 MiB, what its own head and tail leave."""
SMALLEST_FALL = 0.90
SMALLEST_ACCURACY = 0.95


class KerasOptimizer:
    """Any Keras optimizer, applied to NumPy parameters, its state kept from step to step.

    The optimizer is used nowhere else; the parameters to start from are copied.
    """

    def __init__(self, optimizer: Any, parameters: Sequence[Array]) -> None:
        tf = tensorflow()
        self.optimizer = optimizer
        self.variables = [tf.Variable(array, dtype=array.dtype) for array in parameters]
        # Slots for the state are made once, here; a new optimizer a step would forget its moments.
        optimizer.build(self.variables)
        # As one graph, which Keras's own training makes of it too: step by step it takes ten times as long.
        self._applied = tf.function(self._apply, reduce_retracing=True)
        self.parameters = tuple(np.array(array) for array in parameters)

    def _apply(self, gradients: Sequence[Any]) -> list[Any]:
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return [variable.read_value() for variable in self.variables]

    def step(self, gradients: Sequence[Array]) -> tuple[Array, ...]:
        """Apply one gradient for each parameter; return the new parameters."""
        tf = tensorflow()
        stepped = self._applied([tf.constant(gradient) for gradient in gradients])
        self.parameters = tuple(parameter.numpy() for parameter in stepped)
        return self.parameters


def adam() -> Any:
    """The optimizer of every run here, a new one."""
    return tensorflow().keras.optimizers.Adam(LEARNING_RATE)


def keep_freed_memory() -> None:
    """Let the next step have what this one frees, instead of asking the system for it page by page.

    glibc hands back what is free beyond twice the largest block that was ever mapped and freed, which
    it follows up to 32 MiB (mallopt(3), M_MMAP_THRESHOLD). Nothing is written to this one.
    """
    np.empty(LARGEST_BLOCK, dtype=np.uint8)


def side_by_side(x: Array) -> Array:
    """x (N, …, C), in memory pixel by pixel, those of all images side by side.

    Layers leave it so, and go along many images instead of a few channels in their innermost loops.
    """
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -2)), -2, 0)


class HandTrainer:
    """Our network, with its hand-derived way back."""

    def __init__(self, network: Network, parameters: Sequence[Array], optimizer: Any) -> None:
        keep_freed_memory()
        self.objective = Objective(network)
        self.optimizer = KerasOptimizer(optimizer, parameters)

    def step(self, x: Array, labels: Array) -> float:
        """Forward, backward by hand, and one step of the optimizer."""
        x = side_by_side(x)
        loss, gradients = self.objective.gradients(x, labels, *self.optimizer.parameters)
        self.optimizer.step(gradients)
        return loss

    def loss(self, x: Array, labels: Array) -> float:
        """The loss as it stands."""
        return float(self.objective(x, labels, *self.optimizer.parameters)[0])

    def accuracy(self, x: Array, labels: Array) -> float:
        """The share of images that it reads right."""
        return float((self.read(x) == labels).mean())

    def read(self, x: Array) -> Array:
        """The class that it reads in each image (N, H, W, C): (N,)."""
        logits, _ = self.objective.network(x, *self.optimizer.parameters)
        return np.asarray(logits.argmax(axis=1))


def confusion(labels: Array, read: Array, classes: int) -> Array:
    """How often class i was read as class j: (classes, classes), the right ones on the diagonal."""
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (labels.astype(int), read), 1)
    return table


class TapeTrainer:
    """The twin: a loss written in TensorFlow, `loss(x, labels)`, trained by the tape alone."""

    def __init__(
        self, loss: Callable[[Array, Array], Any], variables: Sequence[Any], optimizer: Any
    ) -> None:
        self.loss_tensor = loss
        self.variables = variables
        self.optimizer = optimizer

    def step(self, x: Array, labels: Array) -> float:
        """One step with the gradients of GradientTape."""
        tf = tensorflow()
        with tf.GradientTape() as tape:
            loss = self.loss_tensor(x, labels)
        gradients = tape.gradient(loss, self.variables)
        self.optimizer.apply_gradients(zip(gradients, self.variables, strict=True))
        return float(loss)

    def loss(self, x: Array, labels: Array) -> float:
        """The loss as it stands."""
        return float(self.loss_tensor(x, labels))


Trainer = HandTrainer | TapeTrainer


def keras_twin(model: Any, parameters: Sequence[Array], optimizer: Any) -> TapeTrainer:
    """A Keras model, from the same weights, its loss Keras's own."""
    model.set_weights([np.array(array) for array in parameters])
    # Keras computes a loss in float32 unless told otherwise, whatever the model's dtype.
    entropy = tensorflow().keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, dtype="float64"
    )

    def loss(x: Array, labels: Array) -> Any:
        return entropy(labels, model(x, training=True))

    return TapeTrainer(loss, model.trainable_variables, optimizer)


def tensorflow_twin(network: Function, parameters: Sequence[Array], optimizer: Any) -> TapeTrainer:
    """A network of `layers.twins`, from the same parameters."""
    from layers import twins

    variables = [tensorflow().Variable(array) for array in parameters]

    def loss(x: Array, labels: Array) -> Any:
        return twins.softmax_cross_entropy(network(x, *variables), labels)

    return TapeTrainer(loss, variables, optimizer)


def keras_digits_cnn(image_shape: tuple[int, ...], classes: int, dtype: str = "float64") -> Any:
    """The network of `layers.digits_cnn` as a Keras model, weights in the same order."""
    keras = tensorflow().keras
    options = {"dtype": dtype}
    return keras.Sequential(
        [
            keras.Input(image_shape, dtype=dtype),
            keras.layers.Conv2D(8, 3, padding="same", activation="relu", **options),
            keras.layers.MaxPooling2D(2, **options),
            keras.layers.Flatten(**options),
            keras.layers.Dense(100, activation="relu", **options),
            keras.layers.Dense(classes, **options),
        ]
    )


@dataclass(frozen=True)
class Lockstep:
    """Two loss curves, and how far they ever were apart."""

    ours: tuple[float, ...]
    twins: tuple[float, ...]

    @property
    def fall(self) -> float:
        """By which share our loss fell."""
        return 1 - self.ours[-1] / self.ours[0]

    @property
    def deviation(self) -> float:
        """The largest relative deviation; NaN if either curve has one."""
        ours, twins = np.array(self.ours), np.array(self.twins)
        return float(np.max(np.abs(ours - twins) / np.maximum(np.abs(ours), np.abs(twins))))

    @property
    def parted_at(self) -> int | None:
        """The first step at which the curves are further apart than rounding explains."""
        for step, (mine, its) in enumerate(zip(self.ours, self.twins, strict=True)):
            if not abs(mine - its) <= LARGEST_DEVIATION * max(abs(mine), abs(its)):
                return step
        return None


def lockstep(
    ours: Trainer,
    twin: Trainer,
    batches: Sequence[tuple[Array, Array]],
    progress: Callable[[int, int], None] | None = None,
) -> Lockstep:
    """Train both on the same batches; the curves hold the loss before each step and after the last.

    A mistake in training code, which no gradient check sees, parts the curves: an optimizer that
    is restarted at every step does so at the second.
    """
    mine, its = [], []
    for done, (x, labels) in enumerate(batches):
        mine.append(ours.step(x, labels))
        its.append(twin.step(x, labels))
        if progress is not None:
            progress(done + 1, len(batches))
    x, labels = batches[-1]
    return Lockstep((*mine, ours.loss(x, labels)), (*its, twin.loss(x, labels)))
