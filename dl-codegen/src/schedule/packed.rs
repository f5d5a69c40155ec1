//! Panels of a right operand that is a transpose: made by the kernel that reads them, each right before its tiles.

use super::KernelBuilder;
use super::contract::{COL, Contract};
use super::operands::{Binding, in_panels, matrix, packed_transpose};
use super::transpose::{Blocks, ROW_PANEL};
use crate::kernel::{Index, Stmt, Term};
use crate::layout::Matrix;
use crate::matrix::Transposition;
use crate::vector::Mark;

const _: () = assert!(COL == ROW_PANEL, "a product's loop over columns is that over the copy's panels");

impl Contract<'_> {
    /// Makes the panel of so many columns that the loop over columns stands at, where the right operand is a transpose.
    pub fn panel(&self, kernel: &mut KernelBuilder, cols: usize) -> Option<Stmt> {
        let (graph, group, target) = (self.tile.graph, self.tile.group, self.tile.target);
        let transpose = packed_transpose(graph, group)?;
        let source = graph.operands(transpose)[0];
        let place = |binding: Binding| {
            let place = self.tile.bindings.iter().position(|&other| other == binding);
            place.expect("a binding of this group")
        };
        let packed = Binding::Packed(transpose);
        let copy = in_panels(graph, packed, target);
        let member = group.members.keys().position(|&member| member == transpose);
        let member = member.expect("a group packs what is a member of it");
        let blocks = Blocks {
            target,
            source: matrix(graph, source, target),
            copy,
            of: Transposition::of(graph, transpose).expect("fusion takes in such transposes only"),
            buffers: (place(Binding::Right(source)), place(packed)),
            panel: self.place_of_panel(copy),
            mark: Mark(1 + member as u32),
        };
        Some(blocks.panel_of_copy(kernel, cols))
    }

    /// Where in the packed matrix the panel lies: all panels of a range of tasks in the same place, which no other range uses.
    pub fn place_of_panel(&self, packed: Matrix) -> Index {
        let panel = self.tile.target.tile_width() * packed.col_stride();
        Index::term(Term::Begin, 4 * panel as i64)
    }
}
