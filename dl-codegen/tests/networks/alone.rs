//! Groups that are alike share a kernel: it is the one that each would have in its own graph.

use dl_codegen::schedule::schedule;
use dl_codegen::vector::Lanes;

use crate::subject::Subject;

const NETWORKS: [&str; 7] = [
    "< dense(24, 24, tanh), dense(24, 24, relu), dense(24, 24, tanh), dense(24, 3, softmax) >",
    "< input(9, 9, 2), conv2d(2, 3, 3, relu), max_pool2d(2), batch_norm(3), flatten, dropout(0.5), dense(27, 5) >",
    "< input(5, 3), lstm(3, 4, return_sequences = true), gru(4, 4), dense(4, 2, softmax) >",
    "< input(5, 3), lstm(3, 32, return_sequences = true), gru(32, 64), dense(64, 2, softmax) >",
    "< input(6), embedding(9, 4), residual(< layer_norm(4), attention(4, 2) >), residual(< layer_norm(4), attention(4, 2) >), last, dense(4, 9, softmax) >",
    "< input(6), embedding(9, 4), last, dense(4, 9, softmax) >, optimizer = sgd(lr = 0.1)",
    "< input(8, 8, 1), conv2d(1, 4, 3, padding = same), avg_pool2d(2), global_avg_pool2d, dense(4, 1, sigmoid) >",
];

#[test]
fn what_a_group_looks_like_alone_decides_its_kernel() {
    for text in NETWORKS {
        let subject = &Subject::all(text)[0];
        for (function, lanes) in
            subject.module.functions.iter().flat_map(|f| [(f, Lanes::L8), (f, Lanes::L16)])
        {
            let lowered = subject.lower(function, lanes);
            for (index, group) in lowered.groups.iter().enumerate() {
                let place = format!("group {index} of {}, {text}", function.name);
                let expected = schedule(lowered.graph(function, index), group, lowered.target);
                assert_eq!(lowered.kernels[lowered.kernel_of[index]], expected.kernel, "{place}");
                assert_eq!(lowered.bindings[index], expected.bindings, "{place}");
                assert_eq!(lowered.costs[index], expected.cost, "{place}");
            }
        }
    }
}
