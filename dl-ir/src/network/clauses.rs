//! Checks what follows the layers: loss and optimizer; the budget has a file of its own.

use super::budget::BUDGET;
use super::check::Checker;
use crate::arguments::resolve;
use crate::diagnostics::{Diagnostic, NetworkError, What};
use crate::layers::CheckedLayer;
use crate::losses::{self, LossRule};
use crate::optimizers::{self, Optimizer};
use crate::syntax::ast;

/// The value of each clause that is given.
#[derive(Default)]
pub(super) struct Clauses<'a> {
    pub(super) loss: Option<&'a ast::Value>,
    pub(super) optimizer: Option<&'a ast::Value>,
    pub(super) budget: Option<&'a ast::Value>,
}

impl Checker<'_> {
    pub(super) fn clauses<'a>(&mut self, clauses: &'a [ast::Clause]) -> Clauses<'a> {
        let mut known = Clauses::default();
        for clause in clauses {
            let slot = match clause.key.text.as_str() {
                "loss" => &mut known.loss,
                "optimizer" => &mut known.optimizer,
                BUDGET => &mut known.budget,
                _ => {
                    let (found, span) = (clause.key.text.clone(), clause.key.span);
                    self.unknown(What::Clause, found, span, vec!["loss", "optimizer", BUDGET]);
                    continue;
                }
            };
            match *slot {
                None => *slot = Some(&clause.value),
                Some(first) => {
                    let error = NetworkError::DuplicateKey { key: clause.key.text.clone() };
                    let cause = (first.span, format!("`{}` has this value already", clause.key.text));
                    self.diagnostics.push(Diagnostic::new(error, clause.key.span).with_cause(cause));
                }
            }
        }
        known
    }

    /// The loss of the clause, or the one that follows from the last layer.
    pub(super) fn loss(
        &mut self,
        clause: Option<&ast::Value>,
        last: Option<&CheckedLayer>,
        written: Option<&ast::Layer>,
    ) -> Option<&'static dyn LossRule> {
        let activation = last.and_then(CheckedLayer::activation).map(|activation| activation.name);
        let Some(clause) = clause else {
            return losses::find(match activation {
                Some("softmax") => "cross_entropy",
                Some("sigmoid") => "binary_cross_entropy",
                _ => "mse",
            });
        };
        let known = losses::rules().map(LossRule::name).collect();
        let call = self.named(What::Loss, clause)?;
        let Some(rule) = losses::find(&call.name.text) else {
            self.unknown(What::Loss, call.name.text, call.name.span, known);
            return None;
        };
        resolve(rule.name(), &[], &call, self.diagnostics)?;
        self.check_trailing(rule, clause, last.zip(written), activation);
        Some(rule)
    }

    /// A loss that is computed from the value before an activation needs that activation.
    fn check_trailing(
        &mut self,
        rule: &dyn LossRule,
        clause: &ast::Value,
        last: Option<(&CheckedLayer, &ast::Layer)>,
        activation: Option<&str>,
    ) {
        // Without a last layer there is a mistake in it, and this may follow from that one.
        let (Some(needed), Some((_, written))) = (rule.needs(), last) else { return };
        if activation != Some(needed) {
            let error = NetworkError::LossNeedsActivation { loss: rule.name(), needed };
            let cause = (clause.span, format!("`{}` needs {needed}", rule.name()));
            self.diagnostics.push(Diagnostic::new(error, written.call.span).with_cause(cause));
        }
    }

    pub(super) fn optimizer(&mut self, clause: Option<&ast::Value>) -> Option<Optimizer> {
        let default = Optimizer::default_adam();
        let Some(clause) = clause else { return Some(default) };
        let call = self.named(What::Optimizer, clause)?;
        let Some(rule) = optimizers::find(&call.name.text) else {
            let known = optimizers::rules().map(optimizers::OptimizerRule::name).collect();
            self.unknown(What::Optimizer, call.name.text, call.name.span, known);
            return None;
        };
        if call.args.is_none() && rule.name() == default.name() {
            return Some(default);
        }
        let arguments = resolve(rule.name(), rule.signature(), &call, self.diagnostics)?.arguments;
        Some(Optimizer { rule, arguments })
    }

    /// A value that is a name, with or without arguments.
    fn named(&mut self, what: What, value: &ast::Value) -> Option<ast::Call> {
        match &value.kind {
            ast::ValueKind::Call(call) => Some(call.clone()),
            ast::ValueKind::Name(name) => {
                let name = ast::Word { text: name.clone(), span: value.span };
                Some(ast::Call { name, args: None, span: value.span })
            }
            _ => {
                let expected = match what {
                    What::Loss => "the name of a loss",
                    _ => "the name of an optimizer",
                };
                self.error(NetworkError::Expected { expected, found: value.kind.describe() }, value.span);
                None
            }
        }
    }
}
