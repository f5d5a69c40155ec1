use dl_macros::network;

fn main() {
    let _ = network!(< dense(4, 2, rellu) >);
}
