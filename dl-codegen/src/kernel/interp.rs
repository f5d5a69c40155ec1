//! The meaning of kernels: a slow interpreter that compiled kernels must agree with to the bit, and that refuses to
//! touch anything beyond the buffers.

use std::ops::Range;

use thiserror::Error;

use super::{Arg, BufferUse, Index, Kernel, Stmt, Term, Tile};
use crate::vector::interp::{self, Memory};

/// Buffers may be read and written up to a whole number of the widest vectors: this many 32-bit words.
const GRANULE: usize = dl_runtime::program::ALIGNMENT / 4;

/// Why a kernel stopped: a bug in its schedule, or in how it was called.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum KernelError {
    /// Another number of buffers than the kernel has.
    #[error("the kernel has {expected} buffers, but {found} were given")]
    BufferCount {
        /// How many it has.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// Tasks that the launch does not have.
    #[error("tasks {begin}..{end} of a launch of {tasks} tasks")]
    Tasks {
        /// The first task.
        begin: usize,
        /// One past the last.
        end: usize,
        /// How many there are.
        tasks: usize,
    },
    /// An index was loaded from where it may not be.
    #[error("load of v{var}: {source}")]
    Load {
        /// The variable.
        var: usize,
        /// What was done.
        source: AccessError,
    },
    /// An index in memory is none.
    #[error("load of v{var}: {value} is not from 0 to below {limit}")]
    Limit {
        /// The variable.
        var: usize,
        /// What is in memory.
        value: i32,
        /// What it must be below.
        limit: usize,
    },
    /// A program did what it may not.
    #[error("program p{program}: {source}")]
    Access {
        /// Which of [`Kernel::programs`].
        program: usize,
        /// What it did.
        source: AccessError,
    },
}

/// What a program did against its kernel's declarations.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum AccessError {
    /// It touched a word outside a buffer.
    #[error(
        "access to the 4 bytes at offset {offset} of buffer b{buffer}, which has {len} words with its padding"
    )]
    OutOfBounds {
        /// Which of [`Kernel::buffers`].
        buffer: usize,
        /// In bytes.
        offset: i64,
        /// The words it has.
        len: usize,
    },
    /// It touched four bytes that are not one word.
    #[error("access to the 4 bytes at offset {offset} of buffer b{buffer}, which are not one word")]
    Misaligned {
        /// Which of [`Kernel::buffers`].
        buffer: usize,
        /// In bytes.
        offset: i64,
    },
    /// It read a buffer that is not declared as read.
    #[error("read of buffer b{buffer}, which is not declared as read")]
    Read {
        /// Which of [`Kernel::buffers`].
        buffer: usize,
    },
    /// It wrote to a buffer that is not declared as written.
    #[error("write to buffer b{buffer}, which is not declared as written")]
    Write {
        /// Which of [`Kernel::buffers`].
        buffer: usize,
    },
    /// It used a count as a pointer.
    #[error("argument a{arg} is used as a pointer, but is a count")]
    NotAPointer {
        /// The argument word.
        arg: u16,
    },
    /// It used a pointer as a count.
    #[error("argument a{arg} is used as a count, but is a pointer")]
    NotACount {
        /// The argument word.
        arg: u16,
    },
    /// A loop that runs less than never.
    #[error("argument a{arg} is a count of {count}")]
    NegativeCount {
        /// The argument word.
        arg: u16,
        /// The count.
        count: i64,
    },
}

/// Runs tasks `begin..end` of a kernel for a batch of `batch` examples. `buffers` are its buffers, as 32-bit words; the
/// kernel may touch the elements that it declares, rounded up to a multiple of 16, where they exist.
///
/// # Errors
///
/// [`KernelError`]: the first thing the kernel does that it may not. What it wrote before stays written.
///
/// # Panics
///
/// If the kernel uses a buffer, program, argument word or loop variable that it does not have, has a loop with a step
/// of 0, or a program that breaks a rule of the [verifier](crate::vector::verify).
pub fn run(
    kernel: &Kernel,
    batch: usize,
    begin: usize,
    end: usize,
    buffers: &mut [Vec<u32>],
) -> Result<(), KernelError> {
    let mut memory = buffers.concat();
    let mut ends = 0;
    let places = buffers.iter().map(|words| {
        ends += words.len();
        ends - words.len()..ends
    });
    let places: Vec<Range<usize>> = places.collect();
    let result = run_in(kernel, batch, begin, end, &mut memory, &places);
    for (words, place) in buffers.iter_mut().zip(places) {
        words.copy_from_slice(&memory[place]);
    }
    result
}

/// The same where all buffers lie in one memory, each in its place; places may overlap.
///
/// # Errors
///
/// As [`run`].
///
/// # Panics
///
/// As [`run`], and if a place is not in the memory.
pub fn run_in(
    kernel: &Kernel,
    batch: usize,
    begin: usize,
    end: usize,
    memory: &mut [u32],
    places: &[Range<usize>],
) -> Result<(), KernelError> {
    let (expected, found) = (kernel.buffers.len(), places.len());
    if expected != found {
        return Err(KernelError::BufferCount { expected, found });
    }
    let tasks = kernel.tasks.at(batch);
    if begin > end || end > tasks {
        return Err(KernelError::Tasks { begin, end, tasks });
    }
    let scope =
        Scope { vars: vec![0; kernel.n_vars], begin: begin as i64, end: end as i64, batch: batch as i64 };
    let uses = kernel.buffers.iter().zip(places);
    let buffers = uses.map(|(declared, place)| Buffer::new(declared, batch, place.clone())).collect();
    Machine { kernel, scope, buffers, memory }.stmts(&kernel.body)
}

/// The values of the variables.
struct Scope {
    vars: Vec<i64>,
    begin: i64,
    end: i64,
    batch: i64,
}

impl Scope {
    /// Wraps as compiled code does.
    fn eval(&self, index: &Index) -> i64 {
        index.terms.iter().fold(index.constant, |sum, &(term, factor)| {
            let value = match term {
                Term::Var(var) => self.vars[var],
                Term::VarTimesBatch(var) => self.vars[var].wrapping_mul(self.batch),
                Term::Begin => self.begin,
                Term::End => self.end,
                Term::Batch => self.batch,
                Term::Blocks(blocks) => blocks.at(self.batch as usize) as i64,
            };
            sum.wrapping_add(value.wrapping_mul(factor))
        })
    }

    fn least(&self, indices: &[Index]) -> i64 {
        indices.iter().map(|index| self.eval(index)).min().expect("a loop has an end, or a count")
    }
}

/// The part of a buffer that the kernel may touch.
struct Buffer<'k> {
    declared: &'k BufferUse,
    place: Range<usize>,
}

impl<'k> Buffer<'k> {
    fn new(declared: &'k BufferUse, batch: usize, place: Range<usize>) -> Self {
        let len = declared.elements.at(batch).next_multiple_of(GRANULE).min(place.len());
        Buffer { declared, place: place.start..place.start + len }
    }

    /// Where in memory the word at an offset in bytes is; `buffer` is which of the kernel's this is.
    fn word(&self, buffer: usize, offset: i64) -> Result<usize, AccessError> {
        if offset % 4 != 0 {
            return Err(AccessError::Misaligned { buffer, offset });
        }
        let len = self.place.len();
        match usize::try_from(offset / 4) {
            Ok(word) if word < len => Ok(self.place.start + word),
            _ => Err(AccessError::OutOfBounds { buffer, offset, len }),
        }
    }

    fn read(&self, memory: &[u32], buffer: usize, offset: i64) -> Result<u32, AccessError> {
        let word = self.word(buffer, offset)?;
        if self.declared.reads { Ok(memory[word]) } else { Err(AccessError::Read { buffer }) }
    }
}

struct Machine<'k, 'm> {
    kernel: &'k Kernel,
    scope: Scope,
    buffers: Vec<Buffer<'k>>,
    memory: &'m mut [u32],
}

impl Machine<'_, '_> {
    fn stmts(&mut self, stmts: &[Stmt]) -> Result<(), KernelError> {
        stmts.iter().try_for_each(|stmt| match stmt {
            Stmt::For { var, begin, end, tiles } => self.for_loop(*var, begin, end, tiles),
            Stmt::Load { var, buffer, offset, limit } => self.load(*var, *buffer, offset, *limit),
            Stmt::Run { program, args } => self.run_program(*program, args),
        })
    }

    fn load(&mut self, var: usize, buffer: usize, offset: &Index, limit: usize) -> Result<(), KernelError> {
        let offset = self.scope.eval(offset);
        let word = self.buffers[buffer].read(self.memory, buffer, offset);
        let value = word.map_err(|source| KernelError::Load { var, source })? as i32;
        if !usize::try_from(value).is_ok_and(|value| value < limit) {
            return Err(KernelError::Limit { var, value, limit });
        }
        self.scope.vars[var] = value.into();
        Ok(())
    }

    fn for_loop(
        &mut self,
        var: usize,
        begin: &Index,
        end: &[Index],
        tiles: &[Tile],
    ) -> Result<(), KernelError> {
        let end = self.scope.least(end);
        let mut value = self.scope.eval(begin);
        for tile in tiles {
            assert_ne!(tile.step, 0, "a tile takes its loop further");
            while value.wrapping_add(tile.step as i64) <= end {
                self.scope.vars[var] = value;
                self.stmts(&tile.body)?;
                value += tile.step as i64;
            }
        }
        Ok(())
    }

    fn run_program(&mut self, program: usize, args: &[Arg]) -> Result<(), KernelError> {
        let words = args.iter().map(|arg| match arg {
            Arg::Pointer { buffer, offset } => Word::Pointer(*buffer, self.scope.eval(offset)),
            Arg::Count(counts) => Word::Count(self.scope.least(counts)),
        });
        let mut view = View { words: words.collect(), buffers: &self.buffers, memory: self.memory };
        let body = &self.kernel.programs[program];
        interp::run(body, &mut view).map_err(|source| KernelError::Access { program, source })
    }
}

/// An argument word: a buffer and an offset in bytes, or a count.
#[derive(Clone, Copy)]
enum Word {
    Pointer(usize, i64),
    Count(i64),
}

/// The memory that a program sees.
struct View<'m> {
    words: Vec<Word>,
    buffers: &'m [Buffer<'m>],
    memory: &'m mut [u32],
}

impl View<'_> {
    /// The buffer of a place, and its offset there.
    fn locate(&self, arg: u16, offset: i64) -> Result<(usize, i64), AccessError> {
        match self.words[usize::from(arg)] {
            Word::Pointer(buffer, base) => Ok((buffer, base.wrapping_add(offset))),
            Word::Count(_) => Err(AccessError::NotAPointer { arg }),
        }
    }
}

impl Memory for View<'_> {
    type Error = AccessError;

    fn read(&self, arg: u16, offset: i64) -> Result<u32, AccessError> {
        let (buffer, offset) = self.locate(arg, offset)?;
        self.buffers[buffer].read(self.memory, buffer, offset)
    }

    fn write(&mut self, arg: u16, offset: i64, bits: u32) -> Result<(), AccessError> {
        let (buffer, offset) = self.locate(arg, offset)?;
        let word = self.buffers[buffer].word(buffer, offset)?;
        if !self.buffers[buffer].declared.writes {
            return Err(AccessError::Write { buffer });
        }
        self.memory[word] = bits;
        Ok(())
    }

    fn count(&self, arg: u16) -> Result<u64, AccessError> {
        match self.words[usize::from(arg)] {
            Word::Count(count) => u64::try_from(count).map_err(|_| AccessError::NegativeCount { arg, count }),
            Word::Pointer(..) => Err(AccessError::NotACount { arg }),
        }
    }
}
