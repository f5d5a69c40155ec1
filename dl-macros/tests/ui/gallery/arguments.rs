use dl_macros::network;

fn main() {
    // argument_twice
    let _ = network!(
< dense(784, 10, bias = true, bias = false) >
    );
    // attention_without_heads
    let _ = network!(
< input(10, 16), attention(16), flatten >
    );
    // beta_too_large
    let _ = network!(
< dense(784, 10) >, optimizer = adam(lr = 0.1, beta1 = 1)
    );
    // causal_number
    let _ = network!(
< input(10, 16), attention(16, 4, causal = 1) >
    );
    // conv_without_kernel
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8), flatten >
    );
    // decimal_comma
    let _ = network!(
< input(4), dropout(0,5), dense(4, 1) >
    );
    // dropout_above_one
    let _ = network!(
< input(4), dropout(1.5), dense(4, 1) >
    );
    // dropout_negative
    let _ = network!(
< input(4), dropout(-0.1), dense(4, 1) >
    );
    // dropout_one
    let _ = network!(
< input(4), dropout(1), dense(4, 1) >
    );
    // embedding_without_dim
    let _ = network!(
< input(8), embedding(27) >
    );
    // extra_argument
    let _ = network!(
< dense(784, 10, relu, 5) >
    );
    // extra_argument_none
    let _ = network!(
< dense(784, 10), flatten(2) >
    );
    // kernel_three
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, (3, 3, 3)) >
    );
    // kernel_word
    let _ = network!(
< input(28, 28, 1), max_pool2d(same) >
    );
    // last_argument
    let _ = network!(
< input(4, 3), last(2) >
    );
    // lr_negative
    let _ = network!(
< dense(784, 10) >, optimizer = adam(lr = -0.1)
    );
    // missing_argument
    let _ = network!(
< dense(784) >
    );
    // missing_arguments
    let _ = network!(
< dense >
    );
    // padding_number
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, 3, padding = 1) >
    );
    // position_after_name
    let _ = network!(
< dense(784, out = 10, relu) >
    );
    // recurrent_return_sequences_kind
    let _ = network!(
< input(4, 8), rnn(8, 8, return_sequences = 1) >
    );
    // residual_without_list
    let _ = network!(
< dense(784, 10), residual(dense(10, 10)) >
    );
    // string_argument
    let _ = network!(
< dense("784", 10) >
    );
    // too_many_axes
    let _ = network!(
< input(1, 2, 3, 4, 5, 6, 7, 8, 9) >
    );
    // wrong_kind_activation_for_size
    let _ = network!(
< dense(784, relu) >
    );
    // wrong_kind_bool
    let _ = network!(
< dense(784, 10, bias = 1) >
    );
    // wrong_kind_float
    let _ = network!(
< dense(784, 10) >, optimizer = adam(lr = small)
    );
    // wrong_kind_number_for_activation
    let _ = network!(
< dense(784, 10, 5) >
    );
}
