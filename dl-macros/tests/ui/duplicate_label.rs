use dl_macros::network;

fn main() {
    let _ = network!(< first: dense(4, 4), first: dense(4, 2) >);
}
