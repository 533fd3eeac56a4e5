"""Layers with backward passes derived by hand: each a function that returns its value and the way back."""

from typing import TYPE_CHECKING

from layers.families import FAMILIES, layers_of
from layers.network import Network, Objective
from layers.networks import NETWORKS, digits_cnn, digits_gru, digits_resnet, digits_transformer

# ruff: noqa: F403
if TYPE_CHECKING:  # For those who read without running: what the two lines below it do.
    from layers.activations import *
    from layers.attention import *
    from layers.combine import *
    from layers.conv import *
    from layers.dense import *
    from layers.dropout import *
    from layers.embedding import *
    from layers.linear_algebra import *
    from layers.losses import *
    from layers.normalization import *
    from layers.pooling import *
    from layers.recurrent import *
    from layers.softmax import *

_LAYERS = {name: layer for family in FAMILIES for name, layer in layers_of(family).items()}
globals().update(_LAYERS)

__all__ = [
    "NETWORKS",
    "Network",
    "Objective",
    "digits_cnn",
    "digits_gru",
    "digits_resnet",
    "digits_transformer",
    *_LAYERS,
]
