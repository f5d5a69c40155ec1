use dl_macros::network;

fn main() {
    // channels
    let _ = network!(
< input(28, 28, 3), conv2d(1, 8, 3, relu) >
    );
    // image_flat
    let _ = network!(
< input(784), conv2d(1, 8, 3), flatten >
    );
    // image_too_small
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, 3), max_pool2d(2), conv2d(8, 8, (3, 15)) >
    );
    // image_without_channels
    let _ = network!(
< input(28, 28), conv2d(1, 8, 3) >
    );
    // pool_of_flat
    let _ = network!(
< dense(784, 64), max_pool2d(2) >
    );
    // pool_too_small
    let _ = network!(
< input(2, 5, 1), max_pool2d(3) >
    );
    // residual_stride
    let _ = network!(
< input(28, 28, 8), residual(< conv2d(8, 8, 3, stride = 2, padding = same) >) >
    );
    // stride_of_three
    let _ = network!(
< input(28, 28, 1), conv2d(1, 8, 3, stride = (1, 2, 3)) >
    );
}
