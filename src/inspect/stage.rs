//! The stages of the compiler.

use crate::function::Function;

/// A stage of the compiler, by what it makes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Stage {
    /// The layers as they were understood.
    Layers,
    /// The graph of a prediction, before passes.
    Forward,
    /// The graph of a training step (forward, loss, backward and update), before passes.
    Training,
    /// Graphs after all passes.
    Optimized,
    /// Fusion groups, kernels and their vector programs.
    Kernels,
    /// Buffers, their places and when they are alive.
    Memory,
    /// What Cranelift compiles.
    Clif,
    /// Machine code.
    Asm,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 8] = [
        Stage::Layers,
        Stage::Forward,
        Stage::Training,
        Stage::Optimized,
        Stage::Kernels,
        Stage::Memory,
        Stage::Clif,
        Stage::Asm,
    ];

    /// Its name: `optimized`.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Layers => "layers",
            Stage::Forward => "forward",
            Stage::Training => "training",
            Stage::Optimized => "optimized",
            Stage::Kernels => "kernels",
            Stage::Memory => "memory",
            Stage::Clif => "clif",
            Stage::Asm => "asm",
        }
    }

    /// Whether it is behind graphs: about one function on its way to machine code.
    pub fn is_lowered(self) -> bool {
        matches!(self, Stage::Kernels | Stage::Memory | Stage::Clif | Stage::Asm)
    }

    /// What it makes, in a line.
    pub fn about(self) -> &'static str {
        match self {
            Stage::Layers => "The layers as they were understood",
            Stage::Forward => "The graph of a prediction, before passes",
            Stage::Training => {
                "The graph of a training step (forward, loss, backward and update), before passes"
            }
            Stage::Optimized => "Graphs after all passes",
            Stage::Kernels => "Fusion groups, kernels and their vector programs",
            Stage::Memory => "Buffers, their places and when they are alive",
            Stage::Clif => "What Cranelift compiles",
            Stage::Asm => "Machine code",
        }
    }

    /// The function that it is about where none is named; `None` if it is about all of them, or about none.
    pub fn default_function(self) -> Option<Function> {
        match self {
            Stage::Layers | Stage::Optimized => None,
            Stage::Forward => Some(Function::Predict),
            _ => Some(Function::TrainStep),
        }
    }
}
