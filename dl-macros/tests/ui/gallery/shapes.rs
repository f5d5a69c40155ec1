use dl_macros::network;

fn main() {
    // batch_norm_channels
    let _ = network!(
< input(8, 8, 2), batch_norm(6), flatten, dense(128, 3, softmax) >
    );
    // embedding_first
    let _ = network!(
< embedding(27, 16) >
    );
    // embedding_late
    let _ = network!(
< input(10), dense(10, 10), embedding(27, 16) >
    );
    // embedding_residual
    let _ = network!(
< input(10), residual(< embedding(27, 1), flatten >) >
    );
    // embedding_twice
    let _ = network!(
< input(8), embedding(27, 16), embedding(27, 16) >
    );
    // features
    let _ = network!(
< dense(784, 256, relu),
  dense(128, 10, softmax) >
    );
    // features_after_shape
    let _ = network!(
< input(28, 28), dense(784, 10, softmax) >
    );
    // late_input
    let _ = network!(
< dense(784, 10), input(10) >
    );
    // late_input_other
    let _ = network!(
< dense(784, 10), input(28, 28), dense(28, 10) >
    );
    // layer_norm_size
    let _ = network!(
< dense(12, 24, relu),
  residual(< layer_norm(12), dense(12, 24) >),
  dense(24, 5, softmax) >
    );
    // no_input_shape
    let _ = network!(
< relu, dense(784, 10) >
    );
    // reshape
    let _ = network!(
< input(28, 28), reshape(784, 2) >
    );
    // residual_first
    let _ = network!(
< residual(< dense(4, 4) >), dense(4, 2) >
    );
    // residual_shape
    let _ = network!(
< dense(784, 10), residual(< dense(10, 20) >) >
    );
    // two_disagreements
    let _ = network!(
< dense(784, 128), dense(100, 50), dense(60, 10) >
    );
}
