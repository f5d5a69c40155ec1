//! Printing.

use std::fmt::{self, Display, Formatter, Write};

use super::{Form, OPS};
use crate::vector::{Address, Count, Inst, Lanes, Loop, Op, Program, Section, Value};

impl Display for Program {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write(f, self, &mut |_| None)
    }
}

/// A program with comments, each a line, before some of its instructions.
pub fn with_comments(program: &Program, comment: &mut dyn FnMut(&Inst) -> Option<String>) -> String {
    let mut text = String::new();
    write(&mut text, program, comment).expect("writing to a string");
    text
}

type Comment<'c> = &'c mut dyn FnMut(&Inst) -> Option<String>;

fn write(w: &mut dyn Write, program: &Program, comment: Comment<'_>) -> fmt::Result {
    writeln!(w, "program {} args {}", program.lanes, program.n_args)?;
    program.sections.iter().try_for_each(|section| match section {
        Section::Straight(insts) => write_insts(w, insts, "", comment),
        Section::Loop(counted) => write_loop(w, counted, comment),
    })
}

impl Display for Lanes {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "f32x{}", self.count())
    }
}

impl Display for Value {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

fn write_loop(w: &mut dyn Write, counted: &Loop, comment: Comment<'_>) -> fmt::Result {
    match counted.count {
        Count::Static(count) => writeln!(w, "loop {count} {{")?,
        Count::Arg(arg) => writeln!(w, "loop a{arg} {{")?,
    }
    for carried in &counted.carried {
        let [param, init, next, result] = [carried.param, carried.init, carried.next, carried.result];
        writeln!(w, "  carry {param} init {init} next {next} result {result}")?;
    }
    write_insts(w, &counted.body, "  ", comment)?;
    writeln!(w, "}}")
}

impl Display for Inst {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self.result {
            Some(result) => write!(f, "{result} = {}", self.op),
            None => write!(f, "{}", self.op),
        }
    }
}

impl Display for Op {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        match self {
            Op::Splat(bits) => write_splat(f, *bits),
            Op::LaneIndex => write!(f, "lane_index"),
            Op::SplatArg(arg) => write!(f, "splat_arg a{arg}"),
            Op::Load(address) => write!(f, "load {address}"),
            Op::LoadTail(address, count) => write!(f, "load.tail({count}) {address}"),
            Op::Broadcast(address) => write!(f, "broadcast {address}"),
            Op::Store(address, value) => write!(f, "store {address}, {value}"),
            Op::StoreTail(address, value, count) => write!(f, "store.tail({count}) {address}, {value}"),
            Op::Prefetch(address) => write!(f, "prefetch {address}"),
            _ => {
                let (name, _) = OPS.iter().find(|(_, form)| form.makes(self)).expect("the table has all ops");
                let operands: Vec<String> = self.operands().map(|operand| operand.to_string()).collect();
                write!(f, "{name} {}", operands.join(", "))?;
                immediate(self).map_or(Ok(()), |amount| write!(f, ", {amount}"))
            }
        }
    }
}

impl Display for Address {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        write!(f, "[a{}", self.arg)?;
        for (bytes, unit) in [(self.offset, ""), (self.step, "i")] {
            if bytes != 0 {
                let sign = if bytes < 0 { '-' } else { '+' };
                write!(f, " {sign} {}{unit}", bytes.unsigned_abs())?;
            }
        }
        write!(f, "]")
    }
}

impl Form {
    /// Whether `op` is this form's op, of some operands.
    fn makes(self, op: &Op) -> bool {
        let operands: Vec<Value> = op.operands().collect();
        let made = match (self, &operands[..], immediate(op)) {
            (Form::Unary(make), &[a], None) => make(a),
            (Form::Binary(make), &[a, b], None) => make(a, b),
            (Form::Ternary(make), &[a, b, c], None) => make(a, b, c),
            (Form::Immediate(make), &[a], Some(amount)) => make(a, amount),
            _ => return false,
        };
        made == *op
    }
}

/// The constant of an op of the form [`Form::Immediate`].
fn immediate(op: &Op) -> Option<u8> {
    match *op {
        Op::Shl(_, amount) | Op::ShrU(_, amount) | Op::ShrS(_, amount) | Op::SwapLanes(_, amount) => {
            Some(amount)
        }
        _ => None,
    }
}

/// The bits, and the number that they are as f32, if that may be what is meant.
fn write_splat(f: &mut Formatter, bits: u32) -> fmt::Result {
    write!(f, "splat {bits:#010x}")?;
    let number = f32::from_bits(bits);
    if number.is_normal() || number == 0.0 || number.is_infinite() {
        write!(f, " ; {number:?}")?;
    }
    Ok(())
}

fn write_insts(w: &mut dyn Write, insts: &[Inst], indent: &str, comment: Comment<'_>) -> fmt::Result {
    insts.iter().try_for_each(|inst| {
        if let Some(comment) = comment(inst) {
            writeln!(w, "{indent}; {comment}")?;
        }
        writeln!(w, "{indent}{inst}")
    })
}
