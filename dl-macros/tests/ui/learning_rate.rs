use dl_macros::network;

fn main() {
    let _ = network!(< dense(4, 3) >, optimizer = sgd(momentum = 0.9));
}
