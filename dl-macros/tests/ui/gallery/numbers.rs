use dl_macros::network;

fn main() {
    // arithmetic
    let _ = network!(
< dense(28 * 28, 10) >
    );
    // constant_path
    let _ = network!(
< dense(config::INPUTS, 10) >
    );
    // constant_size
network!(< dense(INPUTS, 10) >);
    // heads_zero
    let _ = network!(
< input(10, 16), attention(16, 0) >
    );
    // hexadecimal
    let _ = network!(
< dense(0x10, 10) >
    );
    // kernel_zero
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, (3, 0)) >
    );
    // leading_dot
    let _ = network!(
< dense(784, 10) >, optimizer = sgd(lr = .5)
    );
    // negative_leading_dot
    let _ = network!(
< dense(784, 10) >, optimizer = sgd(lr = -.5)
    );
    // recurrent_size_zero
    let _ = network!(
< input(28, 20), rnn(20, 0) >
    );
    // size_and_suffix
    let _ = network!(
< dense(784u32, 0) >
    );
    // size_beyond_i64
    let _ = network!(
< dense(99999999999999999999, 10) >
    );
    // size_float_point_zero
    let _ = network!(
< dense(784.0, 10) >
    );
    // size_fraction
    let _ = network!(
< dense(784, 12.5) >
    );
    // size_negative
    let _ = network!(
< dense(-784, 10) >
    );
    // size_too_large
    let _ = network!(
< dense(3_000_000_000, 10) >
    );
    // size_two_to_32
    let _ = network!(
< dense(4294967296, 10) >
    );
    // size_zero
    let _ = network!(
< dense(784, 0) >
    );
    // stride_zero
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, 3, stride = 0) >
    );
    // suffix
    let _ = network!(
< dense(784usize, 10) >
    );
    // suffix_float
    let _ = network!(
< dense(784, 10) >, optimizer = sgd(lr = 1f32)
    );
    // vocabulary_zero
    let _ = network!(
< input(10), embedding(0, 16) >
    );
}
