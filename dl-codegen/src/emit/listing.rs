//! Emitted and compiled kernels as text, for dumps.

use std::collections::HashSet;

use cranelift_module::Module;

use super::located;
use super::module::{DefineError, Definer};
use crate::encode::{Encoded, disassemble, encode};
use crate::kernel::Kernel;
use crate::locations::{Locations, Runs};
use crate::stages::STAGES;
use crate::vector::{Lanes, Program, Section};

/// The CLIF of kernels, by their numbers, as Cranelift gets it; with `locations`, instructions below what they are for. Uses up `module`: the encoded
/// programs stay defined there.
///
/// # Errors
///
/// As [`define_kernels`](super::define_kernels).
pub fn clif<M: Module>(
    module: &mut M,
    kernels: &[Kernel],
    shown: &[usize],
    lanes: Lanes,
    locations: Option<&Locations<'_>>,
) -> Result<String, DefineError> {
    let mut definer = Definer::new(module, STAGES, lanes, locations.is_some());
    let mut text = String::new();
    for (idx, kernel) in shown.iter().map(|&idx| (idx, &kernels[idx])) {
        definer.emit(kernel)?;
        let runs = locations.map(|locations| Runs::new(locations, idx));
        text += &heading(idx, locations);
        text += &format!("{}\n", located::clif(&definer.context.func, runs));
    }
    Ok(text)
}

/// The machine code of kernels, by their numbers, in Cranelift's notation, and of the encoded programs, in Intel's, each stretch below the
/// lines of the vector program that it stands for; with `locations`, also what they, and the bytes of the kernels, are for. Uses up
/// `module`: all of it stays defined there.
///
/// # Errors
///
/// As [`define_kernels`](super::define_kernels).
pub fn asm<M: Module>(
    module: &mut M,
    kernels: &[Kernel],
    shown: &[usize],
    lanes: Lanes,
    locations: Option<&Locations<'_>>,
) -> Result<String, DefineError> {
    let mut definer = Definer::new(module, STAGES, lanes, locations.is_some());
    let mut known = HashSet::new();
    let mut text = String::new();
    for (idx, kernel) in shown.iter().map(|&idx| (idx, &kernels[idx])) {
        definer.emit(kernel)?;
        definer.context.set_disasm(true);
        definer.define()?;
        let code = definer.context.compiled_code().and_then(|code| code.vcode.as_deref());
        text += &heading(idx, locations);
        text += &format!("{}\n", code.unwrap_or_default());
        if let (Some(code), Some(locations)) = (definer.context.compiled_code(), locations) {
            text += &located::ranges(code, Runs::new(locations, idx));
        }
        for (program_idx, program) in kernel.programs.iter().enumerate() {
            if lanes != Lanes::L4 && known.insert(program) {
                let runs = locations.map(|locations| Runs::new(locations, idx));
                text += &format!("; k{idx} p{program_idx}\n{}\n", leaf(program_idx, program, runs)?);
            }
        }
    }
    Ok(text)
}

/// `; k3`, and what that kernel is for.
fn heading(idx: usize, locations: Option<&Locations<'_>>) -> String {
    let parts = locations.map(|locations| format!(" {}", locations.parts(idx)));
    format!("; k{idx}{}\n", parts.unwrap_or_default())
}

fn leaf(idx: usize, program: &Program, runs: Option<Runs<'_>>) -> Result<String, DefineError> {
    let encoded = encode(program).map_err(|source| DefineError::Encode { program: idx, source })?;
    Ok(annotated(program, &encoded, runs))
}

/// The machine code of a program, below the lines of the program that it stands for.
fn annotated(program: &Program, encoded: &Encoded, runs: Option<Runs<'_>>) -> String {
    let mut source = Source::new(program, runs);
    let mut lines = encoded.lines.iter().peekable();
    let mut text = String::new();
    for (offset, inst) in disassemble(encoded) {
        while let Some(line) = lines.next_if(|line| line.offset <= offset) {
            text += &source.heading(line.inst);
        }
        text += &format!("{offset:6x}:  {inst}\n");
    }
    text
}

/// What is shown above code that no line of the program stands for, and that begins or ends none of its parts: the return.
const NO_LINE: &str = "; (control)\n";

/// The text of a program, to be shown in pieces.
struct Source {
    lines: Vec<String>,
    /// The line of each instruction. The others are the heads and ends of the program and its loops.
    line_of: Vec<usize>,
    n_shown: usize,
}

impl Source {
    fn new(program: &Program, runs: Option<Runs<'_>>) -> Self {
        // The first line is the program's head.
        let mut n_lines = 1;
        let mut line_of = Vec::new();
        for section in &program.sections {
            let (head, body, end) = match section {
                Section::Straight(insts) => (0, insts, 0),
                Section::Loop(counted) => (1 + counted.carried.len(), &counted.body, 1),
            };
            line_of.extend((n_lines + head..).take(body.len()));
            n_lines += head + body.len() + end;
        }
        let mut lines: Vec<String> = program.to_string().lines().map(|line| format!("; {line}\n")).collect();
        if let Some(mut runs) = runs {
            for (&line, inst) in line_of.iter().zip(program.insts()) {
                if let Some(remark) = runs.next(inst.mark) {
                    lines[line].insert_str(0, &format!("; {remark}\n"));
                }
            }
        }
        Source { lines, line_of, n_shown: 0 }
    }

    /// The lines above code that stands for this instruction, or for none: those up to it that were not shown yet, as they have
    /// no code of their own, or the instruction's alone once more.
    fn heading(&mut self, inst: Option<u32>) -> String {
        let end = match inst {
            Some(inst) => self.line_of[inst as usize] + 1,
            None => {
                (self.n_shown..self.lines.len()).find(|&line| self.is_inst(line)).unwrap_or(self.lines.len())
            }
        };
        if inst.is_none() && end == self.n_shown {
            return NO_LINE.to_owned();
        }
        let begin = self.n_shown.min(end - 1);
        self.n_shown = self.n_shown.max(end);
        self.lines[begin..end].concat()
    }

    fn is_inst(&self, line: usize) -> bool {
        self.line_of.binary_search(&line).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{Address, Count, ProgramBuilder};

    #[test]
    fn code_stands_below_its_lines() {
        let mut b = ProgramBuilder::new(Lanes::L8);
        let (x, y, n) = (b.arg(), b.arg(), b.arg());
        let zero = b.f32(0.0);
        let sums = b.begin_loop(Count::Arg(n), &[zero]);
        let term = b.load(Address { arg: x, offset: 0, step: 32 });
        let sum = b.add(sums[0], term);
        let sums = b.end_loop(&[sum]);
        b.store(Address { arg: y, offset: 0, step: 0 }, sums[0]);
        let program = b.finish();
        let text = annotated(&program, &encode(&program).expect("a valid program"), None);
        // Of the machine code, the names of vector instructions.
        let shown: Vec<&str> = text
            .lines()
            .map(|line| {
                line.split_once(":  ").map_or(line, |(_, inst)| inst.split(' ').next().unwrap_or(inst))
            })
            .filter(|line| line.starts_with([';', 'v']))
            .collect();
        let expected = [
            "; program f32x8 args 3",
            "vxorps",
            "; %0 = splat 0x00000000 ; 0.0",
            "; loop a2 {",
            ";   carry %1 init %0 next %3 result %4",
            ";   %2 = load [a0 + 32i]",
            ";   %3 = add %1, %2",
            "vaddps",
            "; }",
            "; store [a1], %4",
            "vmovups",
            "; (control)",
            "vzeroupper",
        ];
        assert_eq!(shown, expected);
    }
}
