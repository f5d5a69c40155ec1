//! Emitted and compiled kernels as text, for dumps.

use std::collections::HashSet;

use cranelift_module::Module;

use super::module::{DefineError, Definer};
use crate::encode::{disassemble, encode};
use crate::kernel::Kernel;
use crate::vector::{Lanes, Program};

/// The CLIF of each kernel, as Cranelift gets it. Uses up `module`: the encoded programs stay defined there.
///
/// # Errors
///
/// As [`define_kernels`](super::define_kernels).
pub fn clif<M: Module>(module: &mut M, kernels: &[Kernel], lanes: Lanes) -> Result<String, DefineError> {
    let mut definer = Definer::new(module, lanes);
    let mut text = String::new();
    for (idx, kernel) in kernels.iter().enumerate() {
        definer.emit(kernel)?;
        text += &format!("; k{idx}\n{}\n", definer.context.func.display());
    }
    Ok(text)
}

/// The machine code of each kernel, in Cranelift's notation, and of the encoded programs, in Intel's. Uses up `module`:
/// all of it stays defined there.
///
/// # Errors
///
/// As [`define_kernels`](super::define_kernels).
pub fn asm<M: Module>(module: &mut M, kernels: &[Kernel], lanes: Lanes) -> Result<String, DefineError> {
    let mut definer = Definer::new(module, lanes);
    let mut shown = HashSet::new();
    let mut text = String::new();
    for (idx, kernel) in kernels.iter().enumerate() {
        definer.emit(kernel)?;
        definer.context.set_disasm(true);
        definer.define()?;
        let code = definer.context.compiled_code().and_then(|code| code.vcode.as_deref());
        text += &format!("; k{idx}\n{}\n", code.unwrap_or_default());
        for (program_idx, program) in kernel.programs.iter().enumerate() {
            if lanes != Lanes::L4 && shown.insert(program) {
                text += &format!("; k{idx} p{program_idx}\n{}\n", leaf(program_idx, program)?);
            }
        }
    }
    Ok(text)
}

fn leaf(idx: usize, program: &Program) -> Result<String, DefineError> {
    let encoded = encode(program).map_err(|source| DefineError::Encode { program: idx, source })?;
    let lines = disassemble(&encoded).into_iter().map(|(offset, text)| format!("{offset:6x}:  {text}\n"));
    Ok(lines.collect())
}
