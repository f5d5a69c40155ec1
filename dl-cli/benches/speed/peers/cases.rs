//! What is measured.

/// A network on batches of one size.
pub struct Case {
    /// What the peers' programs know it by.
    pub name: &'static str,
    /// What people know it by.
    pub title: &'static str,
    pub network: &'static str,
    pub batch: usize,
}

/// All cases: a linear classifier, three perceptrons, Keras's convolutional example for MNIST, and an LSTM over rows of pixels.
pub const CASES: [Case; 6] = [
    Case {
        name: "softmax784-10_b100_sgd",
        title: "softmax regression 784-10, batch 100, SGD",
        network: "< dense(784, 10, softmax) >, optimizer = sgd(lr = 0.1)",
        batch: 100,
    },
    Case {
        name: "mlp784-128-10_b32_adam",
        title: "784-128-10, batch 32, Adam",
        network: "< dense(784, 128, relu), dense(128, 10, softmax) >",
        batch: 32,
    },
    Case {
        name: "mlp784-128-10_b128_adam",
        title: "784-128-10, batch 128, Adam",
        network: "< dense(784, 128, relu), dense(128, 10, softmax) >",
        batch: 128,
    },
    Case {
        name: "mlp784-512-512-10_b128_rmsprop",
        title: "784-512-512-10, batch 128, RMSprop",
        network: "< dense(784, 512, relu), dense(512, 512, relu), dense(512, 10, softmax) >, \
                  optimizer = rmsprop(lr = 0.001)",
        batch: 128,
    },
    Case {
        name: "cnn_seed1_b32_adam",
        title: "the Keras CNN, batch 32, Adam",
        network: "< input(28, 28, 1), conv2d(1, 32, 3, relu), max_pool2d(2), conv2d(32, 64, 3, relu), max_pool2d(2), \
                  conv2d(64, 64, 3, relu), max_pool2d(2), flatten, dense(64, 64, relu), dense(64, 10, softmax) >",
        batch: 32,
    },
    Case {
        name: "lstm28x28-128-10_b128_adam",
        title: "LSTM 28×28-128-10, batch 128, Adam",
        network: "< input(28, 28), lstm(28, 128), dense(128, 10, softmax) >",
        batch: 128,
    },
];
