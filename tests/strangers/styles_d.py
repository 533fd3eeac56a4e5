"""Right code in strangers' styles, fourth part; set aside, and only measured."""

import numpy as np


# Attention with heads first, written with einsum, and a softmax of its own.
def _softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def heads_forward(q, k, v):
    scores = np.einsum("htd,hsd->hts", q, k) / np.sqrt(q.shape[-1])
    weights = _softmax(scores)
    out = np.einsum("hts,hsd->htd", weights, v)
    return out, {"q": q, "k": k, "v": v, "weights": weights}


def heads_backward(grad_out, saved):
    q, k, v, weights = (saved[n] for n in ("q", "k", "v", "weights"))
    grad_v = np.einsum("hts,htd->hsd", weights, grad_out)
    grad_weights = np.einsum("htd,hsd->hts", grad_out, v)
    inner = (grad_weights * weights).sum(axis=-1, keepdims=True)
    grad_scores = weights * (grad_weights - inner)
    grad_scores = grad_scores / np.sqrt(q.shape[-1])
    grad_q = np.einsum("hts,hsd->htd", grad_scores, k)
    grad_k = np.einsum("hts,htd->hsd", grad_scores, q)
    return grad_q, grad_k, grad_v


# A convolution along time by views of a padded array, as an object.
class Along:
    def __init__(self, kernel):
        self.kernel = kernel

    def forward(self, signal):
        self.padded = np.pad(signal, ((0, 0), (1, 1)))
        width = signal.shape[1]
        self.windows = np.stack([self.padded[:, j : j + width] for j in range(3)], axis=-1)
        self.mixed = self.windows @ self.kernel
        return np.maximum(self.mixed, 0.1 * self.mixed)

    def backward(self, d_out):
        d_mixed = d_out * np.where(self.mixed > 0, 1.0, 0.1)
        self.d_kernel = np.einsum("ntj,nt->j", self.windows, d_mixed)
        d_windows = d_mixed[..., None] * self.kernel
        d_padded = np.zeros_like(self.padded)
        width = d_out.shape[1]
        for j in range(3):
            view = d_padded[:, j : j + width]
            view += d_windows[..., j]
        return d_padded[:, 1:-1]


# A loss over pairs with a margin, its gradient made in place.
def contrast(a, b, same):
    gap = a - b
    dist = np.sqrt((gap**2).sum(axis=1) + 1e-6)
    room = np.maximum(2.0 - dist, 0)
    loss = (same * dist**2 + (1 - same) * room**2).mean()
    ddist = 2 * same * dist
    ddist -= 2 * (1 - same) * room
    ddist /= len(a)
    dgap = ddist[:, None] * gap / dist[:, None]
    da = dgap.copy()
    db = -dgap
    return loss, (da, db)
