use dl_macros::network;

fn main() {
    // automatic_label
    let _ = network!(
< dense1: dense(784, 10), dense(10, 10) >
    );
    // duplicate_label
    let _ = network!(
< a: dense(784, 10), residual(< a: dense(10, 10) >) >
    );
    // linear_for_dense
    let _ = network!(
< linear(784, 10) >
    );
    // multi_head_attention
    let _ = network!(
< input(10, 16), MultiHeadAttention(16, 4), transformer(16) >
    );
    // names_of_keras
    let _ = network!(
< input(28, 28, 1), Conv2D(1, 8, kernel_size = 3, use_bias = false), MaxPooling2D(2), BatchNormalization(8) >
    );
    // names_of_pytorch
    let _ = network!(
< dense(784, 10, in_features = 3), BatchNorm1d(10) >, loss = CrossEntropyLoss, optimizer = SGD(lr = 0.1)
    );
    // other_names
    let _ = network!(
< dense(784, 10, ReLU), Dense(10, 10, swish) >
    );
    // padding_unknown
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, 3, padding = full) >
    );
    // raw_label
    let _ = network!(
< r#in: dense(784, 10) >
    );
    // recurrent_misspelt
    let _ = network!(
< input(28, 20), rnn(20, 8, return_sequence = true), dense(8, 2) >
    );
    // unknown_activation
    let _ = network!(
< dense(784, 128, rellu), dense(128, 10, softmax) >
    );
    // unknown_init
    let _ = network!(
< dense(784, 10, init = he) >
    );
    // unknown_key
    let _ = network!(
< dense(784, 10, biass = false) >
    );
    // unknown_layer
    let _ = network!(
< dens(784, 10, softmax) >
    );
    // unknown_layer_no_suggestion
    let _ = network!(
< transformer(784, 10) >
    );
}
