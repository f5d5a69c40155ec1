//! Kernels: loop nests that run vector programs on buffers.
//!
//! A kernel is self-contained: it names its buffers by position and knows their shapes only through its indices, so
//! equal layers have equal kernels, compiled once. It computes tasks `begin..end` of a launch; tasks are independent.

pub mod interp;
pub mod text;

use dl_runtime::program::{Blocks, BufferId, Element, Extent};

use crate::vector::{Inst, Program};

/// A loop nest.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Kernel {
    /// What it reads and writes.
    pub buffers: Vec<BufferUse>,
    /// The vector programs that its body runs.
    pub programs: Vec<Program>,
    /// How many loop variables it has.
    pub n_vars: usize,
    /// What it does.
    pub body: Vec<Stmt>,
    /// How many tasks there are.
    pub tasks: Blocks,
}

impl Kernel {
    /// All lines of its programs, in order.
    pub fn insts(&self) -> impl Iterator<Item = &Inst> {
        self.programs.iter().flat_map(Program::insts)
    }

    /// Which of the buffers that a launch gives it are written.
    pub fn written(&self, buffers: &[BufferId]) -> Vec<BufferId> {
        let used = buffers.iter().zip(&self.buffers);
        used.filter(|(_, used)| used.writes).map(|(&buffer, _)| buffer).collect()
    }
}

/// How a kernel uses one of its buffers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct BufferUse {
    /// What it holds.
    pub element: Element,
    /// How many elements it has; none beyond the padding to a whole vector is touched.
    pub elements: Extent,
    /// Whether it is read.
    pub reads: bool,
    /// Whether it is written.
    pub writes: bool,
}

/// A statement of a kernel.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Stmt {
    /// Steps `var` from `begin` to the least of `end`: while there is room for the first tile's step it runs that tile,
    /// then while there is room for the second's, and so on. Steps decrease; where the last is 1, nothing is left.
    For {
        /// The loop variable.
        var: usize,
        /// Its first value.
        begin: Index,
        /// Its bounds.
        end: Vec<Index>,
        /// Bodies by step.
        tiles: Vec<Tile>,
    },
    /// Sets `var` to an i32 in memory: an index into something. It holds up to the end of the body that this is in.
    Load {
        /// The variable.
        var: usize,
        /// Which of [`Kernel::buffers`].
        buffer: usize,
        /// Where in it, in bytes.
        offset: Index,
        /// It is from 0 to below this, which is not 0. Compiled code takes anything else for the last, so that no value leads out of
        /// a buffer.
        limit: usize,
    },
    /// Runs a program.
    Run {
        /// Which of [`Kernel::programs`].
        program: usize,
        /// Its argument words.
        args: Vec<Arg>,
    },
}

/// One body of a loop.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Tile {
    /// How far it takes the loop variable.
    pub step: usize,
    /// What it does.
    pub body: Vec<Stmt>,
}

/// An argument word of a program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Arg {
    /// A place in a buffer.
    Pointer {
        /// Which of [`Kernel::buffers`].
        buffer: usize,
        /// In bytes.
        offset: Index,
    },
    /// The count of a loop: the least of these.
    Count(Vec<Index>),
}

impl Arg {
    /// The same place, its offset changed.
    pub fn map_offset(self, change: impl Fn(Index) -> Index) -> Self {
        match self {
            Arg::Pointer { buffer, offset } => Arg::Pointer { buffer, offset: change(offset) },
            count => count,
        }
    }
}

/// An integer known when the kernel runs: a constant plus multiples of variables.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Index {
    /// The constant.
    pub constant: i64,
    /// Each variable with its factor.
    pub terms: Vec<(Term, i64)>,
}

/// A variable of an [`Index`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Term {
    /// A loop variable.
    Var(usize),
    /// A loop variable times the batch size.
    VarTimesBatch(usize),
    /// The first task.
    Begin,
    /// One past the last task.
    End,
    /// The batch size.
    Batch,
    /// A number of blocks at the kernel's batch size.
    Blocks(Blocks),
}

impl Index {
    /// A constant.
    pub fn constant(constant: i64) -> Self {
        Index { constant, terms: Vec::new() }
    }

    /// A multiple of a variable.
    pub fn term(term: Term, factor: i64) -> Self {
        Index { constant: 0, terms: vec![(term, factor)] }
    }

    /// An extent at the kernel's batch size.
    pub fn extent(extent: Extent) -> Self {
        match extent {
            Extent { fixed, per_example: 0 } => Index::constant(fixed as i64),
            Extent { fixed, per_example } => {
                Index { constant: fixed as i64, terms: vec![(Term::Batch, per_example as i64)] }
            }
        }
    }

    /// A number of blocks at the kernel's batch size.
    pub fn blocks(blocks: Blocks) -> Self {
        match blocks {
            Blocks { of, size: 1 } => Index::extent(of),
            Blocks { of: Extent { per_example: 0, .. }, .. } => Index::constant(blocks.at(0) as i64),
            _ => Index::term(Term::Blocks(blocks), 1),
        }
    }

    /// This with a loop variable's value put in its place.
    pub fn with_var(&self, var: usize, value: &Index) -> Self {
        let mut replaced = Index::constant(self.constant);
        for &(term, factor) in &self.terms {
            if term != Term::Var(var) {
                replaced.terms.push((term, factor));
                continue;
            }
            replaced.constant += factor * value.constant;
            replaced.terms.extend(value.terms.iter().map(|&(term, of_value)| (term, factor * of_value)));
        }
        replaced
    }

    /// So many times this.
    pub fn times(mut self, factor: i64) -> Self {
        self.constant *= factor;
        self.terms.iter_mut().for_each(|(_, of_term)| *of_term *= factor);
        self
    }

    /// This less another.
    pub fn minus(self, other: &Index) -> Self {
        let terms = other.terms.iter().map(|&(term, factor)| (term, -factor)).collect();
        self.plus(Index { constant: -other.constant, terms })
    }

    /// This plus another.
    pub fn plus(mut self, other: Index) -> Self {
        self.constant += other.constant;
        self.terms.extend(other.terms);
        self
    }
}
