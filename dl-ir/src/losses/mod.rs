//! Losses: one number to make small. One loss is one file and one line in the table below.
//!
//! A loss is a mean, over the batch and over what its file says. It composes ops, as layers do.

mod binary_cross_entropy;
mod cross_entropy;
mod hinge;
mod huber;
mod mae;
mod mse;

use std::fmt;

use crate::builder::Builder;
use crate::graph::NodeId;
use crate::network::Forward;
use crate::types::{DType, Shape, TensorType};

/// All losses.
static LOSSES: &[&dyn LossRule] = &[
    &binary_cross_entropy::BinaryCrossEntropy,
    &cross_entropy::CrossEntropy,
    &hinge::Hinge,
    &huber::Huber,
    &mae::Mae,
    &mse::Mse,
];

/// All losses, by their rules.
pub fn rules() -> impl Iterator<Item = &'static dyn LossRule> {
    LOSSES.iter().copied()
}

/// The loss of this name.
pub fn find(name: &str) -> Option<&'static dyn LossRule> {
    rules().find(|rule| rule.name() == name)
}

/// What every loss has to say about itself.
pub trait LossRule: Sync {
    /// Its name in network text.
    fn name(&self) -> &'static str;

    /// The activation that the network must end with.
    fn needs(&self) -> Option<&'static str> {
        None
    }

    /// The kinds of targets that it takes, the usual one first.
    fn targets(&self) -> &'static [TargetKind] {
        &[TargetKind::Values]
    }

    /// The loss, an f32 scalar, for targets `y` of one of the [`target_types`](Self::target_types).
    fn build(&self, b: &mut Builder, forward: &Forward, y: NodeId) -> NodeId;

    /// How many predictions of the batch are right, an f32 scalar; `None` if the loss knows no right and wrong.
    fn correct(&self, _: &mut Builder, _: &Forward, _: NodeId) -> Option<NodeId> {
        None
    }

    /// The integers that targets may be, where the loss gives a meaning to two only. Real numbers lie between them, or where they please.
    fn integers(&self) -> Option<[i8; 2]> {
        None
    }

    /// How many predictions an example has, for an output of this shape: accuracy is `correct` over B times that.
    fn n_predictions(&self, output: &[usize]) -> usize {
        output.iter().product()
    }

    /// The types that targets may have for an output of this shape, the usual one first.
    fn target_types(&self, output: &[usize]) -> Vec<TensorType> {
        self.targets().iter().map(|kind| kind.ty(output)).collect()
    }
}

/// A form of targets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetKind {
    /// The index of the right class along the last axis of the output: i32 of the output's shape without that axis.
    Indices,
    /// Numbers, f32 of the output's shape.
    Values,
}

impl TargetKind {
    /// The type of such targets for an output of this shape, without the batch.
    pub fn ty(self, output: &[usize]) -> TensorType {
        match (self, output) {
            (TargetKind::Indices, [outer @ .., _]) => TensorType::new(DType::I32, Shape::batched(outer)),
            _ => TensorType::f32(Shape::batched(output)),
        }
    }
}

impl fmt::Debug for dyn LossRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is one rule of each name.
impl PartialEq for dyn LossRule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// The sum of all elements.
pub(crate) fn sum_all(b: &mut Builder, x: NodeId) -> NodeId {
    let axes: Vec<usize> = (0..b.shape(x).rank()).collect();
    b.reduce_sum(x, &axes)
}

/// The sum of all elements of a tensor [B, …] over B·`per_example`: one division, of the scalar.
fn mean_over(b: &mut Builder, x: NodeId, per_example: usize) -> NodeId {
    let one = b.constant(1.0, Shape::scalar());
    let count = b.batch_size(per_example);
    let factor = b.div(one, count);
    let sum = sum_all(b, x);
    b.mul(factor, sum)
}

/// The mean over all elements of a tensor [B, …].
fn mean(b: &mut Builder, x: NodeId) -> NodeId {
    let sizes = b.shape(x).dims().iter().filter_map(|dim| dim.as_static());
    let per_example = sizes.product();
    mean_over(b, x, per_example)
}

/// The number of elements of a truth value that hold, as an f32 scalar.
fn count(b: &mut Builder, holds: NodeId) -> NodeId {
    let ones = b.convert(holds);
    sum_all(b, ones)
}
