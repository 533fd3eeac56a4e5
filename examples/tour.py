# %% [markdown]
# # A tour of gradcheck
#
# You have derived a backward pass by hand. Is it right, how precisely can that be known, and if not, what is
# the mistake? Run the cells from the top; each needs those above it.

# %%
import matplotlib.pyplot  # noqa: F401  With it a notebook shows figures.
import numpy as np

from gradcheck import check
from gradcheck.plots import plot_growth, plot_report, plot_taylor

rng = np.random.default_rng(0)

# %% [markdown]
# ## A layer is a function that returns its value and the way back
#
# `backward(dy)` takes the gradient of a loss with respect to `y` and returns one gradient for each input. This
# one is wrong; you may want to find the mistake before you go on.


# %%
def scaled_softplus(x, W, b):
    z = x @ W + b
    y = np.log1p(np.exp(z))

    def backward(dy):
        dz = dy * 1 / (1 + np.exp(z))
        dx = dz @ W.T
        dW = x.T @ dz
        db = dz.sum(axis=0)
        return dx, dW, db

    return y, backward


inputs = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)

# %% [markdown]
# ## Check it
#
# Every entry is compared with a finite difference that carries a bound on its own error, so that no tolerance
# is guessed. A notebook shows the report as a table; `print(report)` does so anywhere.

# %%
report = check(scaled_softplus, *inputs)
report

# %% [markdown]
# All three gradients fail, and one line is to blame: what comes after it only hands the error on.

# %%
figure = plot_growth(report)
figure

# %% [markdown]
# ## Mend it
#
# The derivative of log(1 + eᶻ) is 1 / (1 + e⁻ᶻ): a sign was lost.


# %%
def softplus(x, W, b):
    z = x @ W + b
    y = np.log1p(np.exp(z))

    def backward(dy):
        dz = dy / (1 + np.exp(-z))
        dx = dz @ W.T
        dW = x.T @ dz
        db = dz.sum(axis=0)
        return dx, dW, db

    return y, backward


mended = check(softplus, *inputs)
mended

# %% [markdown]
# ## How precisely is that known?
#
# The resolution in the table: a smaller error than this could not have been seen. The differences are most
# precise between truncation, which grows with the step, and round-off, which grows as it shrinks: a V, with
# the step that the check took.

# %%
print(f"dW: error {mended['W'].relative_error:.1e}, resolution {mended['W'].resolution:.1e}")
figure = plot_report(mended, name="W")
figure

# %% [markdown]
# ## Another witness: Taylor
#
# The remainder of a first-order expansion shrinks as t² with the right gradient, only as t with a wrong one.

# %%
for one in (report, mended):
    figure = plot_taylor(one, "W")
figure

# %% [markdown]
# ## Your own
#
# Replace the layer and the inputs above, or keep your code in a file and run `gradcheck check mine.py`.
