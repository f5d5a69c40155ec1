"""Training steps of JAX (XLA, jit, donated buffers). Usage: peer_jax.py CASE SECONDS"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import measure

RANDOM = np.random.default_rng(0)


def weights(*shape):
    fan_in = np.prod(shape[:-1])
    return [jnp.asarray(RANDOM.standard_normal(shape) / np.sqrt(fan_in), jnp.float32), jnp.zeros(shape[-1], jnp.float32)]


def mlp(*sizes):
    def forward(params, x):
        for w, b in params[:-1]:
            x = jax.nn.relu(x @ w + b)
        w, b = params[-1]
        return x @ w + b

    return [weights(i, o) for i, o in zip(sizes, sizes[1:])], forward


def cnn():
    params = [weights(3, 3, 1, 32), weights(3, 3, 32, 64), weights(3, 3, 64, 64), weights(64, 64), weights(64, 10)]

    def forward(params, x):
        for w, b in params[:3]:
            x = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jax.nn.relu(x + b)
            x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        (w, b), (v, c) = params[3:]
        return jax.nn.relu(x.reshape(x.shape[0], -1) @ w + b) @ v + c

    return params, forward


def lstm():
    params = [weights(28 + 128, 4 * 128), weights(128, 10)]

    def forward(params, x):
        (w, b), (v, d) = params

        def cell(state, xt):
            h, c = state
            i, f, g, o = jnp.split(jnp.concatenate([xt, h], 1) @ w + b, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), None

        zeros = jnp.zeros((x.shape[0], 128))
        (h, _), _ = lax.scan(cell, (zeros, zeros), x.transpose(1, 0, 2))
        return h @ v + d

    return params, forward


def zeros_like(params):
    return jax.tree.map(jnp.zeros_like, params)


def sgd(lr=0.1):
    return lambda params: (), lambda params, grads, state: (jax.tree.map(lambda w, g: w - lr * g, params, grads), state)


def adam(lr=1e-3, b1=0.9, b2=0.999, eps=1e-8):
    def update(params, grads, state):
        t, m, v = state
        t = t + 1
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
        rate = lr * jnp.sqrt(1 - b2**t) / (1 - b1**t)
        return jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + eps), params, m, v), (t, m, v)

    return lambda params: (jnp.zeros(()), zeros_like(params), zeros_like(params)), update


def rmsprop(lr=1e-3, rho=0.99, eps=1e-8):
    def update(params, grads, v):
        v = jax.tree.map(lambda v, g: rho * v + (1 - rho) * g * g, v, grads)
        return jax.tree.map(lambda w, g, v: w - lr * g / (jnp.sqrt(v) + eps), params, grads, v), v

    return zeros_like, update


CASES = {
    "softmax784-10_b100_sgd": (lambda: mlp(784, 10), (100, 784), sgd),
    "mlp784-128-10_b32_adam": (lambda: mlp(784, 128, 10), (32, 784), adam),
    "mlp784-128-10_b128_adam": (lambda: mlp(784, 128, 10), (128, 784), adam),
    "mlp784-512-512-10_b128_rmsprop": (lambda: mlp(784, 512, 512, 10), (128, 784), rmsprop),
    "cnn_seed1_b32_adam": (cnn, (32, 28, 28, 1), adam),
    "lstm28x28-128-10_b128_adam": (lstm, (128, 28, 28), adam),
}

(network, shape, optimizer), seconds = measure.case(CASES)
(params, forward), (init, update) = network(), optimizer()
state = init(params)
x = RANDOM.standard_normal(shape).astype(np.float32)
y = RANDOM.integers(0, 10, shape[0])


def loss(params, x, y):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(forward(params, x)), y[:, None], 1))


def train(params, state, x, y):
    value, grads = jax.value_and_grad(loss)(params, x, y)
    return *update(params, grads, state), value


train, predict = jax.jit(train, donate_argnums=(0, 1)), jax.jit(forward)


def step():
    global params, state
    params, state, value = train(params, state, x, y)
    return float(value)


measure.report(jax.__version__, step, lambda: predict(params, x[:1]).block_until_ready(), seconds)
