//! A network under test, and values for its inputs and states.

use dl_codegen::compile::{Lowered, lower};
use dl_codegen::jit::missing_features;
use dl_codegen::plan::{BATCH_SIZE, plan_state};
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::interp::Environment;
use dl_ir::module::{Function, Module};
use dl_ir::network::Network;
use dl_ir::ops::Op;
use dl_ir::types::{DType, Shape, TensorType};
use dl_ir::value::Value;
use dl_ir::{build, passes};
use dl_runtime::machine::{Call, Machine, ProgramId};
use dl_runtime::program::{Element, StatePlan};

use crate::random::Random;

/// Every width that this CPU has; those left out are named on standard error.
pub fn widths() -> impl Iterator<Item = Lanes> {
    [Lanes::L4, Lanes::L8, Lanes::L16].into_iter().filter(|&lanes| {
        let present = missing_features(lanes).is_empty();
        if !present {
            eprintln!("skipped: this CPU has no {} lanes", lanes.count());
        }
        present
    })
}

/// A network, optimised for one kind of targets.
pub struct Subject {
    pub text: String,
    pub module: Module,
    /// Integer targets are below this.
    classes: usize,
    /// Integer examples are below this.
    vocabulary: usize,
}

impl Subject {
    /// The network of this text, one for each kind of targets that its loss takes.
    pub fn all(text: &str) -> Vec<Subject> {
        let network = Network::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let of_target = |target: &TensorType| {
            let module = passes::optimize(build::module(&network, target), |_, _| ());
            let module = module.expect("passes keep functions valid");
            let classes = *network.output_shape().last().expect("outputs have axes");
            let vocabulary = network.vocabulary().unwrap_or(0);
            Subject { text: text.to_owned(), module, classes, vocabulary }
        };
        network.target_types().iter().map(of_target).collect()
    }

    /// Where its state lies.
    pub fn state(&self, lanes: Lanes) -> StatePlan {
        plan_state(&self.module, Target { lanes })
    }

    /// A function, on its way to code of this width.
    pub fn lower(&self, function: &Function, lanes: Lanes) -> Lowered {
        let lowered = lower(function, &self.state(lanes), Target { lanes });
        lowered.unwrap_or_else(|error| panic!("{}: {error}", self.text))
    }

    /// A machine with this function alone.
    pub fn machine(&self, lowered: &Lowered) -> (Machine, ProgramId) {
        let mut machine = Machine::new(self.state(lowered.target.lanes), 1).expect("memory");
        let id = lowered.load(&mut machine).expect("code");
        (machine, id)
    }

    /// Inputs and states, and the batch size under its name.
    pub fn environment(&self, batch: usize, random: &mut Random) -> Environment {
        let mut environment = Environment::new();
        for function in &self.module.functions {
            for id in function.graph.ids() {
                if let Op::Input(input) = function.graph.op(id) {
                    let bound = if input.name == "x" { self.vocabulary } else { self.classes };
                    let value = || random.tensor(&input.ty, batch, bound);
                    environment.entry(input.name.clone()).or_insert_with(value);
                }
            }
        }
        // As that of a mean over the batch: sums of cotangents that cancel out leave rounding no larger than the gradients of a loss.
        if let Some(dy) = environment.get_mut("dy") {
            *dy = dy.map(|v| f64::from((v / batch as f64) as f32));
        }
        for state in &self.module.states {
            let shape = state.ty.shape.at(1);
            let value = random.tensor(&state.ty, 1, 1);
            // Running means of squares, variances, corrections and the learning rate are positive.
            let positive = [".v.", ".sum.", ".running_var"].iter().any(|part| state.name.contains(part))
                || shape.is_empty();
            let value = match shape.as_slice() {
                _ if state.ty.dtype == DType::I32 => {
                    Value::from_fn(&state.ty, 1, |_| f64::from(random.word()))
                }
                _ if positive => value.map(|v| f64::from((v.abs() + 0.1) as f32)),
                // Values keep their size from layer to layer.
                [fan_in, _] => value.map(|v| f64::from((v * (3.0 / *fan_in as f64).sqrt()) as f32)),
                _ => value,
            };
            environment.insert(state.name.clone(), value);
        }
        let count = Value::from_fn(&TensorType::f32(Shape::scalar()), 1, |_| batch as f64);
        environment.insert(BATCH_SIZE.to_owned(), count);
        environment
    }

    /// Sets all state.
    pub fn set_state(&self, machine: &mut Machine, environment: &Environment) {
        for (slot, declared) in self.module.states.iter().enumerate() {
            let data = &environment[&declared.name].data;
            let set = match declared.ty.dtype {
                DType::I32 => machine.set_state(slot, &data.iter().map(|&v| v as i32).collect::<Vec<_>>()),
                _ => machine.set_state(slot, &data.iter().map(|&v| v as f32).collect::<Vec<_>>()),
            };
            set.expect("as many elements as declared");
        }
    }
}

/// The words of a state in its plain form.
pub fn state_words(machine: &Machine, slot: usize) -> Vec<u32> {
    match machine.state_plan().slots[slot].element {
        Element::F32 => machine.state::<f32>(slot).into_iter().map(f32::to_bits).collect(),
        Element::I32 => machine.state::<i32>(slot).into_iter().map(|word| word as u32).collect(),
    }
}

/// Fills all inputs.
pub fn fill(call: &mut Call<'_>, environment: &Environment) {
    for (name, buffer) in call.program().inputs.clone() {
        let value = &environment[&name].data;
        match call.program().buffers[buffer.0 as usize].element {
            Element::F32 => {
                let plain: Vec<f32> = value.iter().map(|&v| v as f32).collect();
                call.set_plain_input(buffer, &plain);
            }
            Element::I32 => {
                call.input::<i32>(buffer).iter_mut().zip(value).for_each(|(to, &v)| *to = v as i32);
            }
        }
    }
}
