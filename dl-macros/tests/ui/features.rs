use dl_macros::network;

fn main() {
    let _ = network!(< dense(784, 128, relu), dense(256, 10, softmax) >);
}
