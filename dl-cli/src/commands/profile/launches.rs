//! What the launches of a function are, in words and in numbers.

use dl_codegen::compile::Lowered;
use dl_codegen::fuse::{Anchor, Group, Space};
use dl_codegen::schedule::operands::{rows_moved, shape_elements, storage};
use dl_codegen::schedule::work::Work;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::module::{Function, Module, StateRole};
use dl_ir::ops::{Op, Structure};
use dl_ir::product::Product;
use dl_runtime::pool::worthwhile_threads;

/// Ops named in a launch's description.
const MAX_OPS: usize = 4;

/// A launch of the table.
pub struct Launch {
    /// Which of the kernels it runs.
    pub kernel: usize,
    /// Launches of the same phase run at the same time.
    pub phase: usize,
    /// How often it is run.
    pub times: usize,
    /// What it computes.
    pub what: String,
    /// The state that it overwrites, parameters first.
    pub updates: Vec<String>,
    /// The parameters that it reads.
    pub parameters: Vec<String>,
    /// What it does, all times together.
    pub work: Work,
    /// How many threads it runs on when it is alone.
    pub threads: usize,
}

/// The launches in the order of the table.
pub fn describe(
    module: &Module,
    function: &Function,
    lowered: &Lowered,
    batch: usize,
    threads: usize,
) -> Vec<Launch> {
    let phases = lowered.plan.steps.iter().flat_map(|step| {
        let (times, phases) = step.phases();
        phases.iter().map(move |launches| (times, launches))
    });
    let groups = phases
        .enumerate()
        .flat_map(|(phase, (times, launches))| launches.iter().map(move |(group, _)| (phase, times, *group)));
    let launch = |(phase, times, index): (usize, usize, usize)| {
        let graph = lowered.graph(function, index);
        let (group, bindings) = (&lowered.groups[index], &lowered.bindings[index]);
        let kernel = &lowered.kernels[lowered.kernel_of[index]];
        let is_outside = lowered.body_of[index].is_none();
        let updates = function.updates.iter().filter(|_| is_outside);
        let updates = updates.filter(|(_, node)| group.outputs.contains(&storage(graph, *node)));
        let mut updates: Vec<String> = updates.map(|(name, _)| name.clone()).collect();
        updates.sort_by_key(|name| !is_parameter(module, name));
        let read = bindings
            .iter()
            .filter(|binding| !binding.is_write())
            .map(|binding| storage(graph, binding.node()));
        let mut parameters: Vec<String> = read.filter_map(|node| parameter(module, graph, node)).collect();
        parameters.dedup();
        Launch {
            kernel: lowered.kernel_of[index],
            phase,
            times,
            what: words(graph, group, batch),
            updates,
            parameters,
            work: Work::of(graph, group, kernel, bindings, batch).times(times),
            threads: worthwhile_threads(f64::from(lowered.costs[index].at(batch)), threads)
                .min(kernel.tasks.at(batch).max(1)),
        }
    };
    groups.map(launch).collect()
}

/// The name of a parameter, if the node is one.
fn parameter(module: &Module, graph: &Graph, node: NodeId) -> Option<String> {
    match graph.op(node) {
        Op::State(state) if is_parameter(module, &state.name) => Some(state.name.clone()),
        _ => None,
    }
}

fn is_parameter(module: &Module, name: &str) -> bool {
    module.state(name).is_some_and(|state| state.role == StateRole::Parameter)
}

/// What a group computes: its anchor with its sizes, then its other ops.
fn words(graph: &Graph, group: &Group, batch: usize) -> String {
    let kind = match group.anchor {
        Some(Anchor::Contract(node)) => format!("product{}", factors(graph, node, batch)),
        Some(Anchor::Chunks(node)) => format!("chunks of product{}", factors(graph, node, batch)),
        Some(Anchor::Total(_)) => format!("total of chunks {}", size(group.space, batch)),
        Some(Anchor::ColumnSum(_)) => format!("column sum {}", size(group.space, batch)),
        Some(Anchor::Fold(_)) => format!("fold {}", size(group.space, batch)),
        Some(Anchor::Transpose(_)) => format!("transpose {}", size(group.space, batch)),
        Some(Anchor::Gather(_)) => format!("gather {}", moved(graph, group, batch)),
        Some(Anchor::ScatterAdd(_)) => {
            format!("scatter {} to {}", moved(graph, group, batch), size(group.space, batch))
        }
        Some(Anchor::ScatterInto(_)) => format!("scatter {} in place", moved(graph, group, batch)),
        Some(Anchor::Random(_)) => format!("random numbers {}", size(group.space, batch)),
        None if group.members.is_empty() => format!("copy {}", size(group.space, batch)),
        None if group.has_rows() => format!("rows {}", size(group.space, batch)),
        None => format!("elementwise {}", size(group.space, batch)),
    };
    let anchor = group.anchor.map(Anchor::node);
    let mut ops: Vec<&str> = Vec::new();
    for &node in group.members.keys().filter(|&&node| Some(node) != anchor) {
        let op = graph.op(node);
        if matches!(op.structure(), Structure::Map | Structure::Reduce) && !ops.contains(&op.name()) {
            ops.push(op.name());
        }
    }
    match ops.len() {
        0 => kind,
        n if n > MAX_OPS => format!("{kind}: {}, …", ops[..MAX_OPS].join(", ")),
        _ => format!("{kind}: {}", ops.join(", ")),
    }
}

/// The sizes of a product's factors.
fn factors(graph: &Graph, node: NodeId, batch: usize) -> String {
    Product::of(graph, node).map_or_else(String::new, |Product { m, n, k, .. }| {
        let (m, k) = (m.at(batch), k.at(batch));
        format!(" {m}×{k} · {k}×{n}")
    })
}

/// The elements of the rows that are taken from a table, or added to one.
fn moved(graph: &Graph, group: &Group, batch: usize) -> usize {
    rows_moved(graph, group).map_or(0, |rows| shape_elements(graph, rows).at(batch))
}

fn size(space: Space, batch: usize) -> String {
    match space {
        Space::Flat(elements) => elements.at(batch).to_string(),
        Space::Grid { rows, cols } => format!("{}×{cols}", rows.at(batch)),
    }
}
