//! Lines of kernels know the nodes that they are for, in kernels that several groups share, too.

use std::collections::BTreeSet;

use dl_codegen::compile::Lowered;
use dl_codegen::locations::Locations;
use dl_codegen::vector::{Lanes, Mark};
use dl_ir::graph::NodeId;
use dl_ir::module::Function;

use crate::subject::{Subject, widths};

/// Layers that are alike, so that they share kernels.
const DEEP: &str = "< dense(24, 24, tanh), dense(24, 24, tanh), dense(24, 24, tanh), dense(24, 24, tanh), dense(24, 3, softmax) >";

const NETWORKS: [&str; 4] = [
    DEEP,
    "< input(9, 9, 2), conv2d(2, 3, 3, relu), max_pool2d(2), batch_norm(3), flatten, dropout(0.5), dense(27, 5) >",
    "< input(5, 3), lstm(3, 4), dense(4, 2, softmax) >",
    "< input(6), embedding(9, 4), residual(< layer_norm(4), attention(4, 2) >), last, dense(4, 9, softmax) >",
];

fn train_step(subject: &Subject) -> &Function {
    subject.module.function("train_step").expect("networks have it")
}

/// The nodes of a group that lines of its kernel are for, those lines that write and all.
fn nodes_of_lines(lowered: &Lowered, group: usize) -> [BTreeSet<NodeId>; 2] {
    let kernel = &lowered.kernels[lowered.kernel_of[group]];
    let node = |mark: Mark| lowered.nodes[group][mark.0 as usize];
    let writing = kernel.insts().filter(|inst| inst.result.is_none()).map(|inst| node(inst.mark));
    [writing.collect(), kernel.insts().map(|inst| node(inst.mark)).collect()]
}

#[test]
fn every_line_is_for_a_node_of_each_group() {
    for text in NETWORKS {
        let subject = &Subject::all(text)[0];
        for lanes in widths() {
            let lowered = subject.lower(train_step(subject), lanes);
            for (index, group) in lowered.groups.iter().enumerate() {
                let [writing, all] = nodes_of_lines(&lowered, index);
                let known: BTreeSet<NodeId> = group.nodes().into_iter().collect();
                assert!(all.is_subset(&known), "{text}: group {index} {group:?} has lines for {all:?}");
                if group.anchor.is_none() {
                    let outputs: BTreeSet<NodeId> = group.outputs.iter().copied().collect();
                    assert_eq!(writing, outputs, "{text}: group {index} {group:?}");
                }
            }
        }
    }
}

#[test]
fn lines_of_a_shared_kernel_are_for_a_node_of_each_layer() {
    let subject = &Subject::all(DEEP)[0];
    let function = train_step(subject);
    let lowered = subject.lower(function, Lanes::L4);
    let locations = Locations::new(function, &lowered);
    let layers = |kernel: usize| -> BTreeSet<String> {
        let of_mark =
            |mark| locations.of(kernel, mark).filter_map(|(_, origin)| origin?.layer().map(str::to_owned));
        lowered.kernels[kernel].insts().flat_map(|inst| of_mark(inst.mark)).collect()
    };
    let shared = (0..lowered.kernels.len()).map(layers).max_by_key(BTreeSet::len).expect("kernels");
    assert!(shared.len() > 2, "{shared:?}");
}

#[test]
fn the_second_layers_gradient_names_the_layer() {
    let subject = &Subject::all("< dense(5, 7, relu), dense(7, 3) >")[0];
    let function = train_step(subject);
    for lanes in widths() {
        let lowered = subject.lower(function, lanes);
        let locations = Locations::new(function, &lowered);
        let remarks: BTreeSet<String> = (0..lowered.kernels.len())
            .flat_map(|kernel| lowered.kernels[kernel].insts().map(move |inst| (kernel, inst.mark)))
            .map(|(kernel, mark)| locations.remark(kernel, mark))
            .collect();
        for wanted in [
            "layer dense1 at 1:22 vjp einsum",
            "layer dense0 at 1:3 vjp max",
            "layer dense1 at 1:22 trains dense1.weight",
        ] {
            assert!(remarks.iter().any(|remark| remark.contains(wanted)), "{wanted} is not in {remarks:#?}");
        }
    }
}
