//! Plans as text, for dumps and golden files.
//!
//! ```text
//! b0: f32[6*batch] x in scratch at 0, steps 0 to 2
//! b1: f32[24] dense0.weight in state 0 in panels of 8
//! scratch 64 + 24*batch bytes
//! step 0
//!   k0(b0, b1, b2)
//! step 1
//!   check b3
//! ```
//!
//! First each buffer (`b`) with its elements, its name, its place in bytes, and the steps between which it is alive. One that lies in another
//! begins so many slots of so many elements into it, and moves by slots in a loop. Then the steps:
//! kernels (`k`, by group) that do not depend on each other, a buffer that must be finite, or a loop with the phases of an iteration.

use std::fmt::{self, Display, Formatter};

use dl_runtime::program::{Buffer, BufferId, Element, Extent, Layout, Place, Window};

use super::{Launches, Plan, PlanStep};
use crate::kernel::Index;

impl Display for Plan {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, (buffer, alive)) in self.buffers.iter().zip(&self.alive).enumerate() {
            write!(f, "b{index}: ")?;
            self::buffer(f, buffer)?;
            match alive {
                Some((from, to)) => writeln!(f, ", steps {from} to {to}")?,
                None => writeln!(f)?,
            }
        }
        writeln!(f, "scratch {} bytes", extent(self.scratch))?;
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "step {index}")?;
            match step {
                PlanStep::CheckFinite(buffer) => writeln!(f, "  check {}", name(buffer))?,
                PlanStep::Launches(phase) => launches(f, phase, "  ")?,
                PlanStep::Loop { count, phases } => {
                    writeln!(f, "  {count} times")?;
                    for phase in phases {
                        writeln!(f, "    phase")?;
                        launches(f, phase, "      ")?;
                    }
                }
            }
        }
        for (result, buffer) in &self.results {
            writeln!(f, "return {result} = {}", name(buffer))?;
        }
        Ok(())
    }
}

fn launches(f: &mut Formatter<'_>, launches: &Launches, indent: &str) -> fmt::Result {
    for (group, buffers) in launches {
        let buffers: Vec<String> = buffers.iter().map(name).collect();
        writeln!(f, "{indent}k{group}({})", buffers.join(", "))?;
    }
    Ok(())
}

fn buffer(f: &mut Formatter<'_>, buffer: &Buffer) -> fmt::Result {
    let element = match buffer.element {
        Element::F32 => "f32",
        Element::I32 => "i32",
    };
    write!(f, "{element}[{}] {} in ", extent(buffer.elements), buffer.name)?;
    match buffer.place {
        Place::State(slot) => write!(f, "state {slot}")?,
        Place::Scratch(offset) => write!(f, "scratch at {}", extent(offset))?,
        Place::Window(window) => {
            let Window { of, slot, first, advance } = window;
            write!(f, "{} from {first} times {}", name(&of), extent(slot))?;
            match advance {
                0 => {}
                _ => write!(f, ", {advance:+} each time")?,
            }
        }
    }
    match buffer.layout {
        Layout::RowMajor => Ok(()),
        Layout::Panel { width } => write!(f, " in panels of {width}"),
    }
}

fn extent(extent: Extent) -> Index {
    Index::extent(extent)
}

fn name(buffer: &BufferId) -> String {
    format!("b{}", buffer.0)
}
