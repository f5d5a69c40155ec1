use dl_macros::network;

network!(
    pub Digits < dense(4, 3, tahn),
        dense(5, 2) >,
    loss = msee
);

fn main() {}
