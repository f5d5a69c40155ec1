//! Lowers and runs one function, stage by stage, up to the first that is wrong.

use std::sync::Arc;

use dl_ir::bisect::caught::{Panicked, caught};
use dl_ir::bisect::part::{Part, can_cut};
use dl_ir::bisect::{case, made_up};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::interp::Environment;
use dl_ir::module::{Function, Module, StateDecl};
use dl_ir::ops::Op;
use dl_ir::origin::Origin;
use dl_runtime::program::{Program, StatePlan};

use super::nodes::{self, Record, WrongKernel};
use super::symptom::Symptom;
use super::whole::Whole;
use super::{Culprit, arena, code, fusion};
use crate::compile::{CompileError, Lowered, lower_by};
use crate::fuse::{Group, is_leaf};
use crate::plan::{name_of, plan_state};
use crate::schedule::operands::{bindings, storage};
use crate::stages::Stages;
use crate::target::Target;

/// Numbers of threads that whole functions are run on.
const THREADS: [usize; 2] = [1, 2];

/// What is under suspicion.
pub struct Trial<'t> {
    /// The stages.
    pub stages: Stages,
    /// The states of the module.
    pub states: &'t [StateDecl],
    /// The width.
    pub target: Target,
    /// Examples in a batch.
    pub batch: usize,
}

/// A function whose kernels and plan are right.
struct Lowering<'l> {
    /// The function with the states that it uses.
    module: &'l Module,
    state: &'l StatePlan,
    lowered: &'l Lowered,
    record: &'l Record,
}

/// A stage that is wrong.
pub struct Found {
    /// Which.
    pub culprit: Culprit,
    /// What is wrong.
    pub symptom: Symptom,
    /// What a kernel at fault computes.
    pub nodes: Vec<(String, Option<Arc<Origin>>)>,
    /// Its group.
    pub group: Option<Group>,
    /// If it is of the body of a loop, that.
    pub body: Option<Arc<Function>>,
}

/// What a check gives, if no stage is wrong.
type Checked<T> = Result<T, Box<Found>>;

impl Found {
    fn stage(culprit: Culprit, symptom: impl Into<Symptom>) -> Box<Self> {
        let symptom = symptom.into();
        Box::new(Found { culprit, symptom, nodes: Vec::new(), group: None, body: None })
    }

    fn of_group(
        culprit: Culprit,
        symptom: impl Into<Symptom>,
        graph: &Graph,
        group: &Group,
        scan: Option<NodeId>,
    ) -> Box<Self> {
        let mut nodes: Vec<NodeId> = group.nodes();
        nodes.sort_unstable();
        nodes.dedup();
        let nodes =
            nodes.into_iter().map(|node| (name_of(scan, node), graph.origin(node).cloned())).collect();
        Box::new(Found { nodes, group: Some(group.clone()), ..*Found::stage(culprit, symptom) })
    }

    fn of_kernel(
        culprit: Culprit,
        symptom: impl Into<Symptom>,
        (function, lowered): (&Function, &Lowered),
        group: usize,
    ) -> Box<Self> {
        let body = lowered.body_of[group].map(|body| &lowered.plan.bodies[body]);
        let graph = lowered.graph(function, group);
        let found =
            Found::of_group(culprit, symptom, graph, &lowered.groups[group], body.map(|body| body.scan));
        Box::new(Found { body: body.map(|body| body.function.clone()), ..*found })
    }
}

impl Trial<'_> {
    /// The first stage that is wrong with this function.
    pub fn first(&self, function: &Function, environment: &Environment) -> Option<Box<Found>> {
        self.check(function, environment).err()
    }

    /// The relative error of each tensor that a kernel of this function writes, with the part of the network that it is of.
    pub fn check(&self, function: &Function, environment: &Environment) -> Checked<Vec<(String, f64)>> {
        self.check_groups(function)?;
        let module = case(self.states, function.clone());
        let state = plan_state(&module, self.target);
        let lowered = self.lower(function, &state)?;
        let record = nodes::run(&lowered, function, environment, self.batch);
        let record = record.map_err(|WrongKernel { group, symptom }| {
            Found::of_kernel(Culprit::Kernel, symptom, (function, &lowered), group)
        })?;
        let checked = caught(|| arena::check(&lowered, function, &state, &record, self.batch));
        flat(checked).map_err(|symptom| Found::stage(Culprit::Plan, symptom))?;
        let whole = Lowering { module: &module, state: &state, lowered: &lowered, record: &record };
        self.check_code(function, whole, environment)?;
        let of_part = |&(group, node, relative): &(usize, NodeId, f64)| {
            let origin = lowered.graph(function, group).origin(node);
            let part = origin.map_or_else(|| "unknown".to_owned(), |origin| origin.part.to_string());
            (part, relative)
        };
        Ok(record.errors.iter().map(of_part).collect())
    }

    fn check_groups(&self, function: &Function) -> Checked<()> {
        let groups = caught(|| (self.stages.fuse)(function, self.target));
        let groups = failed(groups).map_err(|symptom| Found::stage(Culprit::Fusion, symptom))?;
        let graph = &function.graph;
        fusion::check(function, &groups).map_err(|(group, symptom)| match group {
            Some(group) => Found::of_group(Culprit::Fusion, symptom, graph, &groups[group], None),
            None => Found::stage(Culprit::Fusion, symptom),
        })?;
        for group in &groups {
            caught(|| (self.stages.schedule)(graph, group, self.target))
                .map_err(|panicked| Found::of_group(Culprit::Schedule, panicked, graph, group, None))?;
        }
        Ok(())
    }

    fn lower(&self, function: &Function, state: &StatePlan) -> Checked<Lowered> {
        let lowered = caught(|| lower_by(self.stages, function, state, self.target));
        failed(lowered).map_err(|symptom| Found::stage(Culprit::Plan, symptom))
    }

    fn check_code(
        &self,
        function: &Function,
        Lowering { module, state, lowered, record }: Lowering<'_>,
        environment: &Environment,
    ) -> Checked<()> {
        let program = self.compile(function, lowered)?;
        for call in &record.calls {
            if let Some(symptom) = code::compare(lowered, &program, call, self.batch) {
                return Err(Found::of_kernel(Culprit::Code, symptom, (function, lowered), call.group));
            }
        }
        let whole = Whole { function, lowered, program: &program, states: &module.states, plan: state };
        for threads in THREADS {
            let other = whole.first_other(record, environment, self.batch, threads);
            let other = other.map_err(|error| Found::stage(Culprit::Run, Symptom::Fails(error.into())))?;
            if let Some(tensor) = other {
                return Err(Found::stage(Culprit::Run, Symptom::Run { tensor, threads }));
            }
        }
        Ok(())
    }

    /// Makes code; where that fails, of each kernel alone, to know which is at fault.
    fn compile(&self, function: &Function, lowered: &Lowered) -> Checked<Program> {
        let all = match failed(caught(|| lowered.compile())) {
            Ok(program) => return Ok(program),
            Err(symptom) => symptom,
        };
        for (group, &kernel) in lowered.kernel_of.iter().enumerate() {
            let alone = std::slice::from_ref(&lowered.kernels[kernel]);
            let code = caught(|| crate::jit::compile(&self.stages, alone, self.target.lanes));
            failed(code)
                .map_err(|symptom| Found::of_kernel(Culprit::Code, symptom, (function, lowered), group))?;
        }
        Err(Found::stage(Culprit::Code, all))
    }
}

fn flat<T, E: Into<Symptom>>(caught: Result<Result<T, E>, Panicked>) -> Result<T, Symptom> {
    caught.map_err(Symptom::from)?.map_err(E::into)
}

fn failed<T, E: Into<CompileError>>(caught: Result<Result<T, E>, Panicked>) -> Result<T, Symptom> {
    caught.map_err(Symptom::from)?.map_err(|error| Symptom::Fails(error.into()))
}

/// The nodes of a group, with what its kernel reads as inputs.
pub fn of_group(found: &Found, function: &Function) -> Option<Part> {
    let group = found.group.as_ref().filter(|_| found.body.is_none())?;
    Some(part(group, &function.graph))
}

fn part(group: &Group, graph: &Graph) -> Part {
    let reads = bindings(graph, group).into_iter().filter(|binding| !binding.is_write());
    let reads = reads.map(|binding| storage(graph, binding.node()));
    let is_outside = |node: &NodeId| !group.members.contains_key(node) && can_cut(graph, *node);
    let results = group.outputs.iter().enumerate();
    let results = results.map(|(index, &output)| (format!("result{index}"), output));
    Part { results: results.collect(), updates: Vec::new(), cut: reads.filter(is_outside).collect() }
}

/// The same for a kernel of a loop's body, as a function without a loop, if that is wrong in the same way.
pub fn of_body(
    trial: &Trial<'_>,
    found: &Found,
    fails: &dyn Fn(&Function, &Environment) -> bool,
) -> Option<Module> {
    let (body, group) = (found.body.as_ref()?, found.group.as_ref()?);
    let graph = &body.graph;
    let mut part = part(group, graph);
    // States are carries there, which no module declares.
    part.cut.extend(graph.ids().filter(|&id| matches!(graph.op(id), Op::State(_)) && is_leaf(graph, id)));
    let case = case(trial.states, part.build(body));
    let environment = made_up::made_up(&case, trial.batch, made_up::SEED);
    fails(&case.functions[0], &environment).then_some(case)
}
