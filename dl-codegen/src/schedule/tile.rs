//! The program of one tile of a matrix product: its sum, then the epilogue.

use dl_ir::access::Stride;
use dl_ir::graph::{Graph, NodeId};
use dl_ir::product::{Axis, Product};
use dl_ir::types::Dim;
use dl_ir::value::indices;
use dl_runtime::program::Layout;

use super::evaluate::{Evaluator, Place, Tile};
use super::nest::{Operand, in_layout};
use super::operands::Binding;
use crate::fuse::{Class, Group};
use crate::layout::Matrix;
use crate::target::Target;
use crate::vector::{Address, Count, Program, ProgramBuilder, Value};

/// Terms that are written out one after the other rather than looped over.
const UNROLLED: usize = 4;

/// So many bytes ahead tiles of some height ask for the rows of a weight: processors fetch ahead by themselves, but within a page only. Low tiles
/// read as fast as memory gives.
const AHEAD: i32 = 4096;
const ASKING_HEIGHT: usize = 4;
/// Memory comes in lines of so many bytes.
const LINE: i32 = 64;

/// What a tile adds up, and to what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sum {
    /// None: zero.
    Nothing,
    /// All terms, from zero.
    Whole,
    /// The terms of one step of the outermost loop, added to the partial sum in memory.
    Step,
    /// The terms of one block, added to the sum in memory.
    Block,
    /// The terms of the last block, and the sums in memory.
    LastBlock,
    /// The terms of the only block, and zeros in memory: what the last one's tiles do, elsewhere.
    OnlyBlock,
}

/// A tile of `height` rows and `cols` columns of a group around the product `node`.
pub struct TileOf<'g> {
    /// The graph.
    pub graph: &'g Graph,
    /// The group.
    pub group: &'g Group,
    /// The product's node.
    pub node: NodeId,
    /// The product.
    pub product: &'g Product,
    /// The group's bindings.
    pub bindings: &'g [Binding],
    /// How they lie.
    pub operands: &'g [Operand],
    /// The target.
    pub target: Target,
}

impl TileOf<'_> {
    /// The program. Its arguments are one pointer for each binding, then the count of the inner loop over terms where that depends on
    /// the batch.
    pub fn program(&self, (height, cols): (usize, usize), sum: Sum) -> Program {
        let mut e = self.evaluator(cols);
        let n_vectors = e.n_vectors();
        let columns = self.columns(n_vectors);
        let rows = 0..height;
        let places: Vec<Place> =
            rows.flat_map(|row| columns.iter().map(move |&column| Place { row, ..column })).collect();
        if self.group.parts > 1 {
            // A tile of gates reads and writes a line here and a line there: more streams than processors fetch ahead of time.
            places.iter().for_each(|&place| e.prefetch(place));
        }
        let start: Vec<Value> = match sum {
            Sum::Nothing | Sum::Whole => vec![e.b.f32(0.0); places.len()],
            Sum::Step => {
                let binding = Binding::WritePartials(self.node);
                places.iter().map(|&place| e.partial(binding, place)).collect()
            }
            Sum::Block | Sum::LastBlock | Sum::OnlyBlock => {
                let binding = Binding::Sums(self.node);
                places.iter().map(|&place| e.partial(binding, place)).collect()
            }
        };
        let inner_count = match sum {
            Sum::Block | Sum::LastBlock | Sum::OnlyBlock => Count::Arg(e.b.arg()),
            _ => self.inner_count(&mut e),
        };
        let terms = match sum {
            Sum::Nothing => &[],
            Sum::Whole | Sum::Block | Sum::LastBlock | Sum::OnlyBlock => &self.product.terms[..],
            Sum::Step => &self.product.terms[1..],
        };
        let outer = &terms[..terms.len().saturating_sub(1)];
        let mut sums = start;
        let sizes: Vec<usize> = outer.iter().map(|axis| axis.size.at(0)).collect();
        for index in indices(&sizes).filter(|_| !terms.is_empty()) {
            let along = |side: fn(&Axis) -> Stride| -> i64 {
                let steps = outer.iter().zip(&index).map(|(axis, &i)| side(axis).fixed * i as i64);
                steps.sum()
            };
            let first = (along(|axis| axis.left), along(|axis| axis.right));
            sums = self.add_terms(&mut e, first, (height, inner_count), sums);
        }
        if sum == Sum::Block {
            places
                .iter()
                .zip(sums)
                .for_each(|(&place, sum)| e.write_partial(Binding::Sums(self.node), place, sum));
            return e.b.finish();
        }
        for (&place, &sum) in places.iter().zip(&sums) {
            e.set(self.node, Class::Full, place, sum);
        }
        for &place in places.iter().filter(|place| place.part == 0) {
            for &output in &self.group.outputs {
                e.write(output, Class::Full, place);
            }
        }
        e.b.finish()
    }

    /// Columns of each part of the result.
    pub fn part(&self) -> usize {
        self.product.n / self.group.parts
    }

    /// The vectors of a row of a tile, those of each part together.
    fn columns(&self, n_vectors: usize) -> Vec<Place> {
        let parts = 0..self.group.parts;
        parts.flat_map(|part| (0..n_vectors).map(move |vector| Place { row: 0, part, vector })).collect()
    }

    /// Whether terms may be gone through in blocks.
    pub fn in_blocks(&self) -> bool {
        self.bindings.contains(&Binding::Sums(self.node))
    }

    /// The right operand as a tile reads it: packed where it is a transpose, and where terms are gone through in blocks, so that its rows do not
    /// push each other out of the cache nearest to the core.
    fn right(&self) -> Binding {
        let right = self.graph.operands(self.node)[1];
        let packed = Binding::Packed(right);
        if self.bindings.contains(&packed) { packed } else { Binding::Right(right) }
    }

    /// The program that fills sums of `rows` rows of `cols` columns with zeros.
    pub fn zero_sums(&self, rows: usize, cols: usize) -> Program {
        let mut e = self.evaluator(cols);
        let arg = e.arg(Binding::Sums(self.node));
        // The count of terms, as in all programs of this product.
        self.inner_count(&mut e);
        let zero = e.b.f32(0.0);
        e.b.begin_loop(Count::Static(rows as u32), &[]);
        for vector in 0..e.n_vectors() {
            let offset = (vector * e.b.lanes().bytes()) as i32;
            e.b.store(Address { arg, offset, step: 4 * self.target.tile_width() as i32 }, zero);
        }
        e.b.end_loop(&[]);
        e.b.finish()
    }

    /// For a tile of so many columns.
    pub fn evaluator(&self, cols: usize) -> Evaluator<'_> {
        let tile = Tile { part: self.part(), ..Tile::new(self.operands.to_vec(), cols) };
        let builder = ProgramBuilder::new(self.target.lanes);
        Evaluator::new(self.graph, self.group, self.bindings, builder, tile)
    }

    /// The program that brings `cols` columns of a block of the right operand into panels.
    pub fn pack(&self, cols: usize) -> Program {
        let mut e = self.evaluator(cols);
        let operand = self.graph.operands(self.node)[1];
        let (from, to) = (e.arg(Binding::Right(operand)), e.arg(Binding::Packed(operand)));
        let inner = self.product.inner_term();
        let count = Count::Arg(e.b.arg());
        let width = self.target.tile_width();
        let (in_row, panel) = (4 * width, 4 * width * self.operands[usize::from(to)].matrix.rows);
        e.b.begin_loop(count, &[]);
        for vector in 0..e.n_vectors() {
            let offset = vector * e.b.lanes().bytes();
            let in_panel = (offset / in_row * panel + offset % in_row) as i32;
            let count = e.count(vector);
            let step = 4 * inner.right.fixed as i32;
            let row = e.b.load_tail(Address { arg: from, offset: offset as i32, step }, count);
            e.b.store(Address { arg: to, offset: in_panel, step: in_row as i32 }, row);
        }
        e.b.end_loop(&[]);
        e.b.finish()
    }

    fn inner_count(&self, e: &mut Evaluator<'_>) -> Count {
        match self.product.inner_term().size {
            Dim::Static(n) => Count::Static(n as u32),
            Dim::Batch(_) => Count::Arg(e.b.arg()),
        }
    }

    /// The sums with the terms of one run of the inner loop added; `first` is where its first term is, in elements.
    fn add_terms(
        &self,
        e: &mut Evaluator<'_>,
        first: (i64, i64),
        (height, count): (usize, Count),
        sums: Vec<Value>,
    ) -> Vec<Value> {
        let inner = self.product.inner_term();
        let steps = (inner.left.fixed, inner.right.fixed);
        match count {
            Count::Static(n) if (n as usize) <= UNROLLED => (0..i64::from(n)).fold(sums, |sums, i| {
                let at = (first.0 + i * steps.0, first.1 + i * steps.1);
                self.add_term(e, at, (0, 0), height, &sums)
            }),
            _ => {
                let carried = e.b.begin_loop(count, &sums);
                let next = self.add_term(e, first, steps, height, &carried);
                e.b.end_loop(&next)
            }
        }
    }

    /// Whether a tile reads its right operand panel after panel, from end to end, where it lies in memory.
    fn reads_panels_on_end(&self, right: Matrix) -> bool {
        let is_in_place = matches!(self.right(), Binding::Right(_));
        is_in_place && self.product.terms.len() == 1 && matches!(right.layout, Layout::Panel { .. })
    }

    /// The sums with one term added to each, at these elements, which the open loop takes so many further.
    pub fn add_term(
        &self,
        e: &mut Evaluator<'_>,
        at: (i64, i64),
        steps: (i64, i64),
        height: usize,
        sums: &[Value],
    ) -> Vec<Value> {
        let left = Binding::Left(self.graph.operands(self.node)[0]);
        let (left, right) = (e.arg(left), e.arg(self.right()));
        let columns = self.columns(e.n_vectors());
        let bytes = |elements: i64| 4 * elements as i32;
        let matrix = self.operands[usize::from(right)].matrix;
        let of_right = |elements: i64| bytes(in_layout(Stride::fixed(elements), matrix).fixed);
        let fetches_ahead = steps.1 != 0 && height >= ASKING_HEIGHT && self.reads_panels_on_end(matrix);
        let row_of_right: Vec<Value> = columns
            .iter()
            .map(|&column| {
                let in_row = e.column_offset(right, column);
                let offset = of_right(at.1) + in_row;
                let address = Address { arg: right, offset, step: of_right(steps.1) };
                if fetches_ahead && in_row % LINE == 0 {
                    e.b.prefetch(Address { offset: offset + AHEAD, ..address });
                }
                let count = e.stored(right, column.vector);
                e.b.load_tail(address, count)
            })
            .collect();
        let row = self.operands[usize::from(left)].row;
        let mut next = Vec::with_capacity(sums.len());
        for (i, sums) in (0..height as i64).zip(sums.chunks(columns.len())) {
            let address = Address { arg: left, offset: bytes(at.0 + i * row), step: bytes(steps.0) };
            let term = e.b.broadcast(address);
            next.extend(sums.iter().zip(&row_of_right).map(|(&sum, &right)| e.b.fma(term, right, sum)));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use dl_ir::network::Network;
    use dl_ir::{build, passes};

    use super::*;
    use crate::compile::lower;
    use crate::plan::plan_state;
    use crate::vector::{Lanes, Op};

    /// How far ahead of what they load programs ask for memory, one list for each program of a prediction that adds up.
    fn asked_ahead(network: &str) -> Vec<Vec<i32>> {
        let network = Network::parse(network).expect("a valid network");
        let module = build::module(&network, &network.target_types()[0]);
        let module = passes::optimize(module, |_, _| ()).expect("passes keep functions valid");
        let (function, target) =
            (module.function("predict").expect("networks have it"), Target { lanes: Lanes::L16 });
        let lowered = lower(function, &plan_state(&module, target), target).expect("there are kernels");
        let programs = lowered.kernels.iter().flat_map(|kernel| &kernel.programs);
        let programs = programs.filter(|program| program.insts().any(|inst| matches!(inst.op, Op::Fma(..))));
        let asked = |program: &Program| {
            let asked = program.insts().filter_map(|inst| match inst.op {
                Op::Prefetch(address) => Some(address.offset),
                _ => None,
            });
            asked.collect()
        };
        programs.map(asked).collect()
    }

    #[test]
    fn tiles_of_some_height_ask_for_a_weight_a_page_ahead() {
        // Tiles of 12, 8, 4, 2 rows and 1.
        let asked = [4096, 4160].to_vec();
        assert_eq!(asked_ahead("< dense(70, 128) >"), [asked.clone(), asked.clone(), asked, vec![], vec![]]);
    }

    #[test]
    fn terms_that_are_written_out_are_not_asked_for() {
        assert!(asked_ahead("< dense(4, 128) >").into_iter().flatten().next().is_none());
    }
}
