//! A training loop of one's own, as one would write it in NumPy: gradients from dl, the update by hand.
//! `cargo run --release --example from_scratch`

use std::collections::BTreeMap;
use std::f32::consts::PI;

use dl::network;
use ndarray::{Array2, ArrayD};

const STEPS: usize = 3000;
const LEARNING_RATE: f32 = 0.05;
const MOMENTUM: f32 = 0.9;

fn main() -> dl::Result<()> {
    // The sine on 200 points from −π to π.
    let x = Array2::from_shape_fn((200, 1), |(row, _)| PI * (row as f32 / 99.5 - 1.0));
    let y = x.mapv(f32::sin);

    let mut net = network!(< dense(1, 32, tanh), dense(32, 1) >, loss = mse).seed(1).build()?;
    let mut velocities: BTreeMap<String, ArrayD<f32>> = net
        .parameters()
        .into_iter()
        .map(|(name, parameter)| (name, ArrayD::zeros(parameter.shape())))
        .collect();

    for step in 0..STEPS {
        let grads = net.gradients(&x, &y)?;
        if step % 500 == 0 {
            println!("step {step:4}: loss {:.6}", grads.loss());
        }
        // v = μv + g, w = w − ηv
        for (name, velocity) in &mut velocities {
            *velocity *= MOMENTUM;
            *velocity += &grads[name];
            let updated = net.parameter(name)? - LEARNING_RATE * &*velocity;
            net.set_parameter(name, &updated)?;
        }
    }
    println!("loss {:.6} after {STEPS} steps", net.evaluate(&x, &y)?.loss);
    Ok(())
}
