//! What a network may cost at most: `budget(parameters = 110_000, flops = 220_000)`.

use std::fmt;

use super::Network;
use super::check::Checker;
use crate::build::{self, declarations};
use crate::diagnostics::{Diagnostic, NetworkError, suggest};
use crate::flops::{flops, flops_by_layer};
use crate::layers::CheckedLayer;
use crate::module::Module;
use crate::passes;
use crate::syntax::ast;

/// The name of the clause.
pub(super) const BUDGET: &str = "budget";

/// The examples in a batch for which `arena` is meant, where it says nothing else.
pub const DEFAULT_BATCH: u64 = 32;

/// How many layers a message names.
const NAMED: usize = 3;

/// The most that a network may cost. `parameters` and `flops` are checked with the network; `arena` depends on the target, and is
/// checked where code is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Budget {
    /// Trained elements.
    pub parameters: Option<u64>,
    /// Floating-point operations of a prediction, for an example; see [`flops`](fn@crate::flops::flops).
    pub flops: Option<u64>,
    /// Bytes of memory: state, and what is in between.
    pub arena: Option<u64>,
    /// The examples in a batch for which `arena` is meant.
    pub batch: Option<u64>,
}

impl Budget {
    /// Its limits by name, in order.
    fn limits(&self) -> [(&'static str, Option<u64>); 4] {
        let Budget { parameters, flops, arena, batch } = *self;
        [("parameters", parameters), ("flops", flops), ("arena", arena), ("batch", batch)]
    }

    fn limit_mut(&mut self, name: &str) -> Option<&mut Option<u64>> {
        match name {
            "parameters" => Some(&mut self.parameters),
            "flops" => Some(&mut self.flops),
            "arena" => Some(&mut self.arena),
            "batch" => Some(&mut self.batch),
            _ => None,
        }
    }
}

/// As the clause writes it.
impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.limits().into_iter().filter_map(|(name, limit)| Some((name, limit?)));
        let given: Vec<String> = given.map(|(name, limit)| format!("{name} = {limit}")).collect();
        write!(f, "{BUDGET}({})", given.join(", "))
    }
}

impl Checker<'_> {
    /// The budget of a clause; none if there is no clause, or a mistake in it.
    pub(super) fn budget(&mut self, clause: Option<&ast::Value>) -> Option<Budget> {
        const EXPECTED: &str = "`budget(parameters = …, flops = …, arena = …, batch = …)`";
        let clause = clause?;
        let call = match &clause.kind {
            ast::ValueKind::Call(call) if call.name.text == BUDGET && !call.args().is_empty() => call,
            kind => {
                let found = kind.describe();
                self.error(NetworkError::Expected { expected: EXPECTED, found }, clause.span);
                return None;
            }
        };
        let mut budget = Budget::default();
        for arg in call.args() {
            let Some(key) = &arg.key else {
                let found = arg.value.kind.describe();
                self.error(NetworkError::Expected { expected: "`limit = number`", found }, arg.value.span);
                continue;
            };
            let Some(limit) = budget.limit_mut(&key.text) else {
                self.unknown_limit(key);
                continue;
            };
            if limit.is_some() {
                self.error(NetworkError::DuplicateKey { key: key.text.clone() }, key.span);
                continue;
            }
            match arg.value.kind {
                ast::ValueKind::Int(number @ 1..) => *limit = Some(number.unsigned_abs()),
                ref kind => {
                    let found = kind.describe();
                    let expected = "a whole number from 1";
                    self.error(NetworkError::Expected { expected, found }, arg.value.span);
                }
            }
        }
        let given = |name| call.args().iter().find(|arg| is_key(arg, name));
        if let (Some(batch), None) = (given("batch"), given("arena")) {
            let place = batch.key.as_ref().map_or(batch.value.span, |key| key.span);
            self.error(NetworkError::BatchWithoutArena, place);
        }
        Some(budget)
    }

    fn unknown_limit(&mut self, key: &ast::Word) {
        let known: Vec<&'static str> = Budget::default().limits().into_iter().map(|(name, _)| name).collect();
        let (found, suggestion) = (key.text.clone(), suggest(&key.text, &known));
        self.error(NetworkError::UnknownKey { callee: BUDGET, found, suggestion, known }, key.span);
    }

    /// Checks a network that has no other mistake against its budget.
    pub(super) fn check_budget(&mut self, network: &Network, clause: &ast::Value, written: &ast::Layers) {
        let Some(budget) = network.budget else { return };
        if let Some(limit) = budget.parameters {
            let of_layer = |layer: &CheckedLayer| super::n_parameters(layer) as u64;
            let costs: Vec<u64> = network.layers.iter().map(of_layer).collect();
            self.check_limit("parameters", limit, costs.iter().sum(), &costs, (network, clause, written));
        }
        if let Some(limit) = budget.flops {
            let (found, costs) = flops_of_prediction(network);
            self.check_limit("flops", limit, found, &costs, (network, clause, written));
        }
    }

    fn check_limit(
        &mut self,
        limit: &'static str,
        most: u64,
        found: u64,
        costs: &[u64],
        (network, clause, written): (&Network, &ast::Value, &ast::Layers),
    ) {
        if found <= most {
            return;
        }
        let mut by_cost: Vec<usize> = (0..costs.len()).filter(|&index| costs[index] > 0).collect();
        by_cost.sort_by_key(|&index| std::cmp::Reverse(costs[index]));
        let name = |index: usize| (network.layers[index].name.clone(), costs[index]);
        let layers = by_cost.iter().take(NAMED).map(|&index| name(index)).collect();
        let diagnostic =
            Diagnostic::new(NetworkError::OverBudget { limit, most, found, layers }, place(clause, limit));
        let costliest = by_cost.first().and_then(|&index| {
            let layer = written.layers[index].as_ref()?;
            Some((layer.call.span, format!("`{}` has {} of them", network.layers[index].name, costs[index])))
        });
        self.diagnostics.push(match costliest {
            Some(cause) => diagnostic.with_cause(cause),
            None => diagnostic,
        });
    }
}

/// Where a limit stands.
fn place(clause: &ast::Value, limit: &str) -> proc_macro2::Span {
    let ast::ValueKind::Call(call) = &clause.kind else { return clause.span };
    call.args().iter().find(|arg| is_key(arg, limit)).map_or(clause.span, |arg| arg.value.span)
}

fn is_key(arg: &ast::Arg, name: &str) -> bool {
    arg.key.as_ref().is_some_and(|key| key.text == name)
}

/// The floating-point operations of a prediction for an example, and those of each layer with what is inside of it. What passes save is
/// not counted.
fn flops_of_prediction(network: &Network) -> (u64, Vec<u64>) {
    let function =
        build::function(network, &network.target_types()[0], "predict").expect("all networks predict");
    let module = Module { functions: vec![function], ..declarations(network) };
    let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
    let (predict, batch) = (&module.functions[0], 1);
    let of_layers = flops_by_layer(predict, batch);
    let sum = |layer: &CheckedLayer| -> u64 {
        let layers = layer.flattened();
        layers.into_iter().filter_map(|layer| of_layers.get(&layer.name)).sum()
    };
    (flops(predict, batch), network.layers.iter().map(sum).collect())
}
