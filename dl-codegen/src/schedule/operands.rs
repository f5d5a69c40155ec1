//! What a kernel reads and writes, and where.

use dl_ir::access::{Access, is_view};
use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Op;
use dl_ir::product::Product;
use dl_ir::types::{DType, Dim};
use dl_runtime::program::{Blocks, Element, Extent, Layout};

use super::scatter;
use crate::fuse::chunks::{adds_up_in_memory, chunk_len};
use crate::fuse::{Anchor, Class, Group, operand_class, scatters};
use crate::kernel::BufferUse;
use crate::layout::{Matrix, layout};
use crate::target::{MAX_TILE_WIDTH, Target};

/// One buffer of a kernel: a node in memory, and what is done with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Binding {
    /// Read element by element, at this class.
    Read(NodeId, Class),
    /// Read by the anchor: the left operand of a product, or what a column sum adds.
    Left(NodeId),
    /// The right operand of a product.
    Right(NodeId),
    /// Indices of rows.
    Indices(NodeId),
    /// Memory for what the kernel brings into panels as wide as its tiles: a block of rows of a product's right operand, or a panel of one that
    /// is a transpose.
    Packed(NodeId),
    /// Memory for the sums of a product whose terms are gone through in blocks.
    Sums(NodeId),
    /// Its partial sums, read by the anchor: one after the other, each as the node itself would lie.
    Partials(NodeId),
    /// Written.
    Write(NodeId, Class),
    /// Written, each element of what it scatters in its place.
    Scatter(NodeId),
    /// Its partial sums, written.
    WritePartials(NodeId),
}

impl Binding {
    /// The node.
    pub fn node(self) -> NodeId {
        match self {
            Binding::Read(node, _)
            | Binding::Left(node)
            | Binding::Right(node)
            | Binding::Indices(node)
            | Binding::Packed(node)
            | Binding::Sums(node)
            | Binding::Partials(node)
            | Binding::Write(node, _)
            | Binding::Scatter(node)
            | Binding::WritePartials(node) => node,
        }
    }

    /// The same of the node that has another id elsewhere.
    pub fn renamed(self, new: impl Fn(NodeId) -> NodeId) -> Self {
        match self {
            Binding::Read(node, class) => Binding::Read(new(node), class),
            Binding::Left(node) => Binding::Left(new(node)),
            Binding::Right(node) => Binding::Right(new(node)),
            Binding::Indices(node) => Binding::Indices(new(node)),
            Binding::Packed(node) => Binding::Packed(new(node)),
            Binding::Sums(node) => Binding::Sums(new(node)),
            Binding::Partials(node) => Binding::Partials(new(node)),
            Binding::Write(node, class) => Binding::Write(new(node), class),
            Binding::Scatter(node) => Binding::Scatter(new(node)),
            Binding::WritePartials(node) => Binding::WritePartials(new(node)),
        }
    }

    /// Whether it is memory that the kernel alone uses, and that holds no node.
    pub fn is_beside(self) -> bool {
        matches!(self, Binding::Packed(_) | Binding::Sums(_))
    }

    /// Whether it is written.
    pub fn is_write(self) -> bool {
        matches!(self, Binding::Write(..) | Binding::Scatter(_) | Binding::WritePartials(_))
    }
}

/// All bindings of a group, in a fixed order: what the anchor reads, what is read, what is written.
pub fn bindings(graph: &Graph, group: &Group) -> Vec<Binding> {
    let mut bindings = Vec::new();
    if let Some(Anchor::Total(node)) = group.anchor {
        bindings.push(Binding::Partials(node));
    } else if let Some(anchor) = group.anchor.filter(|anchor| !matches!(anchor, Anchor::Random(_))) {
        let operands = graph.operands(anchor.node());
        let sides: &[fn(NodeId) -> Binding] = match anchor {
            Anchor::Gather(_) => &[Binding::Left, Binding::Indices],
            Anchor::ScatterAdd(_) | Anchor::ScatterInto(_) => {
                &[Binding::Left, Binding::Indices, Binding::Right]
            }
            _ => &[Binding::Left, Binding::Right],
        };
        // What is added to a number begins as that; what is added to a state in its place, as what is there.
        let n_started = match anchor {
            Anchor::ScatterInto(_) => 1,
            Anchor::ScatterAdd(_) => usize::from(is_number(graph, operands[0])),
            _ => 0,
        };
        let sides = operands.iter().zip(sides).skip(n_started);
        let packed = packed_transpose(graph, group);
        bindings.extend(sides.map(|(&operand, side)| match packed {
            Some(transpose) if transpose == operand => side(graph.operands(transpose)[0]),
            _ => side(operand),
        }));
        bindings.extend(packed.map(Binding::Packed));
        if in_blocks(graph, anchor) {
            bindings.extend([Binding::Packed(operands[1]), Binding::Sums(anchor.node())]);
        }
    }
    let mut reads = Vec::new();
    for (&member, &class) in &group.members {
        let Some(class) = operand_class(graph, member, class) else { continue };
        for &operand in graph.operands(member) {
            let read = Binding::Read(operand, class);
            if !is_number(graph, operand) && !group.members.contains_key(&operand) && !reads.contains(&read) {
                reads.push(read);
            }
        }
    }
    // What is not computed here is copied.
    let copied = group.outputs.iter().filter(|output| !group.members.contains_key(output));
    reads.extend(copied.filter(|&&o| !is_number(graph, o)).map(|&output| Binding::Read(output, Class::Full)));
    reads.sort_unstable();
    bindings.extend(reads);
    bindings.extend(group.outputs.iter().map(|&output| match (group.anchor, group.members.get(&output)) {
        (Some(Anchor::Chunks(node)), _) => Binding::WritePartials(node),
        (_, Some(_)) if scatters(graph.op(output)) => Binding::Scatter(output),
        (_, class) => Binding::Write(output, class.copied().unwrap_or(Class::Full)),
    }));
    bindings
}

/// The right operand of a group's product, if it is a transpose that the kernel makes panels of.
pub fn packed_transpose(graph: &Graph, group: &Group) -> Option<NodeId> {
    let Some(Anchor::Contract(product)) = group.anchor else { return None };
    let right = graph.operands(product)[1];
    (matches!(graph.op(right), Op::Transpose(_)) && group.members.contains_key(&right)).then_some(right)
}

/// Whether a product's terms are gone through in blocks, where there are more of them than one block holds: where they are examples,
/// and rows of both operands are read again for each of several tiles.
fn in_blocks(graph: &Graph, anchor: Anchor) -> bool {
    const MANY_ROWS: usize = 24;
    let Anchor::Contract(node) = anchor else { return false };
    let Some(Product { m: Dim::Static(m), n, k: Dim::Batch(_), rows, terms, .. }) = Product::of(graph, node)
    else {
        return false;
    };
    rows.len() == 1 && terms.len() == 1 && m >= MANY_ROWS && n >= 4 * MAX_TILE_WIDTH
}

/// Whether terms may be so few that they are one block: where each example has no more than these.
pub fn may_be_one_block(product: &Product) -> bool {
    matches!(product.k, Dim::Batch(0..=4))
}

/// Terms in a block: of a panel of the right operand, a block of a panel, and what tiles read of the left operand along with
/// it, fit the cache nearest to the core.
pub const TERMS_OF_BLOCK: usize = 256;

/// A block of a right operand that is packed, or all terms of one that is a transpose, and the sums of a product in blocks with rows for a tile
/// of zeros: as matrices in panels as wide as tiles.
pub fn in_panels(graph: &Graph, binding: Binding, target: Target) -> Matrix {
    let of = matrix(graph, binding.node(), target);
    let rows = match binding {
        // Those of a transposed weight are fixed; where terms are in blocks, they are examples.
        Binding::Packed(_) if of.rows > 0 => of.rows,
        Binding::Packed(_) => TERMS_OF_BLOCK,
        _ => of.rows + target.matmul_tile().0,
    };
    Matrix { rows, layout: Layout::Panel { width: target.tile_width() }, ..of }
}

/// The rows that a kernel takes from a table, or adds to one.
pub fn rows_moved(graph: &Graph, group: &Group) -> Option<NodeId> {
    match group.anchor? {
        Anchor::Gather(node) => Some(node),
        Anchor::ScatterAdd(node) | Anchor::ScatterInto(node) => Some(graph.operands(node)[2]),
        _ => None,
    }
}

/// Whether a node is written into programs as a number.
pub fn is_number(graph: &Graph, node: NodeId) -> bool {
    matches!(graph.op(node), Op::Constant(_))
}

/// The node whose buffer holds a node: itself, or what it is a view of.
pub fn storage(graph: &Graph, mut node: NodeId) -> NodeId {
    while is_view(graph, node) {
        node = graph.operands(node)[0];
    }
    node
}

/// How many elements lie before the first of a node in its buffer.
pub fn first_element(graph: &Graph, node: NodeId) -> i64 {
    Access::of(graph, node).map_or(0, |access| access.offset)
}

/// A node in memory as a matrix: its last axis, and all others as rows.
pub fn matrix(graph: &Graph, node: NodeId, target: Target) -> Matrix {
    let tensor = graph.tensor(node);
    let (last, outer) =
        tensor.shape.dims().split_last().map_or((1, &[][..]), |(last, outer)| (last.at(1), outer));
    let rows = outer.iter().map(|dim| dim.as_static()).product::<Option<usize>>().unwrap_or(0);
    Matrix { rows, cols: last, layout: layout(tensor, target) }
}

/// The number of elements that a node takes in memory.
pub fn stored_elements(graph: &Graph, node: NodeId, target: Target) -> Dim {
    match matrix(graph, node, target) {
        matrix @ Matrix { layout: Layout::Panel { .. }, .. } => Dim::Static(matrix.n_elements()),
        _ => shape_elements(graph, node),
    }
}

/// How a kernel uses the buffer of a binding.
pub fn buffer_use(graph: &Graph, binding: Binding, target: Target) -> BufferUse {
    let held = storage(graph, binding.node());
    let tensor = graph.tensor(held);
    // Sums that are too long for one program are added up in memory.
    let adds_up = |node| Product::of(graph, node).is_some_and(|product| adds_up_in_memory(&product));
    BufferUse {
        element: if tensor.dtype == DType::F32 { Element::F32 } else { Element::I32 },
        elements: match binding {
            Binding::Partials(node) | Binding::WritePartials(node) => partials(graph, node, target),
            Binding::Packed(_) | Binding::Sums(_) => {
                Extent::fixed(in_panels(graph, binding, target).n_elements())
            }
            _ => extent(stored_elements(graph, held, target)),
        },
        reads: match binding {
            Binding::WritePartials(node) => adds_up(node),
            Binding::Scatter(node) => scatter::adds_up(graph, node),
            _ => !binding.is_write(),
        },
        writes: binding.is_write() || binding.is_beside(),
    }
}

/// The number of chunks of a product.
pub fn chunks(graph: &Graph, node: NodeId) -> Blocks {
    let product = Product::of(graph, node).expect("fusion cuts such products only");
    Blocks { of: extent(product.terms[0].size), size: chunk_len(&product) }
}

/// Enough elements for the partial sums of all chunks.
fn partials(graph: &Graph, node: NodeId, target: Target) -> Extent {
    let each = stored_elements(graph, node, target).at(0);
    let Blocks { of, size } = chunks(graph, node);
    Extent { fixed: each, per_example: each.saturating_mul(of.per_example).div_ceil(size) }
}

/// A dimension as an extent.
pub fn extent(dim: Dim) -> Extent {
    match dim {
        Dim::Static(fixed) => Extent::fixed(fixed),
        Dim::Batch(per_example) => Extent { fixed: 0, per_example },
    }
}

/// The number of elements of a node that lies in memory.
pub fn shape_elements(graph: &Graph, node: NodeId) -> Dim {
    graph.tensor(node).shape.elements().expect("checked by the verifier")
}
