//! Why nodes are in different kernels: there is always a reason, noted where fusion decided.

use dl_codegen::fuse::why::{Fusion, Verdict};
use dl_codegen::fuse::{self, Reason};
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::Function;
use dl_ir::ops::Op;

use crate::subject::Subject;

const NETWORKS: [&str; 5] = [
    "< dense(24, 24, tanh), dense(24, 24, relu), dense(24, 3, softmax) >",
    "< input(9, 9, 2), conv2d(2, 3, 3, relu), max_pool2d(2), batch_norm(3), flatten, dropout(0.5), dense(27, 5) >",
    "< input(5, 3), lstm(3, 4), dense(4, 2, softmax) >",
    "< input(6), embedding(9, 4), residual(< layer_norm(4), attention(4, 2) >), last, dense(4, 9, softmax) >",
    "< input(8, 8, 1), conv2d(1, 4, 3, padding = same), avg_pool2d(2), global_avg_pool2d, dense(4, 1, sigmoid) >, optimizer = sgd(lr = 0.1)",
];

fn explained(function: &Function) -> Fusion {
    fuse::explained(function, Target { lanes: Lanes::L16 }).expect("kernels compute what passes leave")
}

#[test]
fn every_value_that_leaves_a_kernel_does_so_for_a_reason() {
    for text in NETWORKS {
        let subject = &Subject::all(text)[0];
        for function in &subject.module.functions {
            let (graph, fusion) = (&function.graph, explained(function));
            for user in graph.ids() {
                for &node in graph.operands(user) {
                    let verdict = fusion.why(graph, node, user);
                    assert_ne!(
                        verdict,
                        Verdict::Unrelated,
                        "{text}: {} %{} %{}",
                        function.name,
                        node.0,
                        user.0
                    );
                }
            }
        }
    }
}

fn find(graph: &Graph, is_it: impl Fn(NodeId) -> bool) -> NodeId {
    graph.ids().find(|&id| is_it(id)).expect("a node of that kind")
}

#[test]
fn facts_are_told() {
    let subject = &Subject::all("< dense(24, 40, relu), dense(40, 3, softmax) >")[0];
    let function = subject.module.function("train_step").expect("networks have it");
    let (graph, fusion) = (&function.graph, explained(function));
    let products: Vec<NodeId> = graph.ids().filter(|&id| matches!(graph.op(id), Op::Einsum(_))).collect();
    let relu = find(graph, |id| matches!(graph.op(id), Op::Max(_)));
    let why = |one: NodeId, other: NodeId| fusion.why(graph, one, other);
    // The activation is in the epilogue of the product before it, and the product behind it reads whole rows.
    assert!(matches!(why(products[0], relu), Verdict::Together { .. }));
    let reason = Reason::ReadWhole { user: products[1] };
    let expected = Verdict::Apart { node: relu, user: products[1], reason };
    assert_eq!(why(relu, products[1]), expected);
    assert_eq!(why(products[1], relu), expected);
    // What is not next to each other is told about at the first step out of a kernel.
    assert_eq!(why(products[0], products[1]), expected);
    assert_eq!(reason.to_string(), format!("%{} goes through all of it in loops of its own", products[1].0));
    // A softmax combines elements of whole rows, of which a product has tiles.
    let max = find(graph, |id| matches!(graph.op(id), Op::ReduceMax(_)));
    let Verdict::Apart { reason, .. } = why(products[1], max) else { panic!("two kernels") };
    assert_eq!(reason, Reason::RowsAndAnchor { anchor: products[1] });
    let x = find(graph, |id| matches!(graph.op(id), Op::Input(_)));
    assert_eq!(why(x, products[0]), Verdict::Leaf { node: x });
    // The gradient of a weight needs the whole batch before its first result.
    let last = *products.last().expect("products");
    let delta = graph.operands(last)[1];
    let Verdict::Apart { reason, .. } = why(delta, last) else { panic!("two kernels") };
    assert_eq!(reason, Reason::ReadWhole { user: last });
}

#[test]
fn loops_and_views_have_no_kernel() {
    let subject = &Subject::all("< input(5, 3), lstm(3, 4), dense(4, 2, softmax) >")[0];
    let function = subject.module.function("predict").expect("networks have it");
    let (graph, fusion) = (&function.graph, explained(function));
    let scan = find(graph, |id| matches!(graph.op(id), Op::Scan(_)));
    let last = graph.ids().next_back().expect("nodes");
    assert_eq!(fusion.why(graph, scan, last), Verdict::Loop { node: scan });
}
