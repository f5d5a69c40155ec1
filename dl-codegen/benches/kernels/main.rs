//! Kernels by themselves: matrix products beside the machine's peak, functions of numbers, and what it costs to start a kernel.
//!
//! `cargo bench -p dl-codegen` prints medians. Products and functions run on one thread, at every width that this CPU has.

mod subject;

use dl_codegen::jit::{host_lanes, missing_features};
use dl_codegen::limits::Limits;
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;

use subject::Subject;

/// The layers whose products are measured: batch size, inputs, outputs.
const LAYERS: [(usize, usize, usize); 3] = [(128, 784, 512), (32, 784, 128), (100, 784, 10)];
/// Arguments of a function: few enough to lie in the first cache.
const ARGUMENTS: usize = 4096;
/// Kernels of a step that does nothing but start kernels.
const EMPTY: usize = 8;
const NETWORK: &str = "< dense(784, 128, relu), dense(128, 10, softmax) >";

fn main() {
    let widths = [Lanes::L4, Lanes::L8, Lanes::L16];
    for lanes in widths.into_iter().filter(|&lanes| missing_features(lanes).is_empty()) {
        products(Target { lanes });
        functions(Target { lanes });
    }
    let target = Target { lanes: host_lanes() };
    println!("{:44}{:>10}", "starting kernels", "us");
    for threads in [1, 2] {
        let seconds = Subject::empty_kernels(target, EMPTY, threads).seconds();
        println!("{:44}{:>10.2}", format!("{EMPTY} empty kernels, threads: {threads}"), 1e6 * seconds);
    }
    let seconds = Subject::predict(target, NETWORK, 1).seconds();
    println!("{:44}{:>10.2}", "predict one example, 784-128-10", 1e6 * seconds);
}

/// The product of a layer, and those of its two gradients.
fn products(target: Target) {
    let largest = LAYERS.map(|(_, inputs, outputs)| 4 * inputs * outputs).into_iter().max().unwrap_or(0);
    let limits = Limits::measure(target, 1, largest).expect("this CPU has the width");
    let lanes = target.lanes.count();
    println!("{:44}{:>10}{:>10}{:>9}", format!("products, {lanes} lanes"), "us", "GFLOP/s", "of peak");
    println!("{:44}{:>10}{:>10.1}{:>9}", "peak", "", limits.flops / 1e9, "100 %");
    for (batch, inputs, outputs) in LAYERS {
        let row = |name: &str, (m, k, n): (usize, usize, usize), subject: Subject| {
            let seconds = subject.seconds();
            let rate = (2 * m * k * n) as f64 / seconds;
            let (name, percent) = (format!("{name} [{m}×{k}]·[{k}×{n}]"), 100.0 * rate / limits.flops);
            println!("{name:44}{:>10.2}{:>10.1}{percent:>7.0} %", 1e6 * seconds, rate / 1e9);
        };
        row("layer", (batch, inputs, outputs), Subject::product(target, batch, inputs, outputs));
        row("gradient of x", (batch, outputs, inputs), Subject::product(target, batch, outputs, inputs));
        let of_weight = Subject::transposed_product(target, batch, inputs, outputs);
        row("gradient of W", (inputs, batch, outputs), of_weight);
    }
    println!();
}

fn functions(target: Target) {
    let lanes = target.lanes.count();
    println!("{:44}{:>10}{:>13}", format!("functions, {lanes} lanes"), "us", "elements/ns");
    for op in ["exp", "tanh", "logistic"] {
        let seconds = Subject::map(target, op, ARGUMENTS).seconds();
        println!("{op:44}{:>10.2}{:>13.2}", 1e6 * seconds, ARGUMENTS as f64 / seconds / 1e9);
    }
    println!();
}
