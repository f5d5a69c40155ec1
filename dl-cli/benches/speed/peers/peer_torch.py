"""Training steps of PyTorch. Usage: peer_torch.py eager|compile CASE SECONDS"""

import sys

import torch
from torch import nn, optim
from torch.nn import functional

import measure


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.dense = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.dense(self.lstm(x)[0][:, -1])


def mlp(*sizes):
    layers = [nn.Linear(i, o) for i, o in zip(sizes, sizes[1:])]
    hidden = [part for layer in layers[:-1] for part in (layer, nn.ReLU())]
    return nn.Sequential(*hidden, layers[-1])


def cnn():
    def conv(i, o):
        return nn.Conv2d(i, o, 3), nn.ReLU(), nn.MaxPool2d(2)

    return nn.Sequential(*conv(1, 32), *conv(32, 64), *conv(64, 64), nn.Flatten(), mlp(64, 64, 10))


def adam(params):
    return optim.Adam(params, 1e-3, fused=True)


CASES = {
    "softmax784-10_b100_sgd": (lambda: mlp(784, 10), (100, 784), lambda params: optim.SGD(params, 0.1)),
    "mlp784-128-10_b32_adam": (lambda: mlp(784, 128, 10), (32, 784), adam),
    "mlp784-128-10_b128_adam": (lambda: mlp(784, 128, 10), (128, 784), adam),
    "mlp784-512-512-10_b128_rmsprop": (
        lambda: mlp(784, 512, 512, 10),
        (128, 784),
        lambda params: optim.RMSprop(params, 1e-3),
    ),
    "cnn_seed1_b32_adam": (cnn, (32, 1, 28, 28), adam),
    "lstm28x28-128-10_b128_adam": (Lstm, (128, 28, 28), adam),
}

(network, shape, optimizer), seconds = measure.case(CASES)
torch.manual_seed(0)
model = network()
optimizer = optimizer(model.parameters())
x, y = torch.randn(*shape), torch.randint(0, 10, shape[:1])
one = x[:1]


def loss(x, y):
    return functional.cross_entropy(model(x), y)


is_compiled = sys.argv[1] == "compile"
run, predict = (torch.compile(loss), torch.compile(model)) if is_compiled else (loss, model)


def step():
    optimizer.zero_grad(set_to_none=True)
    value = run(x, y)
    value.backward()
    optimizer.step()
    return value.item()


def predict_one():
    with torch.inference_mode():
        predict(one)


measure.report(torch.__version__, step, predict_one, seconds)
