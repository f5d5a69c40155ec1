use dl_macros::network;

fn main() {
    // clause_among_layers
    let _ = network!(
< dense(784, 10), loss = mse >
    );
    // clause_colon
    let _ = network!(
< dense(4, 4) >, loss: mse
    );
    // double_comma
    let _ = network!(
< dense(784, 128),, dense(128, 10) >
    );
    // extra_close
    let _ = network!(
< dense(784, 10) >>
    );
    // keyword_name
    network!(
pub struct < dense(784, 10) >
    );
    // label_alone
    let _ = network!(
< dense(784, 10), a: >
    );
    // layer_as_clause
    let _ = network!(
< dense(4, 4) >, dense(4, 2)
    );
    // layers_in_brackets
    network!(
[ dense(784, 128) ]
    );
    // many_mistakes
// A network with mistakes.
network!(Digits <
    dense(784, 128, rellu),
    dens(128, 64),
    out: dense(64.5, 10, softmax),
    out: dense(0, 10, softmax),
>, loss = crossentropy, optimizer = adam(learning_rate = 0.1));
    // missing_comma
    let _ = network!(
< dense(784, 128) dense(128, 10) >
    );
    // missing_comma_before_clause
    let _ = network!(
< dense(784, 10) > loss = mse
    );
    // missing_comma_in_arguments
    let _ = network!(
< dense(784 128) >
    );
    // no_cascade
    let _ = network!(
< dense(784, zero), relu, dense(100, 50), dense(60, 10) >
    );
    // no_layers
    let _ = network!(
< >
    );
    // no_layers_in_residual
    let _ = network!(
< dense(4, 4), residual(< >) >
    );
    // no_list
    network!(
Digits dense(784, 10)
    );
    // semicolon
    let _ = network!(
< dense(4, 4); dense(4, 2) >
    );
    // square_brackets
    let _ = network!(
< dense[784, 128] >
    );
    // text_after
    let _ = network!(
< dense(784, 10) > and more
    );
    // two_mistakes
    let _ = network!(
< dens(784, 128), dropout(1.5), dense(128, 10, softmax) >, loss = mee
    );
    // unclosed_before_clause
    let _ = network!(
< dense(784, 128, relu), dense(128, 10, softmax), loss = mse
    );
    // unclosed_in_braces
network!{ < dense(784, 10), };
    // unclosed_layers
    let _ = network!(
< dense(784, 128, relu), dense(128, 10, softmax)
    );
}
