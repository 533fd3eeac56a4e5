"""What a constructor is handed that nobody says how to call: by its names, and by what its text takes."""

import pytest
from handed_in import unwrapped, write

from reports.cli import main

WINDOWS = """
    import numpy as np

    class Convolution:
        def __init__(self, kernel_size, count, rate):
            self.kernel_size, self.rate = kernel_size, rate
            self.kernels = np.random.randn({kernels})

        def windows(self, image):
            high, wide = self.kernel_size
            for i in range(image.shape[-2] - high + 1):
                for j in range(image.shape[-1] - wide + 1):
                    yield i, j, image[..., i:i + high, j:j + wide]

        def forward(self, image):
            self.image = image
            assert image.ndim == {axes}
            high, wide = (n - k + 1 for n, k in zip(image.shape[-2:], self.kernel_size))
            y = np.zeros((len(self.kernels), high, wide))
            for i, j, window in self.windows(image):
                y[:, i, j] = [np.sum(window * one) for one in self.kernels]
            return y

        def backward(self, dy, learn_rate):
            dkernels = np.zeros_like(self.kernels)
            for i, j, window in self.windows(self.image):
                for k in range(len(dkernels)):
                    dkernels[k] += dy[k, i, j] * window
            self.kernels -= learn_rate * dkernels
"""

PADDED = """
    import numpy as np

    class Mean:
        def __init__(self, pool_h, pool_w, stride, pad):
            self.size, self.stride, self.pad = (pool_h, pool_w), stride, pad

        def forward(self, x):
            # Whoever wrote it forgot the zeros at the edge here.
            high, wide = ((n - k) // self.stride + 1 for n, k in zip(x.shape, self.size))
            self.x = x = np.pad(x, self.pad)
            assert (x.shape[0] - self.size[0]) // self.stride + 1 == high
            y = np.zeros((high, wide))
            for i in range(high):
                for j in range(wide):
                    y[i, j] = self.at(x, i, j).mean()
            return y

        def at(self, x, i, j):
            a, b = i * self.stride, j * self.stride
            return x[a:a + self.size[0], b:b + self.size[1]]

        def backward(self, dy):
            dx = np.zeros_like(self.x)
            for i, j in np.ndindex(dy.shape):
                self.at(dx, i, j)[...] += dy[i, j] / np.prod(self.size)
            return dx
"""

SHAPES = """
    import numpy as np

    class Flatten:
        def __init__(self, input_shape, output_shape):
            self.input_shape, self.output_shape = input_shape, output_shape

        def forward(self, x):
            return np.reshape(x, self.output_shape)

        def backward(self, dy):
            return np.reshape(dy, self.input_shape).copy()

    class Bias:
        def __init__(self, shape):
            depth, height, width = shape
            self.b = np.random.randn(depth, height, width)

        def forward(self, x):
            return x + self.b

        def backward(self, dy):
            self.db = 1.0 * dy
            return 1.0 * dy
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            WINDOWS.format(kernels="count, *kernel_size", axes=2),
            ["kernel_size=(2, 2)", "image (3, 5)"],
        ),
        (WINDOWS.format(kernels="count, 1, *kernel_size", axes=3), ["image (1, 5, 6)"]),
        (PADDED, ["pool_h=3, pool_w=3, stride=2, pad=0"]),
        (SHAPES, ["input_shape=(3, 4, 5), output_shape=(60,)", "Bias(shape=(3, 4, 5))"]),
    ],
    ids=["a pair of sides", "images of one channel", "no padding", "shapes"],
)
def test_an_object_is_made_of_what_its_text_takes(tmp_path, capsys, text, said):
    write(tmp_path, own=text)
    assert main(["check", str(tmp_path / "own.py")]) == 0
    shown = unwrapped(capsys.readouterr().out)
    assert all(one in shown for one in said), shown


def test_windows_that_are_proposed_overlap(tmp_path, capsys):
    write(tmp_path, own=PADDED.replace("[...] +=", "[...] ="))
    assert main(["check", str(tmp_path / "own.py"), "--effort", "directional"]) == 1
    assert "pool_w=3, stride=2" in unwrapped(capsys.readouterr().out)
