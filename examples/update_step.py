"""A backward pass that updates its weights at once: their gradients are read off the step that it takes."""


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout, learning_rate):
        dx = dout @ self.W.T
        dW = self.x.T @ dout
        db = dout.sum(axis=0)
        self.W -= learning_rate * dW
        self.b -= learning_rate * db
        return dx


def make_Dense(rng):
    return Dense(W=rng.normal(size=(4, 3)), b=rng.normal(size=3))


def Dense_inputs(rng):
    return {"x": rng.normal(size=(5, 4))}
