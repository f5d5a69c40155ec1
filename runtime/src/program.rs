//! Compiled functions as data: buffers, an arena plan, and a launch table walked by a short loop.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::layout::packed_len;

/// A number of bytes or elements that may depend on the batch size: `fixed + per_example · n`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Extent {
    /// The part that is always there.
    pub fixed: usize,
    /// The part for each example.
    pub per_example: usize,
}

impl Extent {
    /// An extent that does not depend on the batch.
    pub const fn fixed(fixed: usize) -> Self {
        Extent { fixed, per_example: 0 }
    }

    /// Its value for a batch of `n` examples.
    pub const fn at(self, n: usize) -> usize {
        self.fixed + self.per_example * n
    }

    /// Its value for a batch of `n` examples, or `None` where it does not fit a `usize`.
    pub fn checked_at(self, n: usize) -> Option<usize> {
        self.per_example.checked_mul(n)?.checked_add(self.fixed)
    }
}

/// The number of blocks that hold an extent, the last of them perhaps not full: ⌈of / size⌉.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Blocks {
    /// What is cut into blocks.
    pub of: Extent,
    /// How much of it is in a block; not 0.
    pub size: usize,
}

impl Blocks {
    /// The number for a batch of `n` examples.
    pub const fn at(self, n: usize) -> usize {
        self.of.at(n).div_ceil(self.size)
    }
}

impl From<Extent> for Blocks {
    /// A block for each.
    fn from(of: Extent) -> Self {
        Blocks { of, size: 1 }
    }
}

/// What the lanes of a tensor hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 32-bit signed integers: class indices, token ids.
    I32,
}

/// How a tensor lies in its buffer. Files and `parameters()` always show plain, row-major tensors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Layout {
    /// Row-major, dense.
    RowMajor,
    /// A matrix [k, n] as ⌈n / width⌉ panels, each of k rows of `width` columns, one after the other; missing columns
    /// of the last panel are zeros. The last axis is n, the product of all others k.
    Panel {
        /// Columns in a panel.
        width: usize,
    },
}

/// A tensor that outlives a step: a parameter, a buffer (running statistics), or the optimizer's state.
#[derive(Clone, PartialEq, Debug)]
pub struct StateSlot {
    /// Its name: `dense0.weight`, `adam.m.dense0.weight`.
    pub name: String,
    /// Its plain shape.
    pub shape: Vec<usize>,
    /// Its element type.
    pub element: Element,
    /// How it lies in the arena.
    pub layout: Layout,
    /// Where it starts in the state region, in bytes; a multiple of [`ALIGNMENT`].
    pub offset: usize,
}

impl StateSlot {
    /// The bytes its layout takes, a multiple of [`ALIGNMENT`]; `usize::MAX` if they cannot be addressed.
    pub fn bytes(&self) -> usize {
        packed_len(self.layout, &self.shape)
            .and_then(|elements| elements.checked_mul(4)?.checked_next_multiple_of(ALIGNMENT))
            .unwrap_or(usize::MAX)
    }
}

/// The state of a network, shared by all its programs: laid out once, at the start of the arena.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StatePlan {
    /// Every state tensor, in the module's order, at disjoint offsets.
    pub slots: Vec<StateSlot>,
}

impl StatePlan {
    /// The size of the state region; `usize::MAX` if it cannot be addressed.
    pub fn bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.offset.saturating_add(slot.bytes())).max().unwrap_or(0)
    }
}

/// Every buffer starts at a multiple of this many bytes and may be read and overwritten up to the next multiple
/// past its end: one vector of the widest kind.
pub const ALIGNMENT: usize = 64;

/// Bytes rounded up to a whole number of [`ALIGNMENT`]s.
pub const fn round_up(bytes: usize) -> usize {
    bytes.div_ceil(ALIGNMENT) * ALIGNMENT
}

/// Batch capacities are multiples of this, so that `per_example` sizes stay aligned.
pub const BATCH_GRANULE: usize = 16;

/// An index into [`Program::buffers`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BufferId(pub u32);

/// Where a buffer lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// It is this state tensor (an index into [`StatePlan::slots`]).
    State(usize),
    /// In the scratch region, at this offset: `fixed` bytes, a multiple of [`ALIGNMENT`], plus `per_example` bytes
    /// (a multiple of 4) for each example of the arena's capacity.
    Scratch(Extent),
    /// In another buffer of the program.
    Window(Window),
}

/// Some of the slots that another buffer consists of; in a [loop](Loop), others in each iteration. Where it starts depends on the
/// batch size, at any multiple of four bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Window {
    /// The other buffer, which lies in scratch.
    pub of: BufferId,
    /// The number of elements of a slot.
    pub slot: Extent,
    /// The slot at which it starts outside loops, and in the first iteration.
    pub first: usize,
    /// How many slots further on it starts in each next iteration.
    pub advance: isize,
}

impl Window {
    /// The slot at which it starts in an iteration, counted from 0; `None` if it would be before the first.
    pub fn slot_at(self, iteration: usize) -> Option<usize> {
        let moved = self.advance.checked_mul(isize::try_from(iteration).ok()?)?;
        self.first.checked_add_signed(moved)
    }
}

/// A tensor's storage during a run of the program.
#[derive(Clone, PartialEq, Debug)]
pub struct Buffer {
    /// For people: the node it holds, or an input's or result's name.
    pub name: String,
    /// What it holds.
    pub element: Element,
    /// The number of elements, padding of the layout included: fixed for static tensors, per example for those with a batch
    /// dimension, both where there are some for every so many examples.
    pub elements: Extent,
    /// How it lies; the plain shape where that is not row-major.
    pub layout: Layout,
    /// The plain shape of a tensor in panels; empty for others.
    pub packed_shape: Vec<usize>,
    /// Where it lies.
    pub place: Place,
}

/// The compiled code of a kernel.
///
/// `buffers` points to as many pointers as the launch lists buffers, `batch` is the batch size n, and the tasks
/// `begin..end` of the launch are computed, one at least.
pub type KernelFn = unsafe extern "C" fn(buffers: *const *mut u8, batch: usize, begin: usize, end: usize);

/// One entry of the launch table: a kernel, what it works on, and how much work it is.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its name, for dumps and profiles.
    pub name: String,
    /// An index into [`Program::kernels`].
    pub kernel: usize,
    /// The buffers it reads and writes, in the kernel's order.
    pub buffers: Vec<BufferId>,
    /// Those of them that it writes: never an input.
    pub writes: Vec<BufferId>,
    /// How many independent tasks it can be cut into.
    pub tasks: Blocks,
    /// What it costs in all: decides over threads, never over results.
    pub cost: Cost,
}

/// A rough cost on one thread, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Cost {
    /// The part that is always there.
    pub fixed: f32,
    /// The part for each example.
    pub per_example: f32,
}

impl Cost {
    /// The cost for a batch of `n` examples.
    pub fn at(self, n: usize) -> f32 {
        self.fixed + self.per_example * n as f32
    }
}

/// A step of a program.
#[derive(Clone, Debug)]
pub enum Step {
    /// Run kernels that do not depend on each other: none reads or writes what another of them writes. They may run at the
    /// same time.
    Launches(Vec<Launch>),
    /// Stop with [`NotFinite`](crate::machine::RunError::NotFinite), before anything was written to state, unless
    /// every element of this buffer is finite.
    CheckFinite(BufferId),
    /// Run phases again and again.
    Loop(Loop),
}

/// Launches that are repeated; what they work on moves by [windows](Window).
#[derive(Clone, Debug)]
pub struct Loop {
    /// How often.
    pub count: usize,
    /// The phases of an iteration, in order: launches that do not depend on each other.
    pub phases: Vec<Vec<Launch>>,
}

impl Step {
    /// Its phases in order, and how often they are run.
    pub fn phases(&self) -> (usize, &[Vec<Launch>]) {
        match self {
            Step::Launches(launches) => (1, std::slice::from_ref(launches)),
            Step::CheckFinite(_) => (1, &[]),
            Step::Loop(repeated) => (repeated.count, &repeated.phases),
        }
    }
}

/// A function of a network, compiled: it reads inputs and state, and leaves results and new state in the arena.
#[derive(Clone)]
pub struct Program {
    /// The function's name: `train_step`.
    pub name: String,
    /// All its storage.
    pub buffers: Vec<Buffer>,
    /// The size of its scratch region.
    pub scratch: Extent,
    /// The inputs by name (`x`, `y`): to be filled before each run, or, where they are row-major, lent for it. No launch writes
    /// them.
    pub inputs: Vec<(String, BufferId)>,
    /// The results by name (`loss`, `output`), to be read after each run.
    pub results: Vec<(String, BufferId)>,
    /// Distinct kernels.
    pub kernels: Vec<KernelFn>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// Keeps the memory of `kernels` alive.
    pub code: Arc<dyn Code>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("name", &self.name)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// Owner of executable memory: freed when the last program that uses it is dropped.
pub trait Code: Any + Send + Sync {}
