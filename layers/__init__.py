"""Layers with backward passes derived by hand: each a function that returns its value and the way back."""

from layers.activations import (
    elu,
    gelu,
    gelu_tanh,
    leaky_relu,
    maxout,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    swiglu,
    tanh,
)
from layers.attention import (
    attention,
    multi_head_attention,
    rotary_encoding,
    sinusoidal_encoding,
    transformer_block,
)
from layers.combine import add, concatenate, flatten, multiply, pad2d, reshape, transpose
from layers.conv import conv1d, conv2d, conv2d_transpose
from layers.dense import bilinear, dense
from layers.dropout import dropout
from layers.embedding import embedding
from layers.linear_algebra import (
    cholesky_solve,
    cosine_similarity,
    inverse,
    logdet,
    matmul,
    pairwise_distances,
    quadratic_form,
)
from layers.losses import (
    binary_cross_entropy,
    hinge,
    huber,
    kl_divergence,
    l2_penalty,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from layers.network import Network
from layers.networks import digits_cnn
from layers.normalization import (
    batch_norm,
    batch_norm_inference,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)
from layers.pooling import avg_pool2d, global_avg_pool2d, global_max_pool2d, max_pool2d, upsample2d
from layers.recurrent import gru, lstm, rnn
from layers.softmax import log_softmax, logsumexp, softmax

__all__ = [
    "Network",
    "add",
    "attention",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_inference",
    "bilinear",
    "binary_cross_entropy",
    "cholesky_solve",
    "concatenate",
    "conv1d",
    "conv2d",
    "conv2d_transpose",
    "cosine_similarity",
    "dense",
    "digits_cnn",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "gelu_tanh",
    "global_avg_pool2d",
    "global_max_pool2d",
    "group_norm",
    "gru",
    "hinge",
    "huber",
    "instance_norm",
    "inverse",
    "kl_divergence",
    "l2_penalty",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "logdet",
    "logsumexp",
    "lstm",
    "matmul",
    "max_pool2d",
    "maxout",
    "mean_absolute_error",
    "mean_squared_error",
    "multi_head_attention",
    "multiply",
    "pad2d",
    "pairwise_distances",
    "quadratic_form",
    "relu",
    "reshape",
    "rms_norm",
    "rnn",
    "rotary_encoding",
    "selu",
    "sigmoid",
    "silu",
    "sinusoidal_encoding",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "swiglu",
    "tanh",
    "transformer_block",
    "transpose",
    "upsample2d",
]
