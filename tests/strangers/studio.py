"""Images, norms, activations and losses in many hands, each with a mistake that had no name, or a false one."""

import numpy as np


def fftconv(img, ker):
    """Circular convolution of (B, H, W) with one kernel (h, w)."""
    H, W = img.shape[1:]
    F_img = np.fft.rfft2(img)
    F_ker = np.fft.rfft2(ker, s=(H, W))
    out = np.fft.irfft2(F_img * F_ker, s=(H, W))

    def grad(g):
        F_g = np.fft.rfft2(g)
        g_img = np.fft.irfft2(F_g * np.conj(F_ker), s=(H, W))
        g_ker = np.fft.irfft2((F_g * np.conj(F_img)).sum(axis=0), s=(H, W))
        return g_img, g_ker[: ker.shape[0], : ker.shape[1]]

    return out, grad


def deconv_forward(x, w, b, stride, crop):
    """Transposed convolution; x (N, C, H, W), w (C, F, KH, KW)."""
    N, C, H, W = x.shape
    _, F, KH, KW = w.shape
    full = np.zeros((N, F, (H - 1) * stride + KH, (W - 1) * stride + KW))
    for r in range(H):
        for c in range(W):
            patch = np.tensordot(x[:, :, r, c], w, axes=1)
            full[:, :, r * stride : r * stride + KH, c * stride : c * stride + KW] += patch
    y = full[:, :, crop : full.shape[2] - crop, crop : full.shape[3] - crop]
    return y + b[None, :, None, None], (x, w, stride, crop, full.shape)


def deconv_backward(dy, cache):
    x, w, stride, crop, shape = cache
    N, C, H, W = x.shape
    KH, KW = w.shape[2:]
    dfull = np.zeros(shape)
    dfull[:, :, crop : shape[2] - crop, crop : shape[3] - crop] = dy
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for r in range(H):
        for c in range(W):
            win = dfull[:, :, r * stride : r * stride + KH, c * stride : c * stride + KW]
            dx[:, :, r, c] = np.tensordot(win, w, axes=([1, 2, 3], [1, 2, 3]))
            dw += np.tensordot(x[:, :, r, c], win, axes=([0], [0]))
    return dx, dw, dy.sum(axis=(0, 2, 3))


class DepthwiseConv2D:
    """Channels last, one kernel per channel, strided, 'same' padding."""

    def __init__(self, kernel, stride=2):
        self.kernel = kernel
        self.stride = stride

    def __call__(self, inputs):
        kh, kw, _ = self.kernel.shape
        ph, pw = kh // 2, kw // 2
        self.padded = np.pad(inputs, [(0, 0), (ph, ph), (pw, pw), (0, 0)])
        self.in_shape = inputs.shape
        rows = range(0, inputs.shape[1], self.stride)
        cols = range(0, inputs.shape[2], self.stride)
        outputs = np.empty((len(inputs), len(rows), len(cols), inputs.shape[3]))
        for a, r in enumerate(rows):
            for b, c in enumerate(cols):
                window = self.padded[:, r : r + kh, c : c + kw, :]
                outputs[:, a, b, :] = np.sum(window * self.kernel, axis=(1, 2))
        return outputs

    def gradient(self, output_gradient):
        kh, kw, _ = self.kernel.shape
        padded_gradient = np.zeros_like(self.padded)
        self.kernel_gradient = np.zeros_like(self.kernel)
        for a in range(output_gradient.shape[1]):
            for b in range(output_gradient.shape[2]):
                r, c = a * self.stride, b * self.stride
                g = output_gradient[:, a, b, :][:, None, None, :]
                window = self.padded[:, r : r + kh, c : c + kw, :]
                self.kernel_gradient += np.sum(g * window, axis=0)
                padded_gradient[:, r : r + kh, c : c + kw, :] += g * self.kernel
        h, w = self.in_shape[1:3]
        return padded_gradient[:, kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w, :]


def conv_valid(x, w):
    n, c, h, wd = x.shape
    f, _, k, l = w.shape
    v = np.lib.stride_tricks.sliding_window_view(x, (k, l), axis=(2, 3))
    return np.einsum("nchwkl,fckl->nfhw", v, w), v


class GroupedConv:
    def __init__(self, weight, groups):
        self.weight, self.groups = weight, groups
        self.grad_weight = None

    def forward(self, x):
        self.parts = np.split(x, self.groups, axis=1)
        filters = np.split(self.weight, self.groups, axis=0)
        outs, self.views = [], []
        for part, w in zip(self.parts, filters):
            o, v = conv_valid(part, w)
            outs.append(o)
            self.views.append(v)
        return np.concatenate(outs, axis=1)

    def backward(self, grad_out):
        grads = np.split(grad_out, self.groups, axis=1)
        filters = np.split(self.weight, self.groups, axis=0)
        grad_parts, grad_filters = [], []
        for g, w, v, part in zip(grads, filters, self.views, self.parts):
            grad_filters.append(np.einsum("nfhw,nchwkl->fckl", g, v))
            k, l = w.shape[2:]
            g_pad = np.pad(g, ((0, 0), (0, 0), (k - 1, k - 1), (l - 1, l - 1)))
            w_flip = w[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
            grad_parts.append(conv_valid(g_pad, w_flip)[0])
        self.grad_weight = np.concatenate(grad_filters, axis=0)
        return np.concatenate(grad_parts, axis=1)


class GapClassifier:
    """1x1 convolution, ELU, global average pooling, linear, softmax."""

    def __init__(self, params):
        self.params = params
        self.grads = {}

    def loss(self, X, y):
        K, W, b = self.params["K"], self.params["W"], self.params["b"]
        n, h, w, _ = X.shape
        a = X @ K
        z = np.where(a > 0, a, np.exp(np.minimum(a, 0)) - 1)
        pooled = z.mean(axis=(1, 2))
        scores = pooled @ W + b
        scores -= scores.max(axis=1, keepdims=True)
        probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(n), y]).mean()

        dscores = probs.copy()
        dscores[np.arange(n), y] -= 1
        dscores /= n
        self.grads["W"] = pooled.T @ dscores
        self.grads["b"] = dscores.sum(axis=0)
        dpooled = dscores @ W.T
        dz = np.ones_like(z) * dpooled[:, None, None, :] / (h * w)
        da = dz * np.where(a > 0, 1.0, z + 1)
        self.grads["K"] = np.tensordot(X, da, axes=([0, 1, 2], [0, 1, 2]))
        return loss, self.grads


def spatial_bn_forward(x, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(-1, C)
    mu = 1.0 / len(flat) * np.sum(flat, axis=0)
    xmu = flat - mu
    sq = xmu**2
    var = 1.0 / len(flat) * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    out = gamma * xhat + beta
    cache = (xhat, gamma, xmu, ivar, sqrtvar, var, eps, x.shape)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_bn_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var, eps, (N, C, H, W) = cache
    dflat = dout.transpose(0, 2, 3, 1).reshape(-1, C)
    M, D = dflat.shape
    dbeta = np.sum(dflat, axis=0)
    dgamma = np.sum(dflat * xhat, axis=0)
    dxhat = dflat * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + eps) * dsqrtvar
    dsq = 1.0 / M * np.ones((M, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / M * np.ones((M, D)) * dmu
    dx = (dx1 + dx2).reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, dgamma, dbeta


def std_dense(x, v, gain):
    """Weight standardization: each column of v has mean 0 and variance 1 / fan_in."""
    fan_in = v.shape[0]
    mean = v.mean(0)
    var = v.var(0)
    scale = gain / np.sqrt(var * fan_in + 1e-4)
    w = scale * (v - mean)
    y = x @ w

    def vjp(ct):
        ct_w = x.T @ ct
        ct_x = ct @ w.T
        ct_scale = (ct_w * (v - mean)).sum(0)
        ct_gain = ct_scale / np.sqrt(var * fan_in + 1e-4)
        ct_var = ct_scale * gain * -0.5 * fan_in * (var * fan_in + 1e-4) ** -1.5
        ct_v = ct_w * scale + ct_var * 2 * (v - mean) / fan_in
        ct_v = ct_v - ct_v.mean(0)
        return ct_x, ct_v, ct_gain

    return y, vjp


class DropNet:
    """Two layers with a fixed dropout mask between them."""

    def __init__(self, W1, W2, mask, keep=0.8):
        self.W1, self.W2, self.mask, self.keep = W1, W2, mask, keep

    def forward(self, X):
        self.X = X
        self.Z1 = X @ self.W1
        self.A1 = np.maximum(0.1 * self.Z1, self.Z1)
        self.D1 = self.A1 * self.mask / self.keep
        self.Z2 = self.D1 @ self.W2
        return np.tanh(self.Z2)

    def backward(self, dA2):
        dZ2 = dA2 * (1 - np.tanh(self.Z2) ** 2)
        self.dW2 = self.D1.T @ dZ2
        dD1 = dZ2 @ self.W2.T
        dA1 = dD1 * self.mask / self.keep
        dZ1 = dA1 * np.where(self.Z1 > 0, 1, 0.1)
        self.dW1 = self.X.T @ dZ1
        return dZ1 @ self.W1.T


def resize_forward(img, out_h, out_w):
    """Bilinear resizing with aligned corners, (H, W, C)."""
    H, W, C = img.shape
    out = np.zeros((out_h, out_w, C))
    for i in range(out_h):
        for j in range(out_w):
            y, x = i * (H - 1) / (out_h - 1), j * (W - 1) / (out_w - 1)
            y0, x0 = min(int(y), H - 2), min(int(x), W - 2)
            wy, wx = y - y0, x - x0
            top = (1 - wx) * img[y0, x0] + wx * img[y0, x0 + 1]
            bottom = (1 - wx) * img[y0 + 1, x0] + wx * img[y0 + 1, x0 + 1]
            out[i, j] = (1 - wy) * top + wy * bottom
    return out, img.shape


def resize_backward(d_out, shape):
    H, W, C = shape
    out_h, out_w = d_out.shape[:2]
    d_img = np.zeros(shape)
    for i in range(out_h):
        for j in range(out_w):
            y, x = i * (H - 1) / (out_h - 1), j * (W - 1) / (out_w - 1)
            y0, x0 = min(int(y), H - 2), min(int(x), W - 2)
            wy, wx = y - y0, x - x0
            d_img[y0, x0] += (1 - wy) * (1 - wx) * d_out[i, j]
            d_img[y0, x0 + 1] += (1 - wy) * wx * d_out[i, j]
            d_img[y0 + 1, x0] += wy * (1 - wx) * d_out[i, j]
            d_img[y0 + 1, x0 + 1] += wy * wx * d_out[i, j]
    return d_img


def hardswish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def hardswish_prime(x):
    out = np.zeros_like(x)
    mid = (x > -3) & (x < 3)
    out[mid] = (2 * x[mid] + 3) / 6
    out[x >= 3] = 1.0
    return out


def focal_loss(logits, targets, gamma=2.0, alpha=0.25):
    p = 1 / (1 + np.exp(-logits))
    pt = np.where(targets == 1, p, 1 - p)
    at = np.where(targets == 1, alpha, 1 - alpha)
    loss = -(at * (1 - pt) ** gamma * np.log(pt)).mean()
    dpt = at * (gamma * (1 - pt) ** (gamma - 1) * np.log(pt) - (1 - pt) ** gamma / pt)
    dp = np.where(targets == 1, dpt, -dpt)
    dlogits = dp * p * (1 - p) / logits.size
    return loss, dlogits


class DiceLoss:
    def __init__(self, smooth=1.0):
        self.smooth = smooth

    def forward(self, pred, target):
        self.pred, self.target = pred, target
        axes = (1, 2)
        self.inter = (pred * target).sum(axis=axes, keepdims=True)
        self.union = (pred**2).sum(axis=axes, keepdims=True) + target.sum(axis=axes, keepdims=True)
        self.dice = (2 * self.inter + self.smooth) / (self.union + self.smooth)
        return 1 - self.dice.mean()

    def backward(self):
        n = len(self.pred)
        num = 2 * self.inter + self.smooth
        den = self.union + self.smooth
        d_dice = (2 * self.target * den - num * 2 * self.pred) / den**2
        return -d_dice / n


def log_softmax(z):
    z = z - z.max(axis=-1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))


def distill(student, teacher, labels, T=3.0, alpha=0.3):
    n = student.shape[0]
    log_p = log_softmax(student)
    log_s, log_t = log_softmax(student / T), log_softmax(teacher / T)
    hard = -log_p[np.arange(n), labels].mean()
    soft = (np.exp(log_t) * (log_t - log_s)).sum() / n
    loss = alpha * hard + (1 - alpha) * T**2 * soft

    onehot = np.zeros_like(student)
    onehot[np.arange(n), labels] = 1
    grad_hard = (np.exp(log_p) - onehot) / n
    grad_soft = (np.exp(log_s) - np.exp(log_t)) * T / n
    grad = alpha * grad_hard + (1 - alpha) * grad_soft
    return loss, grad


def elastic_net(w, X, y, l1=0.1, l2=0.2):
    """Logistic regression, labels ±1, in loops."""
    n, d = X.shape
    cost = 0.0
    grad = np.zeros(d)
    for i in range(n):
        margin = 0.0
        for j in range(d):
            margin += y[i] * w[j] * X[i, j]
        cost += np.log(1 + np.exp(-margin)) / n
        factor = -y[i] / (1 + np.exp(margin)) / n
        for j in range(d):
            grad[j] += factor * X[i, j]
    for j in range(d):
        cost += l1 * abs(w[j]) + 0.5 * l2 * w[j] ** 2
        grad[j] += l1 * np.sign(w[j]) + l2 * w[j]
    return cost, grad


class BufferedDense:
    """Writes into arrays that it keeps."""

    def __init__(self, w, b):
        self.w, self.b = w, b
        self.dw, self.db = np.zeros_like(w), np.zeros_like(b)

    def fprop(self, x):
        self.x = x
        self.y = np.empty((x.shape[0], self.w.shape[1]))
        np.matmul(x, self.w, out=self.y)
        np.add(self.y, self.b, out=self.y)
        np.arctan(self.y, out=self.y)
        return self.y

    def bprop(self, dy):
        dz = np.empty_like(dy)
        np.multiply(dy, np.cos(self.y) ** 2, out=dz)
        np.matmul(self.x.T, dz, out=self.dw)
        np.sum(dz, axis=0, out=self.db)
        return np.matmul(dz, self.w.T)


class SEBlock:
    def __init__(self, W1, W2):
        self.W1, self.W2 = W1, W2

    def forward(self, x):
        self.x = x
        self.s = x.mean(axis=(2, 3))
        self.h_pre = self.s @ self.W1
        self.h = np.maximum(self.h_pre, 0)
        self.e = 1 / (1 + np.exp(-(self.h @ self.W2)))
        return x * self.e[:, :, None, None]

    def backward(self, dout):
        n, c, hh, ww = dout.shape
        de = (dout * self.x).sum(axis=(2, 3))
        d_pre2 = de * self.e * (1 - self.e)
        self.dW2 = self.h.T @ d_pre2
        dh = d_pre2 @ self.W2.T
        dh_pre = dh * (self.h_pre > 0)
        self.dW1 = self.s.T @ dh_pre
        ds = dh_pre @ self.W1.T
        dx = dout * self.e[:, :, None, None]
        dx += ds[:, :, None, None] / (hh * ww)
        return dx


def smooth_l1(pred, target, delta=0.8):
    err = pred - target
    small = np.abs(err) <= delta
    values = np.where(small, 0.5 * err**2 / delta, np.abs(err) - 0.5 * delta)
    slope = np.where(small, err / delta, np.sign(err))
    return values.sum(axis=1).mean(), slope / len(pred)


def conv_loops_forward(image, kernels, bias):
    """One pixel after the other; image (H, W, C), kernels (K, kh, kw, C)."""
    H, W, C = image.shape
    K, kh, kw, _ = kernels.shape
    out = np.zeros((H - kh + 1, W - kw + 1, K))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            for k in range(K):
                acc = bias[k]
                for i in range(kh):
                    for j in range(kw):
                        acc = acc + np.dot(image[y + i, x + j], kernels[k, i, j])
                out[y, x, k] = acc
    return out, (image, kernels)


def conv_loops_backward(d_out, cache):
    image, kernels = cache
    K, kh, kw, _ = kernels.shape
    d_image, d_kernels, d_bias = np.zeros_like(image), np.zeros_like(kernels), np.zeros(K)
    for y in range(d_out.shape[0]):
        for x in range(d_out.shape[1]):
            for k in range(K):
                d_bias[k] += d_out[y, x, k]
                for i in range(kh):
                    for j in range(kw):
                        d_kernels[k, i, j] += d_out[y, x, k] * image[y + i, x + j]
                        d_image[y + i, x + j] += d_out[y, x, k] * kernels[k, i, j]
    return d_image, d_kernels, d_bias


class CReLUConv1x1:
    """Concatenated ReLU, then a 1x1 convolution, channels first."""

    def __init__(self, weight):
        self.weight = weight

    def forward(self, x):
        self.x = x
        self.cat = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=1)
        return np.einsum("oc,nchw->nohw", self.weight, self.cat)

    def backward(self, top_diff):
        self.weight_diff = np.einsum("nohw,nchw->oc", top_diff, self.cat)
        cat_diff = np.einsum("oc,nohw->nchw", self.weight, top_diff)
        c = self.x.shape[1]
        pos, neg = cat_diff[:, :c], cat_diff[:, c:]
        bottom_diff = pos * (self.x > 0) - neg * (self.x < 0)
        return bottom_diff


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network:
    def __init__(self, sizes):
        rng = np.random.default_rng(1)
        self.num_layers = len(sizes)
        self.biases = [rng.normal(size=(y, 1)) for y in sizes[1:]]
        self.weights = [rng.normal(size=(y, x)) for x, y in zip(sizes[:-1], sizes[1:])]

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation = x
        activations = [x]
        zs = []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        cost = 0.5 * np.sum((activations[-1] - y) ** 2)
        delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            z = zs[-l]
            sp = sigmoid_prime(z)
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * sp
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return cost, (nabla_b, nabla_w)


MISTAKES = [
    ("fftconv", "img", "F_g * np.conj(F_ker)", "F_g * F_ker", "flipped transposed"),
    (
        "deconv",
        "x",
        "win = dfull[:, :, r * stride : r * stride + KH, c * stride : c * stride + KW]",
        "win = dfull[:, :, r : r + KH, c : c + KW]",
        "shifted",
    ),
    (
        "DepthwiseConv2D",
        "inputs",
        "return padded_gradient[:, kh // 2 : kh // 2 + h, kw // 2 : kw // 2 + w, :]",
        "return padded_gradient[:, :h, :w, :]",
        "shifted",
    ),
    ("GroupedConv", "x", "w_flip = w[:, :, ::-1, ::-1]", "w_flip = w", "flipped"),
    (
        "GroupedConv",
        "weight",
        "np.concatenate(grad_filters, axis=0)",
        "np.concatenate(grad_filters[::-1], axis=0)",
        "swapped flipped partial",
    ),
    (
        "GapClassifier",
        "K",
        "da = dz * np.where(a > 0, 1.0, z + 1)",
        "da = dz * np.where(a > 0, 1.0, z)",
        "missing-mask extra-term",
    ),
    (
        "spatial_bn",
        "x",
        "dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)",
        "dmu = np.sum(dxmu1 + dxmu2, axis=0)",
        "sign-flipped",
    ),
    ("std_dense", "v", "* -0.5 * fan_in *", "* -0.5 *", "scaled statistics-held-constant"),
    ("DropNet", "X", "dA1 = dD1 * self.mask / self.keep", "dA1 = dD1 / self.keep", "missing-mask"),
    (
        "resize",
        "img",
        "d_img[y0 + 1, x0 + 1] += wy * wx",
        "d_img[y0 + 1, x0 + 1] += (1 - wy) * wx",
        "wrong-variable scaled missing-mask",
    ),
    ("hardswish", "x", "out[x >= 3] = 1.0", "out[x >= 3] = 0.0", "zero partial missing-mask"),
    (
        "focal_loss",
        "logits",
        "dp = np.where(targets == 1, dpt, -dpt)",
        "dp = dpt",
        "sign-flipped partial missing-mask",
    ),
    (
        "focal_loss",
        "logits",
        "dlogits = dp * p * (1 - p) / logits.size",
        "dlogits = dp * p * (1 - p) / len(logits)",
        "scaled",
    ),
    ("DiceLoss", "pred", "den**2", "den", "missing-mask scaled"),
    (
        "distill",
        "student",
        "(np.exp(log_s) - np.exp(log_t)) * T / n",
        "(np.exp(log_s) - np.exp(log_t)) / n",
        "scaled",
    ),
    (
        "distill",
        "student",
        "grad_hard = (np.exp(log_p) - onehot) / n",
        "grad_hard = (np.exp(log_s) - onehot) / n",
        "wrong-variable scaled",
    ),
    (
        "elastic_net",
        "w",
        "grad[j] += l1 * np.sign(w[j]) + l2 * w[j]",
        "grad[j] += l1 + l2 * w[j]",
        "missing-mask sign-flipped extra-term",
    ),
    (
        "BufferedDense",
        "x",
        "np.multiply(dy, np.cos(self.y) ** 2, out=dz)",
        "np.multiply(dy, np.cos(self.y), out=dz)",
        "missing-mask",
    ),
    (
        "SEBlock",
        "x",
        "dx += ds[:, :, None, None] / (hh * ww)",
        "dx += ds[:, :, None, None]",
        "scaled not-summed",
    ),
    (
        "smooth_l1",
        "pred",
        "slope = np.where(small, err / delta, np.sign(err))",
        "slope = np.where(small, err, np.sign(err))",
        "scaled partial",
    ),
    (
        "conv_loops",
        "image",
        "d_image[y + i, x + j] += d_out[y, x, k] * kernels[k, i, j]",
        "d_image[y + i, x + j] += d_out[y, x, k] * kernels[k, kh - 1 - i, kw - 1 - j]",
        "flipped",
    ),
    (
        "CReLUConv1x1",
        "x",
        "bottom_diff = pos * (self.x > 0) - neg * (self.x < 0)",
        "bottom_diff = pos * (self.x > 0) + neg * (self.x < 0)",
        "sign-flipped",
    ),
    (
        "Network",
        "biases.1",
        "delta = (activations[-1] - y) * sigmoid_prime(zs[-1])",
        "delta = (activations[-1] - y)",
        "missing-mask fused",
    ),
]
