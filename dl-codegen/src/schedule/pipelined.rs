//! Tiles of a product whose epilogue is computed during the sum of the tile after.
//!
//! Optimizers' updates divide, and a processor does one division after the other. While an epilogue waits for them, multipliers could add
//! up the next tile, but more instructions lie between than a processor looks ahead. So one program goes through both at once: with
//! each of the first terms of its own sum it computes a vector of the epilogue of the tile before, whose sums that has left in
//! memory. This takes registers beside those of the sum, which only vectors of 512 bits come with.

use dl_ir::ops::Op;

use super::KernelBuilder;
use super::contract::{Contract, FIRST_ROW};
use super::evaluate::{Along, Evaluator, Place};
use super::operands::{Binding, extent};
use super::tile::{Sum, TileOf};
use crate::fuse::Class;
use crate::fuse::chunks::goes_on_elementwise;
use crate::kernel::{Arg, Index, Stmt, Term};
use crate::vector::{Count, Program, Value};

impl TileOf<'_> {
    /// Whether epilogues are computed later: they divide, there are tiles for it, and all that is read and written lies as the result
    /// does, so that a tile of it is one stretch of memory.
    pub fn is_pipelined(&self) -> bool {
        let divides = |(&member, &class)| {
            class == Class::Full && matches!(self.graph.op(member), Op::Div(_) | Op::Sqrt(_))
        };
        let (height, _) = self.target.matmul_tile();
        self.target.has_registers_for_two()
            && self.product.m.as_static().is_some_and(|rows| rows >= 2 * height)
            && self.group.members.iter().any(divides)
            && goes_on_elementwise(self.graph, self.group, self.node)
    }

    /// The vectors of a whole tile: the terms beside which an epilogue is computed.
    fn n_vectors(&self) -> usize {
        let (height, vectors) = self.target.matmul_tile();
        height * vectors
    }

    /// The program that adds up the terms of a tile and leaves the sums in memory. All programs here take the bindings, then how many
    /// terms are gone through without an epilogue beside them.
    fn first(&self) -> Program {
        let mut e = self.evaluator(self.target.tile_width());
        let zeros = self.zeros(&mut e);
        self.finish(e, 0, zeros)
    }

    /// The same, beside the epilogue of the tile before.
    fn next(&self) -> Program {
        let mut e = self.evaluator(self.target.tile_width());
        let zeros = self.zeros(&mut e);
        let n_vectors = self.n_vectors();
        let sums = self.beside_epilogue(&mut e, zeros, |e, sums| self.add(e, 0, &sums));
        self.finish(e, n_vectors, sums)
    }

    /// The program of an epilogue alone.
    fn last(&self) -> Program {
        let mut e = self.evaluator(self.target.tile_width());
        e.b.arg();
        self.beside_epilogue(&mut e, Vec::new(), |_, none| none);
        e.b.finish()
    }

    fn zeros(&self, e: &mut Evaluator<'_>) -> Vec<Value> {
        vec![e.b.f32(0.0); self.n_vectors()]
    }

    /// A loop over the vectors of the epilogue; `beside` takes the carried values from one to the next.
    fn beside_epilogue(
        &self,
        e: &mut Evaluator<'_>,
        carried: Vec<Value>,
        beside: impl Fn(&mut Evaluator<'_>, Vec<Value>) -> Vec<Value>,
    ) -> Vec<Value> {
        let here = Place::default();
        let carried = e.b.begin_loop(Count::Static(self.n_vectors() as u32), &carried);
        e.enter_loop(Along::Columns(self.target.lanes.count()), None);
        let sum = e.partial(Binding::Sums(self.node), here);
        e.set(self.node, Class::Full, here, sum);
        let next = beside(e, carried);
        for &output in &self.group.outputs {
            e.write(output, Class::Full, here);
        }
        e.leave_loop();
        e.b.end_loop(&next)
    }

    /// The sums with the terms from `done` on, left in memory.
    fn finish(&self, mut e: Evaluator<'_>, done: usize, sums: Vec<Value>) -> Program {
        let left = Count::Arg(e.b.arg());
        let carried = e.b.begin_loop(left, &sums);
        let next = self.add(&mut e, done, &carried);
        let sums = e.b.end_loop(&next);
        let (_, vectors) = self.target.matmul_tile();
        for (i, sum) in sums.into_iter().enumerate() {
            let place = Place { row: i / vectors, vector: i % vectors, part: 0 };
            e.write_partial(Binding::Sums(self.node), place, sum);
        }
        e.b.finish()
    }

    /// The sums with the open loop's term of those from `done` on.
    fn add(&self, e: &mut Evaluator<'_>, done: usize, sums: &[Value]) -> Vec<Value> {
        let inner = self.product.inner_term();
        let steps = (inner.left.fixed, inner.right.fixed);
        let first = (done as i64 * steps.0, done as i64 * steps.1);
        self.add_term(e, first, steps, self.target.matmul_tile().0, sums)
    }
}

impl Contract<'_> {
    /// The tiles of a whole panel: one after the other, each beside the epilogue of the one before, where there are terms enough for that.
    pub fn pipeline(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let cols = self.tile.target.tile_width();
        let n_vectors = Index::constant(self.tile.n_vectors() as i64);
        let (one, terms) = (Index::constant(1), Index::extent(extent(self.tile.product.k)));
        let is_fewer = vec![n_vectors.clone(), terms.clone().plus(one.clone())];
        let is_enough = vec![terms.clone().plus(one.clone()), n_vectors.clone().plus(one)];
        let var = self.block_var() + 2;
        let (simple, pipelined) = (self.zero_based_tiles(kernel, cols), self.pipelined_tiles(kernel));
        // Loops that run once or not at all.
        let simple = kernel.nested(var, terms, is_fewer, [(1, simple)]);
        let pipelined = kernel.nested(var, n_vectors, is_enough, [(1, pipelined)]);
        vec![simple, pipelined]
    }

    fn pipelined_tiles(&self, kernel: &mut KernelBuilder) -> Vec<Stmt> {
        let (height, _) = self.tile.target.matmul_tile();
        let rows = self.tile.product.m.as_static().expect("checked where terms were found to be in blocks");
        let whole = rows / height * height;
        let at = |row: usize| Index::constant(row as i64);
        let cols = self.tile.target.tile_width();

        let first = self.stage(kernel, self.tile.first(), 0, &at(0), &at(0));
        let row = Index::term(Term::Var(FIRST_ROW), 1);
        let before = row.clone().minus(&at(height));
        let next = self.stage(kernel, self.tile.next(), self.tile.n_vectors(), &row, &before);
        let next = kernel.nested(FIRST_ROW, at(height), vec![at(whole)], [(height, vec![next])]);
        let last = self.stage(kernel, self.tile.last(), 0, &at(0), &at(whole - height));
        // Tiles that are less high are done by themselves.
        let lower = self.heights(cols).into_iter().filter(|&lower| lower < height);
        let lower: Vec<_> =
            lower.map(|lower| (lower, vec![self.tile(kernel, (lower, cols), Sum::Whole)])).collect();
        let lower = kernel.nested(FIRST_ROW, at(whole), vec![at(rows)], lower);
        vec![first, next, last, lower]
    }

    /// A run of a program whose sum begins at one row, and whose epilogue at another.
    fn stage(
        &self,
        kernel: &mut KernelBuilder,
        program: Program,
        done: usize,
        sum_row: &Index,
        epilogue_row: &Index,
    ) -> Stmt {
        let program = kernel.program(program);
        let mut args = self.args(Sum::OnlyBlock);
        for (arg, binding) in args.iter_mut().zip(self.tile.bindings) {
            let is_of_sum = matches!(binding, Binding::Left(_) | Binding::Right(_)) || binding.is_beside();
            let row = if is_of_sum { sum_row } else { epilogue_row };
            *arg = arg.clone().map_offset(|offset| offset.with_var(FIRST_ROW, row));
        }
        if let Some(Arg::Count(terms)) = args.last_mut() {
            terms.iter_mut().for_each(|terms| terms.constant -= done as i64);
        }
        Stmt::Run { program, args }
    }
}

#[cfg(test)]
mod tests {
    use dl_ir::network::Network;
    use dl_ir::{build, passes};

    use crate::compile::lower;
    use crate::plan::plan_state;
    use crate::target::Target;
    use crate::vector::{Inst, Lanes, Op, Section};

    /// Whether a loop of a training step both adds up and divides.
    fn is_pipelined(network: &str, lanes: Lanes) -> bool {
        let network = Network::parse(network).expect("a valid network");
        let module = build::module(&network, &network.target_types()[0]);
        let module = passes::optimize(module, |_, _| ()).expect("passes keep functions valid");
        let (function, target) = (module.function("train_step").expect("networks have it"), Target { lanes });
        let lowered = lower(function, &plan_state(&module, target), target).expect("there are kernels");
        let sections =
            lowered.kernels.iter().flat_map(|kernel| &kernel.programs).flat_map(|program| &program.sections);
        let has = |body: &[Inst], is_it: fn(&Op) -> bool| body.iter().any(|inst| is_it(&inst.op));
        sections.into_iter().any(|section| match section {
            Section::Loop(counted) => {
                has(&counted.body, |op| matches!(op, Op::Fma(..)))
                    && has(&counted.body, |op| matches!(op, Op::Div(..)))
            }
            Section::Straight(_) => false,
        })
    }

    #[test]
    fn updates_that_divide_are_beside_sums_where_registers_are_many() {
        let layer = "< dense(24, 128) >, optimizer =";
        assert!(is_pipelined(&format!("{layer} adam"), Lanes::L16));
        assert!(is_pipelined(&format!("{layer} rmsprop(lr = 0.001)"), Lanes::L16));
        assert!(!is_pipelined(&format!("{layer} adam"), Lanes::L8));
        assert!(!is_pipelined(&format!("{layer} sgd(lr = 0.1, momentum = 0.9)"), Lanes::L16));
        assert!(!is_pipelined("< dense(23, 128) >, optimizer = adam", Lanes::L16), "too few rows for blocks");
        assert!(
            !is_pipelined("< dense(24, 127) >, optimizer = adam", Lanes::L16),
            "too few columns for blocks"
        );
    }
}
