//! Computes the members of a group inside a vector program.

use rustc_hash::FxHashMap;

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::{Op, Structure};
use dl_ir::types::{DType, Dim, Type};
use dl_runtime::program::Layout;

use super::nest::Operand;
use super::operands::Binding;
use super::{map, scatter};
use crate::fuse::{Class, Group, operand_class, shape};
use crate::vector::{Address, Mark, ProgramBuilder, Value};

/// A place in the tile that a program computes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Place {
    /// The row.
    pub row: usize,
    /// The part of the anchor's columns.
    pub part: usize,
    /// The vector within the row, or within the part's piece of it.
    pub vector: usize,
}

/// Where a program finds its operands: one argument word a binding, in order.
#[derive(Clone, Debug)]
pub struct Tile {
    /// For each binding, how it lies; tiles begin where panels begin.
    pub operands: Vec<Operand>,
    /// Columns in the tile, or in each part of it: the last vector of a row may be short.
    pub cols: usize,
    /// Columns from one part of the anchor's result to the next, where it is cut into several.
    pub part: usize,
    /// What the open loop goes along.
    pub along: Along,
}

impl Tile {
    /// A tile of whole rows of so many columns, without a loop.
    pub fn new(operands: Vec<Operand>, cols: usize) -> Self {
        Tile { operands, cols, part: 0, along: Along::Nothing }
    }
}

/// What a loop of a program goes along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Along {
    /// There is no loop.
    #[default]
    Nothing,
    /// Rows: one in each iteration.
    Rows,
    /// Columns: so many in each iteration.
    Columns(usize),
}

/// Emits the members of one group, each once at each place.
pub struct Evaluator<'g> {
    /// The program so far.
    pub b: ProgramBuilder,
    /// Where operands are.
    pub tile: Tile,
    graph: &'g Graph,
    group: &'g Group,
    /// The main one, then all members in order.
    nodes: Vec<NodeId>,
    bindings: Vec<Binding>,
    memo: FxHashMap<(NodeId, Class, Place), Value>,
    /// What the memo knew when the open loop began.
    outer: Option<FxHashMap<(NodeId, Class, Place), Value>>,
    /// The index of column 0, in each lane, where that changes from iteration to iteration.
    column_base: Option<Value>,
}

impl<'g> Evaluator<'g> {
    /// For a group with these bindings; the program gets an argument word for each.
    pub fn new(
        graph: &'g Graph,
        group: &'g Group,
        bindings: &[Binding],
        b: ProgramBuilder,
        tile: Tile,
    ) -> Self {
        let mut b = b;
        bindings.iter().for_each(|_| {
            b.arg();
        });
        let bindings = bindings.to_vec();
        Evaluator {
            b,
            tile,
            graph,
            group,
            nodes: group.nodes(),
            bindings,
            memo: FxHashMap::default(),
            outer: None,
            column_base: None,
        }
    }

    /// The number of vectors in a row of the tile.
    pub fn n_vectors(&self) -> usize {
        self.tile.cols.div_ceil(self.b.lanes().count())
    }

    /// How many lanes of a vector are within the tile.
    pub fn count(&self, vector: usize) -> u8 {
        let lanes = self.b.lanes().count();
        (self.tile.cols - vector * lanes).min(lanes) as u8
    }

    /// How many lanes of a vector an operand has: all in a panel, which has room for whole vectors.
    pub fn stored(&self, arg: u16, vector: usize) -> u8 {
        match self.tile.operands[usize::from(arg)].matrix.layout {
            Layout::RowMajor => self.count(vector),
            Layout::Panel { .. } => self.b.lanes().count() as u8,
        }
    }

    /// The argument word of a binding.
    pub fn arg(&self, binding: Binding) -> u16 {
        self.arg_where(|b| b == binding)
    }

    fn arg_where(&self, is_it: impl Fn(Binding) -> bool) -> u16 {
        self.bindings.iter().position(|&binding| is_it(binding)).expect("a binding of this group") as u16
    }

    /// Values computed from now on are forgotten by [`leave_loop`](Self::leave_loop): they are in scope there only.
    /// `column_base` holds the index of column 0 where the loop walks over columns.
    pub fn enter_loop(&mut self, along: Along, column_base: Option<Value>) {
        self.outer = Some(self.memo.clone());
        self.tile.along = along;
        self.column_base = column_base;
    }

    /// Ends what [`enter_loop`](Self::enter_loop) began.
    pub fn leave_loop(&mut self) {
        self.memo = self.outer.take().expect("a loop was entered");
        self.tile.along = Along::Nothing;
        self.column_base = None;
    }

    /// Gives the value of a node that the schedule computes itself: an anchor's sum, a reduction's result.
    pub fn set(&mut self, node: NodeId, class: Class, place: Place, value: Value) {
        self.memo.insert((node, class, at(class, place)), value);
    }

    /// Has new instructions be for this node; gives the mark before, to be set again.
    pub fn begin(&mut self, node: NodeId) -> Mark {
        let (_, members) = self.nodes.split_first().expect("a group has a main node");
        let position = members.binary_search(&node);
        self.b.set_mark(position.map_or(Mark::MAIN, |position| Mark(1 + position as u32)))
    }

    /// The value of a node at a place.
    pub fn value(&mut self, node: NodeId, class: Class, place: Place) -> Value {
        let key = (node, class, at(class, place));
        if let Some(&value) = self.memo.get(&key) {
            return value;
        }
        let value = match self.graph.op(node) {
            Op::Constant(constant) => self.number(constant.value(), constant.ty.dtype),
            op if self.group.members.contains_key(&node) => {
                let outer = self.begin(node);
                let value = self.compute(node, &op.clone(), class, place);
                self.b.set_mark(outer);
                value
            }
            _ => self.read(node, class, place),
        };
        self.memo.insert(key, value);
        value
    }

    /// Writes an output at a place.
    pub fn write(&mut self, output: NodeId, class: Class, place: Place) {
        let arg = self.arg_where(|binding| binding.is_write() && binding.node() == output);
        let outer = self.begin(output);
        let first = self.address(arg, class, place);
        let count = if class == Class::PerRow { 1 } else { self.stored(arg, place.vector) };
        let is_scattered = matches!(self.bindings[usize::from(arg)], Binding::Scatter(_));
        let parts = if is_scattered { scatter::parts(self.graph, output) } else { vec![(output, 0)] };
        for (part, before) in parts {
            let value = self.value(part, class, place);
            let address = Address { offset: first.offset + 4 * before as i32, ..first };
            let value = if is_scattered && scatter::adds_up(self.graph, output) {
                let sum = self.b.load_tail(address, count);
                self.b.add(sum, value)
            } else {
                value
            };
            self.b.store_tail(address, value, count);
        }
        self.b.set_mark(outer);
    }

    /// Asks for what is read and written at a place, long before it is.
    pub fn prefetch(&mut self, place: Place) {
        for (arg, binding) in (0..).zip(self.bindings.clone()) {
            let (Binding::Read(node, Class::Full) | Binding::Write(node, Class::Full)) = binding else {
                continue;
            };
            if place.part == 0 || self.is_in_parts(node) {
                let address = self.address(arg, Class::Full, place);
                self.b.prefetch(address);
            }
        }
    }

    /// Whether a node is cut into parts: its rows are longer than a part.
    fn is_in_parts(&self, node: NodeId) -> bool {
        shape(self.graph, node).dims().last() != Some(&Dim::Static(self.tile.part))
    }

    /// Reads what is the same for all rows, ahead of the loop over them.
    pub fn read_ahead(&mut self, bindings: &[Binding]) {
        for binding in bindings {
            match *binding {
                Binding::Read(node, Class::Scalar) => {
                    self.value(node, Class::Scalar, Place::default());
                }
                Binding::Read(node, Class::PerCol) => (0..self.n_vectors()).for_each(|vector| {
                    self.value(node, Class::PerCol, Place { vector, ..Place::default() });
                }),
                _ => {}
            }
        }
    }

    /// The sum of a product that is in memory.
    pub fn partial(&mut self, binding: Binding, place: Place) -> Value {
        let arg = self.arg(binding);
        let address = self.address(arg, Class::Full, place);
        let count = self.stored(arg, place.vector);
        self.b.load_tail(address, count)
    }

    /// Puts the sum of a product into memory.
    pub fn write_partial(&mut self, binding: Binding, place: Place, sum: Value) {
        let arg = self.arg(binding);
        let address = self.address(arg, Class::Full, place);
        let count = self.stored(arg, place.vector);
        self.b.store_tail(address, sum, count);
    }

    fn number(&mut self, value: f64, dtype: DType) -> Value {
        match dtype {
            DType::F32 => self.b.f32(value as f32),
            DType::I32 => self.b.u32(value as i32 as u32),
            DType::Bool => self.b.u32(if value == 0.0 { 0 } else { u32::MAX }),
        }
    }

    fn compute(&mut self, node: NodeId, op: &Op, class: Class, place: Place) -> Value {
        let operands = self.graph.operands(node);
        match op.structure() {
            Structure::Broadcast | Structure::Get => {
                let class = operand_class(self.graph, node, class).expect("the group took it in");
                return self.value(operands[0], class, place);
            }
            Structure::Leaf => return self.column_index(place),
            Structure::Pad | Structure::OverlapAdd => return self.value(operands[0], class, place),
            Structure::Slice => return self.value(operands[0], class, self.in_part(op, place)),
            _ => {}
        }
        if let Some(value) = self.clamp(op, operands, class, place) {
            return value;
        }
        let values: Vec<Value> = operands.iter().map(|&operand| self.value(operand, class, place)).collect();
        let dtype = match &self.graph.node(*operands.last().expect("maps have operands")).ty {
            Type::Tensor(tensor) => tensor.dtype,
            Type::Tuple(_) => DType::F32,
        };
        map::emit(&mut self.b, op, dtype, &values).expect("anchors and reductions are set by the schedule")
    }

    /// The same place of the part that a slice is.
    fn in_part(&self, slice: &Op, place: Place) -> Place {
        let Op::Slice(slice) = slice else { unreachable!("the only op of its structure") };
        let first = slice.start.last().expect("slices in groups are of columns");
        Place { part: first / self.tile.part, ..place }
    }

    /// max(x, 0) and their like.
    fn clamp(&mut self, op: &Op, operands: &[NodeId], class: Class, place: Place) -> Option<Value> {
        let (&[x, y], Op::Max(_) | Op::Min(_)) = (operands, op) else { return None };
        let (x, number) = match (self.graph.op(x), self.graph.op(y)) {
            (_, Op::Constant(number)) => (x, number.value()),
            (Op::Constant(number), _) => (y, number.value()),
            _ => return None,
        };
        let value = self.value(x, class, place);
        map::emit_clamp(&mut self.b, op, value, number as f32)
    }

    /// The index of each lane's column.
    pub fn column_index(&mut self, place: Place) -> Value {
        let lanes = self.b.lane_index();
        let first = self.b.u32((place.vector * self.b.lanes().count()) as u32);
        let index = self.b.iadd(lanes, first);
        match self.column_base {
            Some(base) => self.b.iadd(index, base),
            None => index,
        }
    }

    fn read(&mut self, node: NodeId, class: Class, place: Place) -> Value {
        let address = self.address(self.arg(Binding::Read(node, class)), class, place);
        let repeats = self.tile.operands[usize::from(address.arg)].repeats;
        let value = match class {
            Class::Full | Class::PerCol if !repeats => {
                self.b.load_tail(address, self.stored(address.arg, place.vector))
            }
            _ => self.b.broadcast(address),
        };
        match self.graph.op(node) {
            // In memory there is the batch size alone, whatever the multiple.
            Op::BatchSize(batch_size) if batch_size.multiple != 1 => {
                let multiple = self.b.f32(batch_size.multiple as f32);
                self.b.mul(value, multiple)
            }
            _ => value,
        }
    }

    /// How many bytes of an operand lie between the tile's first column and that of a place.
    pub fn column_offset(&self, arg: u16, place: Place) -> i32 {
        let part = place.part * self.tile.part * self.tile.operands[usize::from(arg)].matrix.col_stride();
        (4 * part + place.vector * self.b.lanes().bytes()) as i32
    }

    fn address(&self, arg: u16, class: Class, place: Place) -> Address {
        let operand = self.tile.operands[usize::from(arg)];
        let has_rows = matches!(class, Class::Full | Class::PerRow);
        let has_columns = matches!(class, Class::Full | Class::PerCol) && !operand.repeats;
        let row = if has_rows { 4 * operand.row as i32 } else { 0 };
        let column = if has_columns { self.column_offset(arg, place) } else { 0 };
        let step = match self.tile.along {
            Along::Rows => row,
            Along::Columns(columns) if has_columns => 4 * columns as i32,
            Along::Columns(_) | Along::Nothing => 0,
        };
        Address { arg, offset: place.row as i32 * row + column, step }
    }
}

/// The place that tells values of a class apart.
fn at(class: Class, place: Place) -> Place {
    match class {
        Class::Full => place,
        Class::PerRow => Place { row: place.row, ..Place::default() },
        Class::PerCol => Place { row: 0, ..place },
        Class::Scalar => Place::default(),
    }
}
