//! What a training step takes at least on this machine.

use dl::{Function, inspect};
use dl_codegen::jit::host_lanes;
use dl_codegen::limits::{DividerLimits, Limits};
use dl_codegen::target::Target;
use dl_ir::graph::Graph;
use dl_ir::network::Network;
use dl_ir::ops::Op;
use serde::Deserialize;

use super::cases::Case;
use super::report::Floor;
use crate::process::{self, Error};

/// What a step does.
pub struct Work {
    flops: f64,
    /// Of all buffers that launches read or write.
    bytes: f64,
    divisions: f64,
    roots: f64,
    arena_bytes: usize,
}

/// What is read of `dlc profile`.
#[derive(Deserialize)]
struct Profile {
    arena_bytes: usize,
    launches: Vec<Launch>,
}

#[derive(Deserialize)]
struct Launch {
    bytes: u64,
}

impl Work {
    /// The work of a case.
    ///
    /// # Errors
    /// If dl cannot compile the network.
    pub fn of(case: &Case) -> Result<Work, Error> {
        let batch = case.batch.to_string();
        let arguments = ["profile", case.network, "--batch", &batch, "--seconds", "0", "--json"];
        let profile: Profile = process::last_line(&mut process::dlc(&arguments))?;
        let builder = dl::Builder::<dl::Network>::parse(case.network)?;
        let network: &Network = builder.network();
        let module = inspect::optimized(network, Some(Function::TrainStep))?;
        let step = &module.functions[0];
        let count = |is_counted: fn(&Op) -> bool| elements(&step.graph, case.batch, is_counted) as f64;
        Ok(Work {
            flops: inspect::flops(step, case.batch) as f64,
            bytes: profile.launches.iter().map(|launch| launch.bytes as f64).sum(),
            divisions: count(|op| matches!(op, Op::Div(_))),
            roots: count(|op| matches!(op, Op::Sqrt(_))),
            arena_bytes: profile.arena_bytes,
        })
    }

    /// The time it takes at least on so many threads, by limits that are measured now.
    ///
    /// # Errors
    /// If there is no memory to measure with.
    pub fn floor(&self, threads: usize) -> Result<Floor, Error> {
        let target = Target { lanes: host_lanes() };
        let limits = Limits::measure(target, threads, self.arena_bytes)?;
        let divider = DividerLimits::measure(target, threads)?;
        Ok(Floor {
            mflop: self.flops / 1e6,
            peak_gflops: limits.flops / 1e9,
            gbytes_per_second: limits.bandwidth / 1e9,
            flops_us: 1e6 * self.flops / limits.flops,
            bytes_us: 1e6 * self.bytes / limits.bandwidth,
            divider_us: 1e6 * (self.divisions / divider.divisions + self.roots / divider.roots),
        })
    }
}

/// The elements that such ops compute; in a scan once for each step.
fn elements(graph: &Graph, batch: usize, is_counted: fn(&Op) -> bool) -> u64 {
    let of_node = |id| match graph.op(id) {
        Op::Scan(scan) => elements(&scan.body.graph, batch, is_counted) * scan.length as u64,
        op if is_counted(op) => {
            graph.tensor(id).shape.at(batch).into_iter().map(|size| size as u64).product()
        }
        _ => 0,
    };
    graph.ids().map(of_node).sum()
}
