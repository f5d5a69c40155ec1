//! Which elements of each node are not zero anyway, and which of those are used.

use std::ops::Range;

use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::{Einsum, Op, Pad, Structure};
use crate::types::{Dim, Shape, Type};

/// For each axis the range of its elements; an axis of the batch is whole, from 0 to its multiple of B.
pub type Region = Vec<Range<usize>>;

/// The regions of all nodes of a function, by id.
pub struct Regions {
    /// Beyond this a node is zero.
    pub supports: Vec<Region>,
    /// What is used of a node and may differ from zero; `None` if that is nothing.
    pub computed: Vec<Option<Region>>,
}

impl Regions {
    pub fn of(function: &Function) -> Self {
        let graph = &function.graph;
        let mut regions = Regions { supports: Vec::new(), computed: vec![None; graph.n_nodes()] };
        for id in graph.ids() {
            let support = regions.support(graph, id);
            regions.supports.push(support);
        }
        let inputs = graph.ids().filter(|&id| matches!(graph.op(id), Op::Input(_)));
        for id in function.roots().chain(inputs) {
            regions.need(id, &whole_of(graph, id));
        }
        for id in graph.ids().rev() {
            let Some(region) = regions.computed[id.index()].clone() else { continue };
            let region = regions.built(graph, id, &region);
            for (position, &operand) in graph.operands(id).iter().enumerate() {
                let wanted = operand_region(graph, &regions, id, position, &region);
                regions.need(operand, &wanted);
            }
        }
        regions
    }

    /// What is computed of a node where `wanted` is used.
    pub fn built(&self, graph: &Graph, id: NodeId, wanted: &Region) -> Region {
        match graph.op(id) {
            // Added up as a whole, as far as there is anything to add.
            Op::OverlapAdd(_) => self.supports[id.index()].clone(),
            // There may be no element in what is used, zeros between elements alone.
            Op::Pad(pad) if pad.interior.iter().any(|&zeros| zeros > 0) => self.supports[id.index()].clone(),
            _ => wanted.clone(),
        }
    }

    /// Notes that `wanted` of a node is used.
    fn need(&mut self, id: NodeId, wanted: &Region) {
        if let Some(wanted) = intersection(&self.supports[id.index()], wanted) {
            let computed = &mut self.computed[id.index()];
            *computed = Some(match computed.take() {
                Some(before) => hull(&before, &wanted),
                None => wanted,
            });
        }
    }

    /// Where a node may differ from zero, given that of its operands.
    fn support(&self, graph: &Graph, id: NodeId) -> Region {
        let operands = graph.operands(id);
        let of = |position: usize| &self.supports[operands[position].index()];
        let is_zero = |position: usize| match graph.op(operands[position]) {
            Op::Constant(number) => number.value() == 0.0,
            _ => false,
        };
        let all = whole_of(graph, id);
        match graph.op(id) {
            Op::Pad(pad) => (0..all.len()).map(|axis| padded(pad, axis, &of(0)[axis])).collect(),
            Op::Neg(_) => of(0).clone(),
            Op::Add(_) | Op::Sub(_) => hull(of(0), of(1)),
            Op::Mul(_) => intersection(of(0), of(1)).unwrap_or(all),
            Op::Select(_) if is_zero(2) => of(1).clone(),
            Op::Select(_) if is_zero(1) => of(2).clone(),
            Op::Broadcast(broadcast) => {
                let mut region = all;
                broadcast.axes.iter().zip(of(0)).for_each(|(&axis, range)| region[axis] = range.clone());
                region
            }
            Op::ReduceSum(reduce) => {
                let kept = of(0).iter().enumerate().filter(|(axis, _)| !reduce.axes.contains(axis));
                kept.map(|(_, range)| range.clone()).collect()
            }
            Op::Einsum(einsum) => {
                einsum.out.iter().map(|&letter| along(einsum, letter, of(0), of(1))).collect()
            }
            Op::Windows(windows) => {
                let mut region = all;
                for (i, &axis) in windows.axes.iter().enumerate() {
                    let (size, stride, content) = (windows.sizes[i], windows.strides[i], &of(0)[axis]);
                    let first = (content.start + 1).saturating_sub(size).div_ceil(stride);
                    let end = content.end.div_ceil(stride).min(region[axis].end);
                    if first < end {
                        region[axis] = first..end;
                    }
                }
                region
            }
            Op::OverlapAdd(overlap) => overlapped(&overlap.axes, &overlap.strides, of(0)),
            _ => all,
        }
    }
}

/// What `region` of a node needs of its operand at `position`.
pub fn operand_region(
    graph: &Graph,
    regions: &Regions,
    id: NodeId,
    position: usize,
    region: &Region,
) -> Region {
    let operands = graph.operands(id);
    let support = |position: usize| &regions.supports[operands[position].index()];
    let all = whole_of(graph, operands[position]);
    match graph.op(id) {
        op if op.structure() == Structure::Map => region.clone(),
        Op::Get(_) if !all.is_empty() => region.clone(),
        Op::Broadcast(broadcast) => broadcast.axes.iter().map(|&axis| region[axis].clone()).collect(),
        Op::Slice(slice) => {
            let source = |(axis, range): (usize, &Range<usize>)| {
                let at = |index: usize| slice.start[axis] + index * slice.stride[axis];
                at(range.start)..at(range.end - 1) + 1
            };
            region.iter().enumerate().map(source).collect()
        }
        Op::Pad(pad) => (0..all.len()).map(|axis| content(pad, axis, &region[axis], all[axis].end)).collect(),
        Op::Windows(windows) => overlapped(&windows.axes, &windows.strides, region),
        Op::OverlapAdd(_) => support(0).clone(),
        Op::ReduceSum(reduce) => with_axes(&reduce.axes, region, support(0)),
        Op::ReduceMax(reduce) => with_axes(&reduce.axes, region, &all),
        Op::MaxWithIndex(reduce) => with_axes(&reduce.axes, region, &all),
        Op::Einsum(einsum) => {
            let range = |&letter: &u8| match einsum.out.iter().position(|&l| l == letter) {
                Some(axis) => region[axis].clone(),
                None => along(einsum, letter, support(0), support(1)),
            };
            [&einsum.lhs, &einsum.rhs][position].iter().map(range).collect()
        }
        _ => all,
    }
}

/// The elements of a letter that differ from zero in all operands that have it; all that one has, if they have none in common.
fn along(einsum: &Einsum, letter: u8, lhs: &Region, rhs: &Region) -> Range<usize> {
    let find = |term: &[u8], region: &Region| {
        term.iter().position(|&l| l == letter).map(|axis| region[axis].clone())
    };
    match (find(&einsum.lhs, lhs), find(&einsum.rhs, rhs)) {
        (Some(a), Some(b)) => common(&a, &b).unwrap_or(a),
        (a, b) => a.or(b).expect("every letter is in two terms"),
    }
}

/// Where a pad puts a range of its operand's elements.
fn padded(pad: &Pad, axis: usize, range: &Range<usize>) -> Range<usize> {
    let at = |index: usize| pad.low[axis] + index * (pad.interior[axis] + 1);
    at(range.start)..at(range.end - 1) + 1
}

/// The operand's elements, of `n`, that a pad puts into `range`.
fn content(pad: &Pad, axis: usize, range: &Range<usize>, n: usize) -> Range<usize> {
    let before = |index: usize| {
        let inside = index.saturating_sub(pad.low[axis]);
        inside.div_ceil(pad.interior[axis] + 1).min(n)
    };
    before(range.start)..before(range.end)
}

/// The elements that windows in `region` of all windows cover.
fn overlapped(axes: &[usize], strides: &[usize], region: &Region) -> Region {
    let (first, n) = (axes[0], axes.len());
    let covered = (0..n).map(|i| {
        let (counts, inside) = (&region[first + i], &region[first + n + i]);
        counts.start * strides[i] + inside.start..(counts.end - 1) * strides[i] + inside.end
    });
    region[..first].iter().cloned().chain(covered).chain(region[first + 2 * n..].iter().cloned()).collect()
}

/// `kept` with the ranges that `source` has along `axes`, which were reduced.
fn with_axes(axes: &[usize], kept: &Region, source: &Region) -> Region {
    let mut kept = kept.iter();
    let range = |(axis, range): (usize, &Range<usize>)| match axes.contains(&axis) {
        true => range.clone(),
        false => kept.next().expect("an axis that was kept").clone(),
    };
    source.iter().enumerate().map(range).collect()
}

/// All elements of a tensor of this shape.
pub fn whole(shape: &Shape) -> Region {
    let range = |dim: &Dim| match *dim {
        Dim::Static(size) | Dim::Batch(size) => 0..size,
    };
    shape.dims().iter().map(range).collect()
}

fn whole_of(graph: &Graph, id: NodeId) -> Region {
    shape_of(graph, id).map_or(Region::new(), whole)
}

/// The shape of a node's result, or of both its results where they have the same region.
pub fn shape_of(graph: &Graph, id: NodeId) -> Option<&Shape> {
    match (&graph.node(id).ty, graph.op(id)) {
        (Type::Tensor(tensor), _) => Some(&tensor.shape),
        (Type::Tuple(parts), Op::MaxWithIndex(_)) => parts.first().map(|part| &part.shape),
        (Type::Tuple(_), _) => None,
    }
}

fn common(a: &Range<usize>, b: &Range<usize>) -> Option<Range<usize>> {
    let common = a.start.max(b.start)..a.end.min(b.end);
    (!common.is_empty()).then_some(common)
}

/// What two regions have in common.
pub fn intersection(a: &Region, b: &Region) -> Option<Region> {
    a.iter().zip(b).map(|(a, b)| common(a, b)).collect()
}

/// The smallest region with both in it.
fn hull(a: &Region, b: &Region) -> Region {
    a.iter().zip(b).map(|(a, b)| a.start.min(b.start)..a.end.max(b.end)).collect()
}
