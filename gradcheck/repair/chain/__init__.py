"""What the chain rule says that a line should compute: the forward pass, gone through backwards.

`Ahead` is the forward pass as it was run, `derived` what a line of the backward pass should be by it. Each
operation has a rule, written as one would write it by hand:

    tanh        g * (1 - y ** 2)
    a @ b       g @ b.T, a.T @ g
"""

from gradcheck.repair.chain.ahead import Ahead
from gradcheck.repair.chain.derived import derived

__all__ = ["Ahead", "derived"]
