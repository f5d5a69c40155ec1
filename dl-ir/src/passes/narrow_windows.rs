//! `narrow-windows`: computes only what is used. What a pooling layer cuts off is not computed before it, nor its gradient, which is zero,
//! behind it: slices move towards the inputs, through elementwise ops, products and windows, and pads with zeros towards the
//! results. Where one user of a node needs all of it, all of it is computed, once.
//!
//! A product with a zero of a pad counts as zero.

mod regions;

use std::ops::Range;

use regions::{Region, Regions, intersection, operand_region, shape_of, whole};

use super::Pass;
use crate::builder::Builder;
use crate::graph::{Graph, NodeId};
use crate::module::Function;
use crate::ops::{Broadcast, Constant, Iota, Op, Pad, Slice, Structure, Windows};
use crate::rewrite::sweep;
use crate::types::{Dim, Shape, TensorType};

pub(super) const PASS: Pass = Pass {
    name: "narrow-windows",
    description: "computes only those elements that are used and not zero",
    run: narrow,
};

fn narrow(function: Function) -> Function {
    let graph = &function.graph;
    // Without these, all of every node is used.
    let narrows =
        |id: NodeId| matches!(graph.op(id), Op::Slice(_) | Op::Pad(_) | Op::Windows(_) | Op::OverlapAdd(_));
    if !graph.ids().any(narrows) {
        return sweep(function);
    }
    let regions = Regions::of(&function);
    let mut narrowing =
        Narrowing { graph, regions: &regions, builder: Builder::new(), new: vec![None; graph.n_nodes()] };
    for id in graph.ids() {
        if let Some(wanted) = &regions.computed[id.index()] {
            narrowing.builder.set_origin(graph.origin(id).cloned());
            let is_narrowed = shape_of(graph, id).is_some_and(|shape| *wanted != whole(shape));
            narrowing.builder.set_pass(is_narrowed.then_some(PASS.name));
            let (node, region) = narrowing.build(id, wanted);
            narrowing.new[id.index()] = Some(narrowing.cut(node, &region, wanted));
        }
    }
    let mut rename = |named: &[(String, NodeId)]| {
        let whole = |id: NodeId| whole(shape_of(graph, id).expect("tuples never leave a function"));
        let fetch = |(name, id): &(String, NodeId)| {
            narrowing.builder.set_origin(graph.origin(*id).cloned());
            (name.clone(), narrowing.fetch(*id, &whole(*id)))
        };
        named.iter().map(fetch).collect()
    };
    let (results, updates) = (rename(&function.results), rename(&function.updates));
    let graph = narrowing.builder.finish();
    sweep(Function { name: function.name.clone(), graph, results, updates })
}

struct Narrowing<'a> {
    graph: &'a Graph,
    regions: &'a Regions,
    builder: Builder,
    /// For each node of the graph the one that computes its region.
    new: Vec<Option<NodeId>>,
}

impl Narrowing<'_> {
    /// A node for `wanted` of `id`, and the region that it computes, which may be larger.
    fn build(&mut self, id: NodeId, wanted: &Region) -> (NodeId, Region) {
        let op = self.graph.op(id).clone();
        let region = &self.regions.built(self.graph, id, wanted);
        let shape = shape_of(self.graph, id).map(|shape| shape_in(shape, region));
        let narrow = match (op, shape) {
            (Op::Constant(number), Some(shape)) => {
                Op::from(Constant::new(number.value(), TensorType::new(number.ty.dtype, shape)))
            }
            (Op::Iota(iota), Some(shape)) if region[iota.axis].start == 0 => {
                Iota { axis: iota.axis, shape }.into()
            }
            (Op::Broadcast(broadcast), Some(shape)) => Broadcast { axes: broadcast.axes, shape }.into(),
            (Op::Slice(slice), Some(_)) => {
                let source = operand_region(self.graph, self.regions, id, 0, region);
                let limit = source.iter().map(Range::len).collect();
                let narrow = Slice { start: vec![0; source.len()], limit, stride: slice.stride };
                let x = self.operands(id, region)[0];
                return (self.builder.slice(x, narrow), region.clone());
            }
            (Op::Pad(pad), Some(_)) => {
                let (narrow, x) = (self.pad(id, &pad, region), self.operands(id, region)[0]);
                return (self.builder.pad(x, narrow), region.clone());
            }
            (Op::Windows(windows), Some(_)) => {
                let sizes = windows.inner_axes().iter().map(|&axis| region[axis].len()).collect();
                Windows { sizes, ..windows }.into()
            }
            (Op::OverlapAdd(mut overlap), Some(_)) => {
                overlap.sizes = overlap.axes.iter().map(|&axis| region[axis].len()).collect();
                overlap.into()
            }
            (Op::Get(get), Some(_)) => {
                let tuple = self.graph.operands(id)[0];
                let new = self.new[tuple.index()].expect("operands come first");
                let region = match &self.regions.computed[tuple.index()] {
                    Some(region) if shape_of(self.graph, tuple).is_some() => region.clone(),
                    _ => whole(shape_of(self.graph, id).expect("a tensor")),
                };
                return (self.builder.push(get, &[new]), region);
            }
            (op, Some(_)) if follows_operands(&op) => op,
            (op, shape) => {
                let region = shape.and(shape_of(self.graph, id)).map_or(Region::new(), whole);
                let operands = self.operands(id, &region);
                return (self.builder.push(op, &operands), region);
            }
        };
        let operands = self.operands(id, region);
        (self.builder.push(narrow, &operands), region.clone())
    }

    /// What `region` of a node needs of its operands.
    fn operands(&mut self, id: NodeId, region: &Region) -> Vec<NodeId> {
        let operands = self.graph.operands(id).iter().enumerate();
        let fetch = |(position, &operand): (usize, &NodeId)| {
            let wanted = operand_region(self.graph, self.regions, id, position, region);
            self.fetch(operand, &wanted)
        };
        operands.map(fetch).collect()
    }

    /// `wanted` of a node: from the part of it that is computed, and zeros around that.
    fn fetch(&mut self, id: NodeId, wanted: &Region) -> NodeId {
        let Some(shape) = shape_of(self.graph, id) else {
            return self.new[id.index()].expect("operands come first");
        };
        let computed = self.regions.computed[id.index()].as_ref();
        let common = computed.and_then(|computed| intersection(computed, wanted));
        let (Some(computed), Some(common)) = (computed, common) else {
            return self.builder.by_pass(PASS.name, |b| b.constant(0.0, shape_in(shape, wanted)));
        };
        let node = self.new[id.index()].expect("operands come first");
        let part = self.cut(node, computed, &common);
        let around = Pad {
            low: wanted.iter().zip(&common).map(|(wanted, common)| common.start - wanted.start).collect(),
            high: wanted.iter().zip(&common).map(|(wanted, common)| wanted.end - common.end).collect(),
            interior: vec![0; wanted.len()],
        };
        self.builder.by_pass(PASS.name, |b| b.pad(part, around))
    }

    /// The part `wanted` of a node that computes `region`.
    fn cut(&mut self, node: NodeId, region: &Region, wanted: &Region) -> NodeId {
        if region == wanted {
            return node;
        }
        let inside = |at: fn(&Range<usize>) -> usize| {
            region.iter().zip(wanted).map(|(region, wanted)| at(wanted) - region.start).collect()
        };
        let part =
            Slice { start: inside(|r| r.start), limit: inside(|r| r.end), stride: vec![1; region.len()] };
        self.builder.by_pass(PASS.name, |b| b.slice(node, part))
    }

    /// The zeros of a pad that are in `region`.
    fn pad(&self, id: NodeId, pad: &Pad, region: &Region) -> Pad {
        let content = operand_region(self.graph, self.regions, id, 0, region);
        let mut inside = pad.clone();
        for (axis, (content, region)) in content.iter().zip(region).enumerate() {
            let step = pad.interior[axis] + 1;
            inside.low[axis] = pad.low[axis] + content.start * step - region.start;
            inside.high[axis] = region.end - (pad.low[axis] + (content.end - 1) * step + 1);
        }
        inside
    }
}

/// Whether an op without attributes about sizes computes a region of its result from regions of its operands.
fn follows_operands(op: &Op) -> bool {
    op.structure() == Structure::Map
        || matches!(op, Op::Einsum(_) | Op::ReduceSum(_) | Op::ReduceMax(_) | Op::MaxWithIndex(_))
}

/// The shape of a region of a tensor.
fn shape_in(shape: &Shape, region: &Region) -> Shape {
    let size = |(dim, range): (&Dim, &Range<usize>)| match dim {
        Dim::Static(_) => Dim::Static(range.len()),
        Dim::Batch(_) => *dim,
    };
    shape.dims().iter().zip(region).map(size).collect()
}
