use dl_macros::network;

fn main() {
    let _ = network!(< dense(INPUTS, 10) >);
}
