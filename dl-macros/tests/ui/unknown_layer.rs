use dl_macros::network;

fn main() {
    let _ = network!(< dence(4, 2) >);
}
