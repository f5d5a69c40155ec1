//! One allocation for all that a network computes with: its state, then scratch space for the step that runs.
//!
//! Its size is known before anything runs. It grows for a batch larger than any before, and never otherwise.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use thiserror::Error;

use crate::program::{ALIGNMENT, BATCH_GRANULE, Element, Extent, round_up};

/// The arena starts on a page, so that no buffer shares one with foreign data. No system has smaller pages.
pub(crate) const PAGE: usize = 4096;

/// Arenas of half this size and more are made of huge pages where the system has them, the last one included: a step touches all of
/// its arena, and a processor remembers where some thousands of pages are. Small pages lie anywhere; by chance some compete for the
/// same places in its caches, and the process is slow for as long as it lives.
const HUGE_PAGE: usize = 2 << 20;

/// Why an arena could not be made or grown. The old arena is intact.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ArenaError {
    /// There is not enough memory even for the state.
    #[error("no memory for {bytes} bytes of parameters and optimizer state; use a smaller network")]
    State {
        /// The size of the state region.
        bytes: usize,
    },
    /// The plan needs more bytes than an address can count.
    #[error(
        "a batch of {examples} examples needs more memory than a pointer can address; use a smaller batch"
    )]
    TooLarge {
        /// The batch size asked for.
        examples: usize,
    },
    /// The system has no more memory.
    #[error("no memory for an arena of {bytes} bytes (batch of {examples} examples); use a smaller batch")]
    OutOfMemory {
        /// The size of the arena asked for.
        bytes: usize,
        /// The batch size asked for.
        examples: usize,
    },
}

/// The memory of a network: the state region, followed by the scratch region that all its programs share.
#[derive(Debug)]
pub struct Arena {
    memory: Memory,
    state_bytes: usize,
    scratch: Vec<Extent>,
    capacity: usize,
    generation: u64,
}

impl Arena {
    /// An arena of zeros for `state_bytes` of state, without scratch space yet.
    ///
    /// # Errors
    /// If the state does not fit in memory.
    pub fn new(state_bytes: usize) -> Result<Self, ArenaError> {
        let memory = total_bytes(state_bytes, 0).and_then(Memory::zeroed);
        let memory = memory.ok_or(ArenaError::State { bytes: state_bytes })?;
        Ok(Arena { memory, state_bytes, scratch: Vec::new(), capacity: 0, generation: 0 })
    }

    /// Makes known that a program needs this much scratch space; [`fit`](Arena::fit) provides it.
    pub fn expect_scratch(&mut self, scratch: Extent) {
        let covered = |by: &Extent| by.fixed >= scratch.fixed && by.per_example >= scratch.per_example;
        if !self.scratch.iter().any(covered) {
            self.scratch.push(scratch);
        }
    }

    /// The size of an arena that serves batches of `n` examples, in bytes; `None` if it cannot be addressed.
    pub fn bytes_for(&self, n: usize) -> Option<usize> {
        let capacity = n.checked_next_multiple_of(BATCH_GRANULE)?;
        let larger = |so_far: usize, extent: &Extent| Some(so_far.max(extent.checked_at(capacity)?));
        let largest = self.scratch.iter().try_fold(0, larger)?;
        total_bytes(self.state_bytes, largest)
    }

    /// Makes room for batches of `n` examples. State is kept; scratch contents are lost if the arena grows.
    ///
    /// # Errors
    /// If the memory is not to be had; the arena is then what it was.
    pub fn fit(&mut self, n: usize) -> Result<(), ArenaError> {
        let examples = n.max(self.capacity);
        let too_large = ArenaError::TooLarge { examples };
        let capacity = examples.checked_next_multiple_of(BATCH_GRANULE).ok_or(too_large.clone())?;
        let bytes = self.bytes_for(capacity).ok_or(too_large)?;
        if bytes > self.memory.bytes() {
            let mut memory = Memory::zeroed(bytes).ok_or(ArenaError::OutOfMemory { bytes, examples })?;
            memory.copy_prefix(&self.memory, self.state_bytes);
            self.memory = memory;
            self.generation += 1;
        } else if capacity > self.capacity {
            self.generation += 1;
        }
        self.capacity = capacity;
        Ok(())
    }

    /// Whether batches of `n` examples of the programs made known so far fit.
    pub fn fits(&self, n: usize) -> bool {
        n <= self.capacity && self.bytes_for(self.capacity).is_some_and(|bytes| bytes <= self.memory.bytes())
    }

    /// The number of examples that scratch offsets are computed with: a multiple of [`BATCH_GRANULE`].
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Changes whenever addresses in the arena do.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The bytes in use of the allocation, which may be larger.
    pub fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// The size of the state region, in bytes.
    pub fn state_bytes(&self) -> usize {
        self.state_bytes
    }

    /// Where the scratch region starts, in bytes from [`base`](Arena::base).
    pub fn scratch_start(&self) -> usize {
        round_up(self.state_bytes)
    }

    /// The size of the scratch region in use, in bytes.
    pub fn scratch_bytes(&self) -> usize {
        self.memory.bytes() - self.scratch_start() - ALIGNMENT
    }

    /// The first byte, at the start of a page. Valid until the generation changes.
    pub fn base(&self) -> NonNull<u8> {
        self.memory.start
    }

    /// `len` words from a byte offset on, as `f32` or `i32`.
    ///
    /// # Panics
    /// If they do not lie in the arena, or the offset is not a multiple of four.
    pub fn words<T: Word>(&self, offset: usize, len: usize) -> &[T] {
        self.memory.check(offset, len);
        // SAFETY: in bounds and aligned, as just checked; every bit pattern is a `Word`; `&self` keeps writers out.
        unsafe { std::slice::from_raw_parts(self.memory.start.as_ptr().add(offset).cast(), len) }
    }

    /// The same, to be written.
    ///
    /// # Panics
    /// As [`words`](Arena::words).
    pub fn words_mut<T: Word>(&mut self, offset: usize, len: usize) -> &mut [T] {
        self.memory.check(offset, len);
        // SAFETY: as in `words`; `&mut self` makes this the only reference into the arena.
        unsafe { std::slice::from_raw_parts_mut(self.memory.start.as_ptr().add(offset).cast(), len) }
    }
}

/// The size of an arena for so many bytes of state and of scratch space; `None` if it cannot be addressed.
pub fn total_bytes(state: usize, scratch: usize) -> Option<usize> {
    let state = state.checked_next_multiple_of(ALIGNMENT)?;
    let scratch = scratch.checked_next_multiple_of(ALIGNMENT)?;
    // A vector of slack: kernels may read past the last buffer.
    let bytes = state.checked_add(scratch)?.checked_add(ALIGNMENT)?;
    Layout::from_size_align(bytes, PAGE).ok().map(|layout| layout.size())
}

/// What a four-byte word of the arena may be read as.
///
/// Sealed: implemented for `f32` and `i32`, of which every bit pattern is a value.
pub trait Word: Copy + Default + PartialEq + sealed::Sealed {
    /// Its name in programs.
    const ELEMENT: Element;
}

impl Word for f32 {
    const ELEMENT: Element = Element::F32;
}

impl Word for i32 {
    const ELEMENT: Element = Element::I32;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for i32 {}
}

/// An owned, page-aligned allocation, of which the first `bytes` are in use and start as zeros.
#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    bytes: usize,
    layout: Layout,
}

// SAFETY: `Memory` owns its allocation and has no interior mutability of its own; access follows `&` and `&mut`.
unsafe impl Send for Memory {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for Memory {}

impl Memory {
    /// `None` if the system refuses. `bytes` is positive.
    fn zeroed(bytes: usize) -> Option<Self> {
        let page = if bytes < HUGE_PAGE / 2 { PAGE } else { HUGE_PAGE };
        let layout = Layout::from_size_align(bytes.checked_next_multiple_of(page)?, page).ok()?;
        // SAFETY: the size is not zero, since `bytes` is not.
        let start = NonNull::new(unsafe { alloc(layout) })?;
        prefer_huge_pages(start, layout);
        // SAFETY: at least so many bytes have just been allocated.
        unsafe { start.as_ptr().write_bytes(0, bytes) };
        Some(Memory { start, bytes, layout })
    }

    fn bytes(&self) -> usize {
        self.bytes
    }

    fn check(&self, offset: usize, len: usize) {
        let end = len.checked_mul(4).and_then(|bytes| bytes.checked_add(offset));
        assert!(
            offset.is_multiple_of(4) && end.is_some_and(|end| end <= self.bytes()),
            "{len} words at offset {offset} do not lie in an arena of {} bytes",
            self.bytes()
        );
    }

    fn copy_prefix(&mut self, from: &Memory, bytes: usize) {
        assert!(bytes <= self.bytes() && bytes <= from.bytes(), "the state region lies in both arenas");
        // SAFETY: both allocations hold `bytes` initialised bytes and are distinct.
        unsafe { std::ptr::copy_nonoverlapping(from.start.as_ptr(), self.start.as_ptr(), bytes) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated by `alloc` with this layout, and freed only here.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

/// Asks the system for huge pages, if that is worth it; it may refuse. To be called before the memory is first written.
fn prefer_huge_pages(start: NonNull<u8>, layout: Layout) {
    #[cfg(target_os = "linux")]
    if layout.align() == HUGE_PAGE {
        // SAFETY: the allocation is ours; the advice changes nothing that can be observed in it.
        unsafe { libc::madvise(start.as_ptr().cast(), layout.size(), libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, layout);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_zeroed_and_aligned() {
        let arena = Arena::new(100).unwrap();
        assert_eq!(arena.base().as_ptr() as usize % PAGE, 0);
        assert_eq!(arena.bytes(), 128 + ALIGNMENT);
        assert!(arena.words::<i32>(0, arena.bytes() / 4).iter().all(|&word| word == 0));
    }

    #[test]
    fn what_makes_the_last_page_whole_is_not_in_use() {
        let state = HUGE_PAGE - HUGE_PAGE / 4;
        let arena = Arena::new(state).unwrap();
        assert_eq!(arena.base().as_ptr() as usize % HUGE_PAGE, 0);
        assert_eq!(arena.bytes(), state + ALIGNMENT);
        let past = std::panic::catch_unwind(|| arena.words::<f32>(arena.bytes(), 1).len());
        assert!(past.is_err());
    }

    #[test]
    fn grows_for_larger_batches_only_and_keeps_state() {
        let mut arena = Arena::new(64).unwrap();
        arena.expect_scratch(Extent { fixed: 128, per_example: 4 });
        arena.words_mut::<f32>(0, 16).copy_from_slice(&[1.5; 16]);
        arena.fit(3).unwrap();
        assert_eq!((arena.capacity(), arena.scratch_start(), arena.scratch_bytes()), (16, 64, 128 + 64));
        let (bytes, generation) = (arena.bytes(), arena.generation());
        arena.fit(16).unwrap();
        arena.fit(1).unwrap();
        assert_eq!((arena.bytes(), arena.generation(), arena.capacity()), (bytes, generation, 16));
        arena.fit(17).unwrap();
        assert_eq!(arena.capacity(), 32);
        assert!(arena.bytes() > bytes && arena.generation() > generation);
        assert_eq!(arena.words::<f32>(0, 16), [1.5; 16]);
    }

    #[test]
    fn serves_the_largest_of_several_programs() {
        let mut arena = Arena::new(0).unwrap();
        arena.expect_scratch(Extent::fixed(6400));
        arena.expect_scratch(Extent { fixed: 0, per_example: 64 });
        arena.fit(16).unwrap();
        assert_eq!(arena.scratch_bytes(), 6400);
        assert!(arena.fits(16) && !arena.fits(17));
        // Offsets depend on the capacity, so addresses change even where the size does not.
        let (bytes, generation) = (arena.bytes(), arena.generation());
        arena.fit(32).unwrap();
        assert!(arena.bytes() == bytes && arena.generation() > generation);
        arena.fit(200).unwrap();
        assert_eq!(arena.scratch_bytes(), 208 * 64);
        arena.expect_scratch(Extent::fixed(1 << 20));
        assert!(!arena.fits(1));
    }

    #[test]
    fn refuses_what_cannot_be_had_and_stays_intact() {
        let mut arena = Arena::new(64).unwrap();
        arena.expect_scratch(Extent { fixed: 0, per_example: 1 << 20 });
        arena.fit(1).unwrap();
        arena.words_mut::<i32>(0, 1)[0] = 7;
        let before = (arena.base(), arena.bytes(), arena.generation());
        assert_eq!(arena.fit(usize::MAX), Err(ArenaError::TooLarge { examples: usize::MAX }));
        assert_eq!(arena.fit(usize::MAX >> 20), Err(ArenaError::TooLarge { examples: usize::MAX >> 20 }));
        let huge = usize::MAX >> 22;
        assert!(matches!(arena.fit(huge), Err(ArenaError::OutOfMemory { examples, .. }) if examples == huge));
        assert_eq!(before, (arena.base(), arena.bytes(), arena.generation()));
        assert_eq!(arena.words::<i32>(0, 1), [7]);
        assert_eq!(arena.capacity(), 16);
    }

    #[test]
    #[should_panic(expected = "do not lie in an arena")]
    fn words_are_bounds_checked() {
        let arena = Arena::new(64).unwrap();
        arena.words::<f32>(64, 17);
    }
}
