//! Runs encoded programs, in memory where a step too far is a fault.

use super::{Encoded, encode};
use crate::vector::interp::{self, Arg};
use crate::vector::random::assert_same_memory;
use crate::vector::{Lanes, Program};
use region::{Allocation, Protection};
use std::arch::is_x86_feature_detected;

/// The widths that this machine has. Says which it leaves out.
pub(super) fn widths() -> Vec<Lanes> {
    let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let has_avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl");
    let widths = [(Lanes::L8, has_avx2), (Lanes::L16, has_avx512)];
    for (lanes, _) in widths.iter().filter(|(_, has)| !has) {
        println!("skipped: this machine has no vectors of {} bytes", lanes.bytes());
    }
    widths.into_iter().filter(|(_, has)| *has).map(|(lanes, _)| lanes).collect()
}

/// Asserts that the encoded program leaves the same memory as the interpreter, and touches none outside the arguments.
pub(super) fn check(program: &Program, args: &[Arg], context: &str) {
    let encoded = encode(program).unwrap_or_else(|error| panic!("{context}: {error:?}: {program:#?}"));
    check_encoded(&encoded, program, args, context);
}

/// Asserts that `encoded` does what the program does.
pub(super) fn check_encoded(encoded: &Encoded, program: &Program, args: &[Arg], context: &str) {
    let function = Function::new(encoded);
    let mut expected = args.to_vec();
    interp::run(program, &mut expected).unwrap_or_else(|error| panic!("{context}: {error}"));
    for guard in [Guard::Before, Guard::After] {
        let mut found = args.to_vec();
        function.run(&mut found, guard);
        assert_same_memory(&expected, &found, &format!("{context}, guard {guard:?}"));
    }
}

/// On which side of an argument's memory the next byte is a fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum Guard {
    Before,
    After,
}

/// An encoded program in executable memory.
pub(super) struct Function {
    code: Allocation,
}

impl Function {
    pub fn new(encoded: &Encoded) -> Function {
        let mut code = region::alloc(encoded.bytes.len(), Protection::READ_WRITE).expect("memory");
        // SAFETY: the allocation is as long as the bytes, and nobody else knows it.
        unsafe {
            let target = code.as_mut_ptr::<u8>();
            target.copy_from_nonoverlapping(encoded.bytes.as_ptr(), encoded.bytes.len());
            region::protect(code.as_ptr::<u8>(), code.len(), Protection::READ_EXECUTE)
                .expect("executable memory");
        }
        Function { code }
    }

    /// Runs it on copies of the arguments' bytes, and copies them back.
    pub fn run(&self, args: &mut [Arg], guard: Guard) {
        let mut memory: Vec<Guarded> = Vec::new();
        let words: Vec<u64> = args
            .iter()
            .map(|arg| match arg {
                Arg::Count(count) => *count,
                Arg::Bytes(bytes) => {
                    memory.push(Guarded::new(bytes, guard));
                    memory.last().expect("just pushed").start.expose_provenance() as u64
                }
            })
            .collect();
        // SAFETY: the code is a leaf function of this signature; the test passes arguments that its program may run on,
        // as the interpreter confirms, and on a machine of its width.
        unsafe {
            let function: extern "sysv64" fn(*const u64) = std::mem::transmute(self.code.as_ptr::<u8>());
            function(words.as_ptr());
        }
        let arrays = args.iter_mut().filter_map(|arg| match arg {
            Arg::Bytes(bytes) => Some(bytes),
            Arg::Count(_) => None,
        });
        for (bytes, guarded) in arrays.zip(&memory) {
            guarded.copy_to(bytes);
        }
    }
}

/// A copy of bytes, with an inaccessible page on one side.
struct Guarded {
    _pages: Allocation,
    start: *mut u8,
}

impl Guarded {
    fn new(bytes: &[u8], guard: Guard) -> Guarded {
        let page = region::page::size();
        let len = bytes.len().max(1).next_multiple_of(page);
        let mut pages = region::alloc(len + page, Protection::READ_WRITE).expect("memory");
        let base = pages.as_mut_ptr::<u8>();
        // SAFETY: both offsets are inside the allocation of `len + page` bytes, as are the `bytes.len() <= len` bytes at
        // `start`; nobody else knows it.
        unsafe {
            let (start, guarded) = match guard {
                Guard::Before => (base.add(page), base),
                Guard::After => (base.add(len - bytes.len()), base.add(len)),
            };
            start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            region::protect(guarded, page, Protection::NONE).expect("a guard page");
            Guarded { _pages: pages, start }
        }
    }

    fn copy_to(&self, bytes: &mut [u8]) {
        // SAFETY: `start` points to as many bytes as the slice has that it was made from, which is this one.
        unsafe { self.start.copy_to_nonoverlapping(bytes.as_mut_ptr(), bytes.len()) }
    }
}
