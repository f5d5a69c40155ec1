//! The wrong rules.

use dl_codegen::bisect::Culprit;
use dl_codegen::emit;
use dl_codegen::encode::{EncodeError, Encoded, encode};
use dl_codegen::fuse::{Anchor, FuseError, Group, fuse};
use dl_codegen::plan::{Piece, PlanStep, Planned, pack, plan};
use dl_codegen::schedule::{Scheduled, schedule};
use dl_codegen::stages::{STAGES, Stages};
use dl_codegen::target::Target;
use dl_codegen::vector::{Lanes, Op, Program, Section};
use dl_ir::graph::Graph;
use dl_ir::module::Function;
use dl_ir::ops;
use dl_runtime::program::StatePlan;

/// A wrong rule, and what is to be found.
pub struct Rule {
    pub name: &'static str,
    pub stages: Stages,
    /// The width at which it is looked for.
    lanes: Lanes,
    pub culprit: Culprit,
    /// A part of the symptom.
    pub says: &'static str,
    /// The most nodes that its case may have.
    pub most_nodes: usize,
    /// The network that it is tried on.
    pub network: &'static str,
}

const SHALLOW: &str =
    "< dense(7, 9, tanh), dense(9, 4, softmax) >, optimizer = sgd(lr = 0.1, momentum = 0.9)";
/// Of two layers more: activations are read long after they were written.
const DEEP: &str = "< dense(7, 9, tanh), dense(9, 9, tanh), dense(9, 9, tanh), dense(9, 1) >";
/// A tanh in the body of a loop, and nowhere else.
const RECURRENT: &str = "< input(4, 3), rnn(3, 5), dense(5, 1) >";

impl Rule {
    pub fn widths(&self) -> [Lanes; 1] {
        [self.lanes]
    }

    const fn new(name: &'static str, culprit: Culprit, says: &'static str, stages: Stages) -> Self {
        Rule { name, stages, lanes: Lanes::L4, culprit, says, most_nodes: 40, network: SHALLOW }
    }

    const fn at(self, lanes: Lanes) -> Self {
        Rule { lanes, ..self }
    }

    const fn on(self, network: &'static str) -> Self {
        Rule { network, ..self }
    }

    const fn small(self, most_nodes: usize) -> Self {
        Rule { most_nodes, ..self }
    }
}

pub const RULES: &[Rule] = &[
    Rule::new(
        "leaves out a task of a loop",
        Culprit::Kernel,
        "differs",
        Stages { schedule: tanh_has_a_task_less, ..STAGES },
    )
    .on(RECURRENT)
    .small(12),
    Rule::new(
        "forgets what others read",
        Culprit::Fusion,
        "no kernel computes",
        Stages { fuse: forgets_output, ..STAGES },
    ),
    Rule::new("loses a group", Culprit::Fusion, "no kernel computes", Stages { fuse: loses_group, ..STAGES })
        .small(10),
    Rule::new(
        "cannot fuse products",
        Culprit::Fusion,
        "a product",
        Stages { fuse: panics_at_products, ..STAGES },
    )
    .small(4),
    Rule::new(
        "starts sums at one",
        Culprit::Kernel,
        "differs",
        Stages { schedule: exchanges_constants, ..STAGES },
    )
    .small(12),
    Rule::new(
        "does not know tanh",
        Culprit::Schedule,
        "no program",
        Stages { schedule: panics_at_tanh, ..STAGES },
    )
    .small(6),
    Rule::new("has a task too few", Culprit::Kernel, "differs", Stages { schedule: one_task_less, ..STAGES })
        .small(6),
    Rule::new(
        "frees a step too early",
        Culprit::Plan,
        "the same place",
        Stages { pack: frees_early, ..STAGES },
    ),
    Rule::new(
        "frees what is read later on",
        Culprit::Plan,
        "too early",
        Stages { pack: frees_when_read, ..STAGES },
    )
    .on(DEEP),
    Rule::new("gives all one place", Culprit::Plan, "same place", Stages { pack: one_place, ..STAGES }),
    Rule::new(
        "exchanges steps",
        Culprit::Plan,
        "nothing has written",
        Stages { plan: exchanges_steps, ..STAGES },
    ),
    Rule::new("runs all at once", Culprit::Plan, "while", Stages { plan: joins_steps, ..STAGES }),
    Rule::new(
        "checks no loss",
        Culprit::Plan,
        "before all results",
        Stages { plan: checks_nothing, ..STAGES },
    ),
    Rule::new("loses the last step", Culprit::Plan, "at the end", Stages { plan: loses_last_step, ..STAGES }),
    Rule::new(
        "adds for subtract",
        Culprit::Code,
        "by the interpreter",
        Stages {
            emit: |b, program, args, located| emit::vector::emit(b, &adds_for_sub(program), args, located),
            ..STAGES
        },
    )
    .small(12),
    Rule::new(
        "encodes another sum",
        Culprit::Code,
        "by the interpreter",
        Stages { encode: encodes_adds_for_sub, ..STAGES },
    )
    .at(Lanes::L8)
    .small(12),
    Rule::new(
        "encodes a wrong instruction",
        Culprit::Code,
        "by the interpreter",
        Stages { encode: encodes_mul_for_max, ..STAGES },
    )
    .at(Lanes::L16)
    .small(12),
    Rule::new(
        "encodes no square root",
        Culprit::Code,
        "no such instruction",
        Stages { encode: panics_at_div, ..STAGES },
    )
    .at(Lanes::L8)
    .small(12),
];

fn forgets_output(function: &Function, target: Target) -> Result<Vec<Group>, FuseError> {
    let mut groups = fuse(function, target)?;
    let is_root = |node| function.roots().any(|root| root == node);
    for group in &mut groups {
        if let Some(at) = group.outputs.iter().position(|&output| group.outputs.len() > 1 && !is_root(output))
        {
            group.outputs.remove(at);
            break;
        }
    }
    Ok(groups)
}

fn loses_group(function: &Function, target: Target) -> Result<Vec<Group>, FuseError> {
    let mut groups = fuse(function, target)?;
    let is_product = |group: &Group| matches!(group.anchor, Some(Anchor::Contract(_)));
    if let Some(at) = groups.iter().position(is_product) {
        groups.remove(at);
    }
    Ok(groups)
}

fn panics_at_products(function: &Function, target: Target) -> Result<Vec<Group>, FuseError> {
    let is_product = |op: &ops::Op| op.name() == "einsum";
    assert!(!function.graph.ids().any(|id| is_product(function.graph.op(id))), "what to do with a product?");
    fuse(function, target)
}

fn insts(program: &mut Program) -> impl Iterator<Item = &mut Op> {
    program.sections.iter_mut().flat_map(|section| match section {
        Section::Straight(insts) => insts.iter_mut().map(|inst| &mut inst.op).collect::<Vec<_>>(),
        Section::Loop(body) => body.body.iter_mut().map(|inst| &mut inst.op).collect(),
    })
}

fn exchanges_constants(graph: &Graph, group: &Group, target: Target) -> Scheduled {
    let mut scheduled = schedule(graph, group, target);
    for op in scheduled.kernel.programs.iter_mut().flat_map(insts) {
        if let Op::Splat(bits) = op
            && *bits == 0
        {
            *bits = 1f32.to_bits();
        }
    }
    scheduled
}

fn panics_at_tanh(graph: &Graph, group: &Group, target: Target) -> Scheduled {
    assert!(group.members.keys().all(|&id| graph.op(id).name() != "tanh"), "no program for it");
    schedule(graph, group, target)
}

fn one_task_less(graph: &Graph, group: &Group, target: Target) -> Scheduled {
    let mut scheduled = schedule(graph, group, target);
    let tasks = &mut scheduled.kernel.tasks.of;
    if tasks.fixed > 1 {
        tasks.fixed -= 1;
    } else {
        tasks.per_example = tasks.per_example.saturating_sub(1);
    }
    scheduled
}

fn tanh_has_a_task_less(graph: &Graph, group: &Group, target: Target) -> Scheduled {
    match group.members.keys().any(|&id| graph.op(id).name() == "tanh") {
        true => one_task_less(graph, group, target),
        false => schedule(graph, group, target),
    }
}

fn frees_early(pieces: &[Piece]) -> (Vec<usize>, usize) {
    let shorter = |piece: &Piece| Piece { to: piece.from.max(piece.to.saturating_sub(1)), ..*piece };
    pack(&pieces.iter().map(shorter).collect::<Vec<_>>())
}

/// Keeps what is read long after it was written no longer than a step.
fn frees_when_read(pieces: &[Piece]) -> (Vec<usize>, usize) {
    let shorter = |piece: &Piece| match piece.to - piece.from {
        3.. => Piece { to: piece.from + 1, ..*piece },
        _ => *piece,
    };
    pack(&pieces.iter().map(shorter).collect::<Vec<_>>())
}

fn one_place(pieces: &[Piece]) -> (Vec<usize>, usize) {
    (vec![0; pieces.len()], pieces.iter().map(|piece| piece.size).max().unwrap_or(0))
}

fn exchanges_steps(
    s: &Stages,
    f: &Function,
    groups: Vec<Group>,
    state: &StatePlan,
    target: Target,
) -> Planned {
    let (mut plan, kernels) = plan(s, f, groups, state, target)?;
    if plan.steps.len() > 1 {
        plan.steps.swap(0, 1);
    }
    Ok((plan, kernels))
}

fn joins_steps(s: &Stages, f: &Function, groups: Vec<Group>, state: &StatePlan, target: Target) -> Planned {
    let (mut plan, kernels) = plan(s, f, groups, state, target)?;
    let mut joined = Vec::new();
    plan.steps.retain_mut(|step| match step {
        PlanStep::Launches(launches) => {
            joined.append(launches);
            false
        }
        _ => true,
    });
    plan.steps.push(PlanStep::Launches(joined));
    Ok((plan, kernels))
}

fn checks_nothing(
    s: &Stages,
    f: &Function,
    groups: Vec<Group>,
    state: &StatePlan,
    target: Target,
) -> Planned {
    let (mut plan, kernels) = plan(s, f, groups, state, target)?;
    plan.steps.retain(|step| !matches!(step, PlanStep::CheckFinite(_)));
    Ok((plan, kernels))
}

fn loses_last_step(
    s: &Stages,
    f: &Function,
    groups: Vec<Group>,
    state: &StatePlan,
    target: Target,
) -> Planned {
    let (mut plan, kernels) = plan(s, f, groups, state, target)?;
    plan.steps.pop();
    Ok((plan, kernels))
}

fn adds_for_sub(program: &Program) -> Program {
    let mut program = program.clone();
    for op in insts(&mut program) {
        if let Op::Sub(a, b) = *op {
            *op = Op::Add(a, b);
        }
    }
    program
}

fn encodes_adds_for_sub(program: &Program) -> Result<Encoded, EncodeError> {
    encode(&adds_for_sub(program))
}

fn encodes_mul_for_max(program: &Program) -> Result<Encoded, EncodeError> {
    let mut program = program.clone();
    for op in insts(&mut program) {
        if let Op::Max(a, b) = *op {
            *op = Op::Mul(a, b);
        }
    }
    encode(&program)
}

fn panics_at_div(program: &Program) -> Result<Encoded, EncodeError> {
    let mut copy = program.clone();
    assert!(!insts(&mut copy).any(|op| matches!(op, Op::Div(..))), "no such instruction");
    encode(program)
}
