//! `attention(d, heads, causal)`: each time step reads the others, as much as they concern it (Vaswani et al., 2017).

use super::activations::softmax;
use super::dense::{add_bias, product};
use super::recurrent::not_a_sequence;
use super::{LayerContext, LayerRule, Misfit, Parameter, init};
use crate::arguments::{ArgKind, ArgSpec, Arguments, Setting};
use crate::builder::Builder;
use crate::diagnostics::NetworkError;
use crate::graph::NodeId;
use crate::module::Init;
use crate::ops::compare::Direction;
use crate::types::{Dim, Shape};

pub(super) struct Attention;

const SIGNATURE: &[ArgSpec] = &[
    ArgSpec {
        name: "d",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "the number of features of a time step",
    },
    ArgSpec {
        name: "heads",
        kind: ArgKind::Size,
        positional: true,
        default: None,
        meaning: "among how many heads the features are divided",
    },
    ArgSpec {
        name: "causal",
        kind: ArgKind::Bool,
        positional: false,
        default: Some(Setting::Bool(false)),
        meaning: "whether a time step reads itself and earlier ones alone",
    },
    init::ARGUMENT,
];

/// A weight and a bias.
type Projection = (&'static str, &'static str);
const QUERY: Projection = ("query_weight", "query_bias");
const KEY: Projection = ("key_weight", "key_bias");
const VALUE: Projection = ("value_weight", "value_bias");
const OUTPUT: Projection = ("output_weight", "output_bias");

impl LayerRule for Attention {
    fn name(&self) -> &'static str {
        "attention"
    }

    fn signature(&self) -> &'static [ArgSpec] {
        SIGNATURE
    }

    fn input_form(&self, arguments: &Arguments) -> String {
        format!("t, {}", arguments.size("d"))
    }

    fn infer(&self, arguments: &Arguments, input: &[usize]) -> Result<Vec<usize>, Misfit> {
        let layer = || self.text(arguments);
        let (expected, heads) = (arguments.size("d"), arguments.size("heads"));
        let &[_, found] = input else {
            return Err(not_a_sequence(layer(), Some(expected), input));
        };
        if found != expected {
            let fitting = self.text(&arguments.with("d", Setting::Size(found)));
            let error = NetworkError::Features { layer: layer(), fitting, expected, found, flat_fits: false };
            return Err(Misfit { error, argument: Some("d") });
        }
        if !expected.is_multiple_of(heads) {
            let error = NetworkError::Heads { layer: layer(), features: expected, heads };
            return Err(Misfit { error, argument: Some("heads") });
        }
        Ok(input.to_vec())
    }

    /// The scores.
    fn intermediate(&self, arguments: &Arguments, input: &[usize]) -> Option<Vec<usize>> {
        Some(vec![arguments.size("heads"), input[0], input[0]])
    }

    fn parameters(&self, arguments: &Arguments) -> Vec<Parameter> {
        let d = arguments.size("d");
        let init = init::weight_init(arguments.word("init"), d, d);
        let projection = |(weight, bias): Projection| {
            [
                Parameter { suffix: weight, shape: vec![d, d], init },
                Parameter { suffix: bias, shape: vec![d], init: Init::Constant(0.0) },
            ]
        };
        [QUERY, KEY, VALUE, OUTPUT].into_iter().flat_map(projection).collect()
    }

    fn build(&self, cx: &mut LayerContext<'_>, x: NodeId) -> NodeId {
        let (heads, causal) = (cx.arguments().size("heads"), cx.arguments().flag("causal"));
        let [query, key, value] = [QUERY, KEY, VALUE].map(|names| {
            let projected = project(cx, names, x);
            divide(cx.builder, projected, heads)
        });
        let (b, width) = (&mut *cx.builder, cx.layer.input[1] / heads);
        // Letters: batch, query or key time step, head, feature of a head.
        let scores = b.einsum("bqhd,bkhd->bhqk", query, key);
        let scores = b.scale(1.0 / (width as f64).sqrt(), scores);
        let scores = if causal { without_later(b, scores) } else { scores };
        let shares = softmax(b, scores);
        let read = b.einsum("bhqk,bkhd->bqhd", shares, value);
        let joined = b.reshape(read, Shape::batched(&cx.layer.input));
        project(cx, OUTPUT, joined)
    }
}

/// xW + b on the last axis.
fn project(cx: &mut LayerContext<'_>, (weight, bias): Projection, x: NodeId) -> NodeId {
    let (weight, bias) = (cx.parameter(weight), cx.parameter(bias));
    let product = product(cx.builder, x, weight);
    add_bias(cx.builder, product, bias)
}

/// [B, t, d] as [B, t, heads, d / heads].
fn divide(b: &mut Builder, x: NodeId, heads: usize) -> NodeId {
    let mut dims = b.shape(x).dims().to_vec();
    let features = dims.pop().and_then(Dim::as_static).expect("features do not depend on the batch");
    dims.extend([Dim::Static(heads), Dim::Static(features / heads)]);
    b.reshape(x, dims.into_iter().collect())
}

/// The scores [B, heads, t, t], −∞ where the key is later than the query. A query always sees itself, so no row is −∞ alone.
fn without_later(b: &mut Builder, scores: NodeId) -> NodeId {
    let shape = b.shape(scores).clone();
    let (query, key) = (b.iota(2, shape.clone()), b.iota(3, shape));
    let seen = b.compare(Direction::Le, key, query);
    let unseen = b.constant_like(f64::NEG_INFINITY, scores);
    b.select(seen, scores, unseen)
}
