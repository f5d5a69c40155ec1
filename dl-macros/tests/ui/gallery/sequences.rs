use dl_macros::network;

fn main() {
    // attention_behind_lstm
    let _ = network!(
< input(28, 28), lstm(28, 16), residual(< attention(16, 4) >) >
    );
    // attention_features
    let _ = network!(
< input(10, 16), attention(8, 4) >
    );
    // attention_flat
    let _ = network!(
< dense(8, 8), attention(8, 2) >
    );
    // attention_image
    let _ = network!(
< input(28, 28, 1), attention(1, 1) >
    );
    // heads
    let _ = network!(
< input(10, 16), attention(16, 3) >
    );
    // last_behind_gru
    let _ = network!(
< input(28, 28), gru(28, 16), last, dense(16, 2) >
    );
    // last_flat
    let _ = network!(
< input(12), last >
    );
    // last_image
    let _ = network!(
< input(4, 4, 3), last >
    );
    // lstm_flat
    let _ = network!(
< input(784), reshape(28, 28), lstm(28, 8), lstm(8, 4), dense(4, 2) >
    );
    // recurrent_features
    let _ = network!(
< input(28, 20), rnn(28, 8), dense(8, 2) >
    );
    // recurrent_first
    let _ = network!(
< rnn(28, 8) >
    );
    // recurrent_flat
    let _ = network!(
< dense(784, 12), rnn(4, 8) >
    );
    // recurrent_flat_odd
    let _ = network!(
< dense(784, 11), rnn(4, 8) >
    );
    // recurrent_image
    let _ = network!(
< input(28, 28, 1), rnn(28, 8) >
    );
    // sequence_flat
    let _ = network!(
< input(16), attention(16, 4) >
    );
}
