use dl_macros::network;

network!(
    /// Reads digits.
    pub Digits < dense(4, 3, tahn), dense(5, 2) >,
    loss = msee
);

fn main() {}
