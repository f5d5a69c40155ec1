//! CLIF and machine code with what they are for. The marks of vector programs' lines go through Cranelift as places in a source.

use cranelift_codegen::CompiledCode;
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, Function, Inst, SourceLoc, Value};
use cranelift_codegen::write::{FuncWriter, PlainWriter, decorate_function};
use std::fmt::{self, Write};

use crate::locations::Runs;
use crate::vector::Mark;

/// The place that stands for a mark.
pub fn place(mark: Mark) -> SourceLoc {
    SourceLoc::new(mark.0)
}

fn mark(place: SourceLoc) -> Mark {
    if place.is_default() { Mark::MAIN } else { Mark(place.bits()) }
}

/// A function as text, runs of instructions below what they are for, if that is asked for.
pub fn clif(func: &Function, runs: Option<Runs<'_>>) -> String {
    let Some(runs) = runs else { return func.display().to_string() };
    let mut text = String::new();
    decorate_function(&mut Writer { runs }, &mut text, func).expect("writing to a string");
    text
}

/// Stretches of a compiled function's bytes, each with what it is for.
pub fn ranges(code: &CompiledCode, mut runs: Runs<'_>) -> String {
    let mut text = String::new();
    let mut stretches = code.buffer.get_srclocs_sorted().iter().peekable();
    while let Some(first) = stretches.next() {
        let mut end = first.end;
        while let Some(next) = stretches.next_if(|next| next.loc == first.loc) {
            end = next.end;
        }
        if let Some(remark) = runs.next(mark(first.loc)) {
            writeln!(text, "; {:4x}..{end:x} {remark}", first.start).expect("writing to a string");
        }
    }
    text + "\n"
}

struct Writer<'a> {
    runs: Runs<'a>,
}

impl FuncWriter for Writer<'_> {
    fn write_block_header(
        &mut self,
        w: &mut dyn Write,
        func: &Function,
        block: Block,
        indent: usize,
    ) -> fmt::Result {
        PlainWriter.write_block_header(w, func, block, indent)
    }

    fn write_instruction(
        &mut self,
        w: &mut dyn Write,
        func: &Function,
        aliases: &SecondaryMap<Value, Vec<Value>>,
        inst: Inst,
        indent: usize,
    ) -> fmt::Result {
        if let Some(remark) = self.runs.next(mark(func.srcloc(inst))) {
            writeln!(w, "{:indent$}; {remark}", "")?;
        }
        PlainWriter.write_instruction(w, func, aliases, inst, indent)
    }
}
