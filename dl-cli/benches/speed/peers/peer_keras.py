"""Training steps of Keras on TensorFlow (train_on_batch). Usage: peer_keras.py CASE SECONDS"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
from keras import layers, optimizers

import measure


def dense(*sizes):
    hidden = [layers.Dense(size, activation="relu") for size in sizes[:-1]]
    return [*hidden, layers.Dense(sizes[-1], activation="softmax")]


def conv(channels):
    return [layers.Conv2D(channels, (3, 3), activation="relu"), layers.MaxPooling2D((2, 2))]


CASES = {
    "softmax784-10_b100_sgd": (lambda: dense(10), (100, 784), lambda: optimizers.SGD(0.1)),
    "mlp784-128-10_b32_adam": (lambda: dense(128, 10), (32, 784), optimizers.Adam),
    "mlp784-128-10_b128_adam": (lambda: dense(128, 10), (128, 784), optimizers.Adam),
    "mlp784-512-512-10_b128_rmsprop": (lambda: dense(512, 512, 10), (128, 784), optimizers.RMSprop),
    "cnn_seed1_b32_adam": (
        lambda: [*conv(32), *conv(64), *conv(64), layers.Flatten(), *dense(64, 10)],
        (32, 28, 28, 1),
        optimizers.Adam,
    ),
    "lstm28x28-128-10_b128_adam": (lambda: [layers.LSTM(128), *dense(10)], (128, 28, 28), optimizers.Adam),
}

(network, shape, optimizer), seconds = measure.case(CASES)
model = keras.Sequential([keras.Input(shape[1:]), *network()])
model.compile(optimizer=optimizer(), loss="sparse_categorical_crossentropy")
x = np.random.default_rng(0).standard_normal(shape).astype("float32")
y = np.random.default_rng(1).integers(0, 10, shape[0])
one = x[:1]
measure.report(
    keras.__version__, lambda: model.train_on_batch(x, y), lambda: model.predict_on_batch(one), seconds
)
