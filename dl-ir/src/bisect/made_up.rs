//! Made-up values for the inputs and states of a module.

use crate::graph::Graph;
use crate::interp::{self, Environment};
use crate::module::{Init, Module, StateDecl};
use crate::ops::Op;
use crate::types::{DType, TensorType};
use crate::value::Value;

/// The seed of the values that cases are tried with.
pub const SEED: u64 = 0;

/// Integers are below this where they name no row of a table.
const CLASSES: usize = 2;

/// A value for each input and state, the same for one module and seed: of both signs if all nodes are finite then, else positive ones. States
/// that begin as a number are near it, and on the side of it that they move to; integers name rows of the smallest table.
pub fn made_up(module: &Module, batch: usize, seed: u64) -> Environment {
    let of = |signs| Made { module, batch, seed, signs }.environment();
    let both = of(Signs::Both);
    if is_finite(module, &both, batch) { both } else { of(Signs::Positive) }
}

fn is_finite(module: &Module, environment: &Environment, batch: usize) -> bool {
    let values =
        module.functions.iter().flat_map(|function| interp::values(&function.graph, environment, batch));
    values.flatten().all(|value| value.data.iter().all(|element| element.is_finite()))
}

#[derive(Clone, Copy)]
enum Signs {
    Both,
    Positive,
}

struct Made<'m> {
    module: &'m Module,
    batch: usize,
    seed: u64,
    signs: Signs,
}

impl Made<'_> {
    fn environment(&self) -> Environment {
        let mut environment = Environment::new();
        let bound = self.rows();
        for graph in self.module.functions.iter().map(|function| &function.graph) {
            for id in graph.ids() {
                let Op::Input(input) = graph.op(id) else { continue };
                let value = || match input.ty.dtype {
                    DType::F32 => self.value(&input.name, &input.ty, |unit| self.signed(unit)),
                    _ => self.value(&input.name, &input.ty, |unit| (unit * bound as f64).floor()),
                };
                environment.entry(input.name.clone()).or_insert_with(value);
            }
        }
        let states = self.module.states.iter().map(|state| (state.name.clone(), self.state(state)));
        environment.extend(states);
        environment
    }

    fn state(&self, state: &StateDecl) -> Value {
        let StateDecl { name, ty, init, .. } = state;
        match *init {
            Init::Seed { word } => self.value(name, ty, |_| (self.seed >> (32 * word)) as u32 as i32 as f64),
            Init::Constant(number) if ty.dtype != DType::F32 => self.value(name, ty, |_| number),
            // Means of squares are not negative, and powers of a rate below 1 not above it.
            Init::Constant(0.0) => self.value(name, ty, |unit| 0.25 * unit),
            Init::Constant(number) => self.value(name, ty, |unit| number * (1.0 - 0.25 * unit)),
            _ => {
                let fan_in = ty.shape.at(1).first().copied().unwrap_or(1).max(1);
                let scale = (3.0 / fan_in as f64).sqrt().min(1.0);
                self.value(name, ty, |unit| scale * (2.0 * unit - 1.0))
            }
        }
    }

    fn signed(&self, unit: f64) -> f64 {
        match self.signs {
            Signs::Both => 2.0 * unit - 1.0,
            Signs::Positive => 0.25 + unit,
        }
    }

    /// Numbers of single precision, made of others from 0 to below 1.
    fn value(&self, name: &str, ty: &TensorType, of: impl Fn(f64) -> f64) -> Value {
        let start = name.bytes().fold(self.seed, |hash, byte| mix(hash ^ u64::from(byte)));
        let mut element = 0;
        Value::from_fn(ty, self.batch, |_| {
            element += 1;
            let unit = (mix(start.wrapping_add(element)) >> 40) as f64 / (1u64 << 24) as f64;
            f64::from(of(unit) as f32)
        })
    }

    /// The rows of the smallest table that rows are taken from or added to; few, if there is none.
    fn rows(&self) -> usize {
        let graphs = self.module.functions.iter().map(|function| &function.graph);
        graphs.filter_map(smallest_table).min().unwrap_or(CLASSES)
    }
}

fn smallest_table(graph: &Graph) -> Option<usize> {
    let rows = graph.ids().filter_map(|id| match graph.op(id) {
        Op::Gather(_) | Op::ScatterAdd(_) => {
            let table = graph.operands(id)[0];
            graph.tensor(table).shape.dims().first()?.as_static()
        }
        Op::Scan(scan) => smallest_table(&scan.body.graph),
        _ => None,
    });
    rows.min()
}

/// A step of splitmix64.
fn mix(state: u64) -> u64 {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build;
    use crate::network::Network;

    fn module(text: &str) -> Module {
        let network = Network::parse(text).unwrap();
        build::module(&network, &network.target_types()[0])
    }

    #[test]
    fn values_are_fixed_finite_and_of_single_precision() {
        let module =
            module("< input(4), embedding(9, 6), flatten, dense(24, 3, softmax) >, optimizer = adam");
        let environment = made_up(&module, 5, 1);
        assert_eq!(environment, made_up(&module, 5, 1));
        assert_ne!(environment, made_up(&module, 5, 2));
        let elements = || environment.values().flat_map(|value| &value.data);
        assert!(elements().all(|&element| element.is_finite() && f64::from(element as f32) == element));
        assert!(elements().any(|&element| element < 0.0));
        let tokens = &environment["x"].data;
        assert!(
            tokens.iter().all(|token| (0.0..9.0).contains(token)) && tokens.iter().any(|&token| token > 1.0)
        );
        assert!(environment["adam.v.dense0.bias"].data.iter().all(|&mean| mean >= 0.0));
        assert!(is_finite(&module, &environment, 5));
    }

    #[test]
    fn what_has_a_logarithm_is_given_positive_numbers() {
        let text = "dl 1\nfunction f {\n  %0 = input {name=\"a\"} : f32[B]\n  %1 = log %0 : f32[B]\n  return b = %1\n}\n";
        let environment = made_up(&crate::text::parse(text).unwrap(), 9, 0);
        assert!(environment["a"].data.iter().all(|&element| element > 0.0));
    }
}
