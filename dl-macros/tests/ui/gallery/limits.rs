use dl_macros::network;

fn main() {
    // example_too_large
    let _ = network!(
< dense(100_000_000, 1) >
    );
    // fans_too_large
    let _ = network!(
< input(28, 28, 1), conv2d(2_000_000_000, 2_000_000_000, 2_000_000_000) >
    );
    // features_too_many
    let _ = network!(
< dense(1, 100_000_000), dense(100_000_000, 1) >
    );
    // gru_too_large
    let _ = network!(
< input(100000, 1), gru(1, 15000, init = zeros), dense(15000, 1) >
    );
    // intermediate_too_large
    let _ = network!(
< input(1024, 1024, 8), conv2d(8, 1, 31, padding = same) >
    );
    // lstm_too_large
    let _ = network!(
< input(4, 2), lstm(2, 2_000_000_000), dense(2_000_000_000, 1) >
    );
    // parameters_too_many
    let _ = network!(
< dense(60000, 60000) >
    );
    // parameters_too_many_together
    let _ = network!(
< dense(40000, 40000), dense(40000, 40000) >
    );
    // recurrent_result_too_large
    let _ = network!(
< input(100000, 1), rnn(1, 40000), dense(40000, 1) >
    );
    // recurrent_too_large
    let _ = network!(
< input(4, 8), rnn(8, 100000) >
    );
    // result_too_large
    let _ = network!(
< input(60000, 60000), relu >
    );
    // scores_too_large
    let _ = network!(
< input(100_000, 8), attention(8, 2) >
    );
    // too_deep
    let _ = network!(
< input(4), residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< residual(< relu >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >) >
    );
}
