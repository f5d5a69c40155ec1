use dl_macros::network;

fn main() {
    let _ = network!(< dense(4, 4), residual(< dense(4, 3) >) >);
}
