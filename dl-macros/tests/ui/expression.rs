use dl_macros::network;

fn main() {
    let net = network!(< dense(4, 3, tahn), dense(5, 2) >, loss = msee).build().unwrap();
    let _: Option<u32> = network!();
    drop(net);
}
