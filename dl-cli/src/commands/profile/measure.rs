//! Runs a program on made-up data and takes its times.

use std::option;
use std::time::{Duration, Instant};

use dl_codegen::plan::BATCH_SIZE;
use dl_ir::network::Network;
use dl_runtime::data::Split;
use dl_runtime::machine::{Call, Given, Machine, ProgramId};
use dl_runtime::program::Element;
use dl_runtime::random::Stream;
use dl_runtime::tensor::{Examples, Targets};

use crate::error::Result;
use crate::made_up::made_up;

/// Batches of the same examples, each with targets of its own: with the same targets in each step, running averages would come to
/// rest, or vanish.
const BATCHES: u64 = 8;
/// Runs of one kind before those of the next.
const RUNS: usize = 16;

/// Times in seconds, each a median.
pub struct Times {
    /// A run as it is.
    pub whole: f64,
    /// Each launch of it, alone, on the threads it is worth.
    pub launches: Vec<f64>,
    /// Each launch, on one thread.
    pub on_one_thread: Vec<f64>,
}

/// A program and what it is run on.
pub struct Subject<'m> {
    machine: &'m mut Machine,
    program: ProgramId,
    batches: Vec<Split>,
    bounds: Bounds,
}

/// What integers are below.
#[derive(Clone, Copy)]
struct Bounds {
    tokens: usize,
    classes: usize,
}

impl<'m> Subject<'m> {
    /// A program that takes the inputs of a network.
    pub fn new(
        network: &Network,
        machine: &'m mut Machine,
        program: ProgramId,
        batch: usize,
    ) -> Result<Self> {
        let batches = (0..BATCHES).map(|seed| made_up(network, batch, seed)).collect::<Result<_>>()?;
        let classes = network.output_shape().last().copied().unwrap_or(1);
        let bounds = Bounds { tokens: network.vocabulary().unwrap_or(0), classes };
        Ok(Subject { machine, program, batches, bounds })
    }

    /// Measures for about so long.
    pub fn measure(&mut self, seconds: f64) -> Result<Times> {
        let (mut whole, mut launches, mut on_one_thread) = (vec![], vec![], vec![]);
        let threads = self.machine.threads();
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        while whole.is_empty() || Instant::now() < end {
            self.runs(&mut whole, |call, x| {
                let start = Instant::now();
                call.run_on(x)?;
                Ok(start.elapsed().as_secs_f64())
            })?;
            self.runs(&mut launches, one_by_one)?;
            if threads > 1 {
                self.machine.set_threads(1);
                self.runs(&mut on_one_thread, one_by_one)?;
                self.machine.set_threads(threads);
            }
        }
        let launches = medians(&launches);
        let on_one_thread = if threads > 1 { medians(&on_one_thread) } else { launches.clone() };
        Ok(Times { whole: median(whole), launches, on_one_thread })
    }

    /// Measures some runs. The first, which finds caches and threads as another kind of run has left them, does not count.
    fn runs<T>(
        &mut self,
        times: &mut Vec<T>,
        mut run: impl FnMut(&mut Call<'_>, option::IntoIter<Given<'_>>) -> Result<T>,
    ) -> Result<()> {
        for (i, batch) in self.batches.iter().cycle().take(RUNS + 1).enumerate() {
            let mut call = self.machine.call(self.program, batch.n_examples())?;
            let x = fill(&mut call, &self.batches[0], batch, self.bounds)?;
            let time = run(&mut call, x.into_iter())?;
            if i > 0 {
                times.push(time);
            }
        }
        Ok(())
    }
}

fn one_by_one(call: &mut Call<'_>, x: option::IntoIter<Given<'_>>) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    call.run_timed(x, &mut seconds)?;
    Ok(seconds)
}

/// Fills the inputs that the program has, and lends the examples where a training step would read them in place.
fn fill<'s>(
    call: &mut Call<'_>,
    examples: &'s Split,
    targets: &Split,
    bounds: Bounds,
) -> Result<Option<Given<'s>>> {
    let n = call.n();
    let (x, y) = (examples.x(), targets.y());
    let mut given = None;
    for (name, buffer) in call.program().inputs.clone() {
        let element = call.program().buffers[buffer.0 as usize].element;
        match (name.as_str(), element, x.as_reals()) {
            (BATCH_SIZE, ..) => call.input::<f32>(buffer).fill(n as f32),
            ("x", _, lent @ Some(_)) => given = Some(Given { buffer, lent, must_be_finite: false }),
            ("x", Element::I32, _) => x.write_tokens(bounds.tokens, call.input(buffer))?,
            ("x", ..) => x.write_reals(call.input(buffer))?,
            ("y", Element::F32, _) => y.write_values(call.input(buffer))?,
            ("y", Element::I32, _) => y.write_classes(bounds.classes, call.input(buffer))?,
            // Cotangents and gradients.
            _ => noise(call.input(buffer)),
        }
    }
    Ok(given)
}

/// Fills a tensor with numbers in [−1, 1).
fn noise(values: &mut [f32]) {
    let stream = Stream::new(0, 0, 0);
    for (element, value) in values.iter_mut().enumerate() {
        *value = 2.0 * stream.uniform(element as u64) - 1.0;
    }
}

/// The median of each column.
fn medians(rows: &[Vec<f64>]) -> Vec<f64> {
    let columns = rows.first().map_or(0, Vec::len);
    (0..columns).map(|column| median(rows.iter().map(|row| row[column]).collect())).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
