//! Runs plans launch by launch, each buffer in memory of its own: by the kernel interpreter, which checks every access, and
//! as machine code between guard pages.

use std::ops::Range;

use dl_codegen::compile::Lowered;
use dl_codegen::jit::{self, CompiledKernels};
use dl_codegen::kernel::{Kernel, interp};
use dl_ir::interp::Environment;
use dl_ir::types::DType;
use dl_ir::value::Value;
use dl_runtime::layout::{pack, unpack};
use dl_runtime::program::{Buffer, BufferId, Layout, Place};
use region::{Allocation, Protection};

use crate::subject::Subject;

/// What is in memory that nobody has written: a NaN.
const POISON: u32 = 0x7fc0_dead;

/// What is in each buffer of a plan before its first step, padded to whole vectors.
pub fn initial(
    subject: &Subject,
    lowered: &Lowered,
    environment: &Environment,
    batch: usize,
) -> Vec<Vec<u32>> {
    let plan = &lowered.plan;
    let contents = plan.buffers.iter().enumerate().map(|(index, buffer)| {
        let input = plan.inputs.iter().find(|(_, id)| id.0 as usize == index);
        let mut data = match (buffer.place, input) {
            (_, Some((name, _))) => packed(words(&environment[name]), buffer),
            (Place::State(slot), None) => {
                packed(words(&environment[&subject.module.states[slot].name]), buffer)
            }
            (Place::Scratch(_), None) => vec![POISON; buffer.elements.at(batch)],
            (Place::Window(_), None) => return Vec::new(),
        };
        assert_eq!(data.len(), buffer.elements.at(batch), "{}", buffer.name);
        // A slot may be written in whole vectors. Arenas have room for 16, 32, … examples.
        let has_windows =
            |buffer: &Buffer| matches!(buffer.place, Place::Window(w) if w.of.0 as usize == index);
        let room = if plan.buffers.iter().any(has_windows) { batch.next_multiple_of(16) } else { batch };
        data.resize(buffer.elements.at(room).next_multiple_of(16), POISON);
        data
    });
    contents.collect()
}

/// The buffer in memory of its own that a buffer is or lies in, and the words of it that it takes in an iteration of a loop.
pub fn locate(
    lowered: &Lowered,
    BufferId(id): BufferId,
    batch: usize,
    iteration: usize,
) -> (usize, Range<usize>) {
    let buffer = &lowered.plan.buffers[id as usize];
    let len = buffer.elements.at(batch);
    match buffer.place {
        Place::Window(window) => {
            let first = window.slot_at(iteration).expect("a slot") * window.slot.at(batch);
            (window.of.0 as usize, first..first + len)
        }
        Place::State(_) | Place::Scratch(_) => (id as usize, 0..len),
    }
}

/// A tensor as its buffer holds it.
fn packed(plain: Vec<u32>, buffer: &Buffer) -> Vec<u32> {
    if buffer.layout == Layout::RowMajor {
        return plain;
    }
    let plain: Vec<f32> = plain.into_iter().map(f32::from_bits).collect();
    let mut packed = vec![0.0; buffer.elements.fixed];
    pack(buffer.layout, &buffer.packed_shape, &plain, &mut packed);
    packed.into_iter().map(f32::to_bits).collect()
}

/// What a buffer of real numbers holds, row-major.
pub fn plain(words: &[u32], buffer: &Buffer, batch: usize) -> Vec<u32> {
    let words = &words[..buffer.elements.at(batch)];
    if buffer.layout == Layout::RowMajor {
        return words.to_vec();
    }
    let packed: Vec<f32> = words.iter().copied().map(f32::from_bits).collect();
    let mut plain = vec![0.0; buffer.packed_shape.iter().product()];
    unpack(buffer.layout, &buffer.packed_shape, &packed, &mut plain);
    plain.into_iter().map(f32::to_bits).collect()
}

fn words(value: &Value) -> Vec<u32> {
    let word = |&v: &f64| if value.dtype == DType::I32 { v as i32 as u32 } else { (v as f32).to_bits() };
    value.data.iter().map(word).collect()
}

/// The ranges of tasks that a launch is cut into, the later one first: tasks do not wait for each other.
fn ranges(kernel: &Kernel, batch: usize) -> [(usize, usize); 2] {
    let tasks = kernel.tasks.at(batch);
    [(tasks / 3, tasks), (0, tasks / 3)]
}

/// Runs launches by the kernel interpreter.
pub struct Interpreted<'l> {
    pub lowered: &'l Lowered,
    pub batch: usize,
    pub memory: Vec<Vec<u32>>,
}

impl Interpreted<'_> {
    /// Runs a launch. It reads what was there before it, even where it writes in place.
    pub fn launch(&mut self, group: usize, ids: &[BufferId], iteration: usize) {
        let kernel = &self.lowered.kernels[self.lowered.kernel_of[group]];
        let places: Vec<(usize, Range<usize>)> = ids
            .iter()
            .map(|&id| {
                let (index, words) = locate(self.lowered, id, self.batch, iteration);
                (index, words.start..self.memory[index].len())
            })
            .collect();
        let words = |(index, words): &(usize, Range<usize>)| self.memory[*index][words.clone()].to_vec();
        let mut buffers: Vec<Vec<u32>> = places.iter().map(words).collect();
        for (begin, end) in ranges(kernel, self.batch) {
            interp::run(kernel, self.batch, begin, end, &mut buffers)
                .unwrap_or_else(|error| panic!("{error}\n{kernel}"));
        }
        for (((index, words), buffer), declared) in places.into_iter().zip(buffers).zip(&kernel.buffers) {
            if declared.writes {
                // Other windows of the same buffer have been written, too.
                let written = (declared.elements.at(self.batch).next_multiple_of(16)).min(words.len());
                self.memory[index][words.start..][..written].copy_from_slice(&buffer[..written]);
            }
        }
    }
}

/// Runs launches as machine code.
pub struct Guarded<'l> {
    lowered: &'l Lowered,
    batch: usize,
    code: CompiledKernels,
    memory: Vec<Pages>,
}

impl<'l> Guarded<'l> {
    /// Compiles a function's kernels.
    pub fn new(lowered: &'l Lowered, batch: usize, memory: &[Vec<u32>]) -> Self {
        let code = jit::compile(&lowered.stages, &lowered.kernels, lowered.target.lanes)
            .expect("the CPU has this width");
        let memory = memory.iter().map(|words| Pages::holding(words)).collect();
        Guarded { lowered, batch, code, memory }
    }

    /// Runs a launch.
    pub fn launch(&mut self, group: usize, ids: &[BufferId], iteration: usize) {
        let index = self.lowered.kernel_of[group];
        let place = |&id| {
            let (buffer, words) = locate(self.lowered, id, self.batch, iteration);
            // SAFETY: windows lie within their buffers.
            unsafe { self.memory[buffer].start().add(4 * words.start) }
        };
        let pointers: Vec<*mut u8> = ids.iter().map(place).collect();
        for (begin, end) in ranges(&self.lowered.kernels[index], self.batch) {
            // SAFETY: the pointers lead to the launch's buffers for this batch; what a kernel does beyond them is what
            // the guard pages are there to show. The code is alive.
            unsafe { self.code.functions()[index](pointers.as_ptr(), self.batch, begin, end) };
        }
    }

    /// What is in memory of its own.
    pub fn words(&self, buffer: usize) -> &[u32] {
        self.memory[buffer].words()
    }
}

/// A buffer that ends where a page begins that nobody may touch.
struct Pages {
    pages: Allocation,
    start: usize,
    len: usize,
}

impl Pages {
    fn holding(words: &[u32]) -> Self {
        let page = region::page::size();
        let bytes = size_of_val(words);
        let used = bytes.next_multiple_of(page).max(page);
        let mut pages = region::alloc(used + page, Protection::READ_WRITE).expect("memory");
        let start = used - bytes;
        // SAFETY: the allocation has `used` bytes before its last page, which hold the words at an aligned address.
        unsafe {
            let data = pages.as_mut_ptr::<u8>().add(start).cast::<u32>();
            data.copy_from_nonoverlapping(words.as_ptr(), words.len());
            region::protect(pages.as_ptr::<u8>().add(used), page, Protection::NONE).expect("a guard page");
        }
        Pages { pages, start, len: words.len() }
    }

    fn start(&mut self) -> *mut u8 {
        // SAFETY: the start is within the allocation.
        unsafe { self.pages.as_mut_ptr::<u8>().add(self.start) }
    }

    fn words(&self) -> &[u32] {
        // SAFETY: these words were written by `holding`, and nothing writes while this is borrowed.
        unsafe { std::slice::from_raw_parts(self.pages.as_ptr::<u8>().add(self.start).cast(), self.len) }
    }
}
