//! Kernels as text, for dumps and golden files.
//!
//! ```text
//! kernel batch tasks
//!   b0: f32[784*batch] read
//!   b1: f32[100] write
//!   for v0 from begin to end
//!     by 4
//!       p0(b0 + 12544*v0, b1, 784)
//!     by 1
//!       v1 = load b2 + 4*v0 below 1000
//!       p1(b0 + 3136*v1, b1, 784)
//! p0: program f32x16 args 3
//!   …
//! ```
//!
//! First how many tasks there are, and each buffer's (`b`) elements and uses. Then the body: loops of a variable (`v`),
//! with a body for each step, indices loaded from memory, and runs of programs (`p`) with their argument words: a place in a
//! buffer, in bytes, or a count. `blocks(n, size)` is how many blocks of `size` hold n. Last the programs, in the form of
//! [vector programs](crate::vector::text).

use std::fmt::{self, Display, Formatter, Write};

use dl_runtime::program::Element;

use super::{Arg, BufferUse, Index, Kernel, Stmt, Term, Tile};
use crate::vector::{Inst, text};

impl Display for Kernel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&with_comments(self, &mut |_| None))
    }
}

/// A kernel with comments before some lines of its programs.
pub fn with_comments(kernel: &Kernel, comment: &mut dyn FnMut(&Inst) -> Option<String>) -> String {
    let mut text = format!("kernel {} tasks\n", Index::blocks(kernel.tasks));
    for (idx, buffer) in kernel.buffers.iter().enumerate() {
        text += &format!("  b{idx}: {buffer}\n");
    }
    stmts(&mut text, &kernel.body, 1).expect("writing to a string");
    for (idx, program) in kernel.programs.iter().enumerate() {
        let program = text::with_comments(program, comment);
        text += &format!("p{idx}: {}\n", program.trim_end().replace('\n', "\n  "));
    }
    text
}

impl Display for BufferUse {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let element = match self.element {
            Element::F32 => "f32",
            Element::I32 => "i32",
        };
        write!(f, "{element}[{}]", Index::extent(self.elements))?;
        for (used, how) in [(self.reads, " read"), (self.writes, " write")] {
            if used {
                f.write_str(how)?;
            }
        }
        Ok(())
    }
}

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (term, factor) in &self.terms {
            f.write_str(separator)?;
            if *factor != 1 {
                write!(f, "{factor}*")?;
            }
            write!(f, "{term}")?;
            separator = " + ";
        }
        if self.constant != 0 || self.terms.is_empty() {
            write!(f, "{separator}{}", self.constant)?;
        }
        Ok(())
    }
}

impl Display for Term {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Term::Var(var) => write!(f, "v{var}"),
            Term::VarTimesBatch(var) => write!(f, "v{var}*batch"),
            Term::Begin => f.write_str("begin"),
            Term::End => f.write_str("end"),
            Term::Batch => f.write_str("batch"),
            Term::Blocks(blocks) => write!(f, "blocks({}, {})", Index::extent(blocks.of), blocks.size),
        }
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Pointer { buffer, offset } => f.write_str(&place(*buffer, offset)),
            Arg::Count(counts) => f.write_str(&least(counts)),
        }
    }
}

fn stmts(f: &mut dyn Write, stmts: &[Stmt], depth: usize) -> fmt::Result {
    stmts.iter().try_for_each(|stmt| match stmt {
        Stmt::For { var, begin, end, tiles } => {
            indent(f, depth)?;
            writeln!(f, "for v{var} from {begin} to {}", least(end))?;
            tiles.iter().try_for_each(|tile| self::tile(f, tile, depth + 1))
        }
        Stmt::Load { var, buffer, offset, limit } => {
            indent(f, depth)?;
            writeln!(f, "v{var} = load {} below {limit}", place(*buffer, offset))
        }
        Stmt::Run { program, args } => {
            indent(f, depth)?;
            writeln!(f, "p{program}({})", list(args, ", "))
        }
    })
}

fn place(buffer: usize, offset: &Index) -> String {
    if *offset == Index::default() { format!("b{buffer}") } else { format!("b{buffer} + {offset}") }
}

fn least(indices: &[Index]) -> String {
    match indices {
        [index] => index.to_string(),
        several => format!("min({})", list(several, ", ")),
    }
}

fn tile(f: &mut dyn Write, tile: &Tile, depth: usize) -> fmt::Result {
    indent(f, depth)?;
    writeln!(f, "by {}", tile.step)?;
    stmts(f, &tile.body, depth + 1)
}

fn indent(f: &mut dyn Write, depth: usize) -> fmt::Result {
    write!(f, "{:1$}", "", 2 * depth)
}

fn list(items: &[impl Display], separator: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}
