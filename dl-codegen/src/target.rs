//! What code is generated for.

use crate::vector::Lanes;

/// Columns of the widest matmul tile of any target.
pub const MAX_TILE_WIDTH: usize = 32;

/// The machine that kernels are scheduled for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Target {
    /// The width of vectors. It changes speed, never results.
    pub lanes: Lanes,
}

impl Target {
    /// Rows and vectors of a matmul tile: as many accumulators as registers allow, with room for a row of B and one
    /// broadcast of A. Cranelift spills beyond 8 accumulators.
    pub fn matmul_tile(self) -> (usize, usize) {
        match self.lanes {
            Lanes::L4 => (4, 2),
            Lanes::L8 => (6, 2),
            Lanes::L16 => (12, 2),
        }
    }

    /// Whether tiles may hold vectors of several parts of a result. With 16 registers they would have two rows, and read a row of B for
    /// each two of the result: an LSTM's step takes a sixth to a third longer then.
    pub fn holds_parts(self) -> bool {
        self.lanes == Lanes::L16
    }

    /// Whether registers are left beside a tile's sums for another tile's epilogue.
    pub fn has_registers_for_two(self) -> bool {
        self.lanes == Lanes::L16
    }

    /// As many sums as keep the multipliers busy, each waiting for the one before.
    pub fn busy(self) -> usize {
        8
    }

    /// The most rows of a matmul tile of so many vectors: beyond it registers are spilt.
    pub fn tallest_tile(self, n_vectors: usize) -> usize {
        let accumulators = match self.lanes {
            Lanes::L4 => 8,
            Lanes::L8 => 12,
            Lanes::L16 => 28,
        };
        accumulators / n_vectors.max(1)
    }

    /// Columns of a matmul tile.
    pub fn tile_width(self) -> usize {
        self.matmul_tile().1 * self.lanes.count()
    }
}
