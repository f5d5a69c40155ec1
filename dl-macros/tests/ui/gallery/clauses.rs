use dl_macros::network;

fn main() {
    // clause_twice
    let _ = network!(
< dense(784, 10) >, loss = mse, loss = mae
    );
    // learning_rate
    let _ = network!(
< dense(784, 10) >, optimizer = adam(learning_rate = 0.1)
    );
    // loss_number
    let _ = network!(
< dense(784, 10) >, loss = 5
    );
    // loss_with_argument
    let _ = network!(
< dense(784, 10) >, loss = huber(delta = 2)
    );
    // missing_lr
    let _ = network!(
< dense(784, 10) >, optimizer = sgd(momentum = 0.9)
    );
    // missing_lr_alone
    let _ = network!(
< dense(784, 10) >, optimizer = sgd
    );
    // optimizer_key
    let _ = network!(
< dense(784, 10) >, optimizer = adam(lr = 0.1, momentum = 0.9)
    );
    // optimizer_string
    let _ = network!(
< dense(784, 10) >, optimizer = "adam"
    );
    // sigmoid_missing
    let _ = network!(
< dense(784, 10, softmax) >, loss = binary_cross_entropy
    );
    // softmax_missing
    let _ = network!(
< dense(784, 10) >, loss = cross_entropy
    );
    // unknown_clause
    let _ = network!(
< dense(784, 10) >, optimiser = adam
    );
    // unknown_loss
    let _ = network!(
< dense(784, 10, softmax) >, loss = crossentropy
    );
    // unknown_optimizer
    let _ = network!(
< dense(784, 10) >, optimizer = lion(lr = 0.1)
    );
}
