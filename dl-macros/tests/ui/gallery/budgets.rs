use dl_macros::network;

fn main() {
    // among_layers
    let _ = network!(
< dense(784, 10, softmax), budget(flops = 20_000) >
    );
    // another_call
    let _ = network!(
< dense(784, 10, softmax) >, limit(flops = 20_000)
    );
    // batch_alone
    let _ = network!(
< dense(784, 10, softmax) >, budget(flops = 20_000, batch = 32)
    );
    // both
    let _ = network!(
<
    input(28, 28, 1),
    conv2d(1, 8, 3, relu),
    residual(< conv2d(8, 8, 3, relu, padding = same), conv2d(8, 8, 3, padding = same) >),
    flatten,
    dense(5408, 10, softmax),
>, budget(flops = 1_000, parameters = 50_000)
    );
    // flops
    let _ = network!(
< dense(784, 128, relu), dense(128, 10, softmax) >, budget(parameters = 110_000, flops = 200_000)
    );
    // fraction
    let _ = network!(
< dense(784, 10, softmax) >, budget(parameters = 0.5)
    );
    // limit_twice
    let _ = network!(
< dense(784, 10, softmax) >, budget(flops = 20_000, flops = 30_000)
    );
    // no_limits
    let _ = network!(
< dense(784, 10, softmax) >, budget()
    );
    // no_name
    let _ = network!(
< dense(784, 10, softmax) >, budget(10_000)
    );
    // not_a_number
    let _ = network!(
< dense(784, 10, softmax) >, budget(parameters = many)
    );
    // parameters
    let _ = network!(
< dense(784, 128, relu), dense(128, 10, softmax) >, budget(parameters = 100_000, flops = 220_000)
    );
    // twice
    let _ = network!(
< dense(784, 10, softmax) >, budget(flops = 20_000), budget(parameters = 10_000)
    );
    // unknown_limit
    let _ = network!(
< dense(784, 10, softmax) >, budget(parameter = 10_000)
    );
    // with_equals
    let _ = network!(
< dense(784, 10, softmax) >, budget = 10_000
    );
    // zero
    let _ = network!(
< dense(784, 10, softmax) >, budget(flops = 0)
    );
}
