//! Emits a kernel as one CLIF function of type [`KernelFn`](dl_runtime::program::KernelFn).

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    self, AbiParam, BlockArg, FuncRef, InstBuilder, MemFlagsData, Signature, StackSlot, StackSlotData,
    StackSlotKind,
};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use dl_runtime::program::Blocks;

use super::{located, vector};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term, Tile};
use crate::vector::{Mark, Program};

/// The table of buffer pointers: it is there, aligned, and does not change while the kernel runs.
const TABLE: MemFlagsData = MemFlagsData::trusted().with_readonly().with_can_move();

/// How a kernel runs one of its programs.
#[derive(Clone, Copy, Debug)]
pub enum Body {
    /// As part of the kernel's own code, which this emits: 128 bits.
    Inline(fn(&mut FunctionBuilder, &Program, &[ir::Value], bool)),
    /// As a call of its encoding, a function of the [leaf signature](leaf_signature): 256 or 512 bits.
    Call(FuncRef),
}

/// The signature of kernels: buffer pointers, batch, begin, end.
pub fn kernel_signature(config: TargetFrontendConfig) -> Signature {
    let mut signature = Signature::new(config.default_call_conv);
    signature.params = vec![AbiParam::new(config.pointer_type()); 4];
    signature
}

/// The signature of encoded vector programs: a pointer to the argument words, in the System V convention everywhere.
pub fn leaf_signature(config: TargetFrontendConfig) -> Signature {
    let mut signature = Signature::new(CallConv::SystemV);
    signature.params.push(AbiParam::new(config.pointer_type()));
    signature
}

/// Fills `func`, which has the kernel [signature](kernel_signature) and nothing else. `bodies` says how each of the
/// kernel's programs is run. Where it `is_located`, instructions say what they are for.
///
/// # Panics
///
/// If the kernel uses a buffer, program, argument word or loop variable that it does not have, or a program to be
/// inlined is not 128 bits wide.
pub fn emit(
    func: &mut ir::Function,
    context: &mut FunctionBuilderContext,
    config: TargetFrontendConfig,
    kernel: &Kernel,
    bodies: &[Body],
    is_located: bool,
) {
    let mut builder = FunctionBuilder::new(func, context);
    if is_located {
        builder.set_srcloc(located::place(Mark::MAIN));
    }
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    builder.seal_block(entry);
    let &[table, batch, begin, end] = builder.block_params(entry) else {
        unreachable!("the signature has four parameters");
    };
    let word = config.pointer_type();
    let buffers = (0..kernel.buffers.len()).map(|idx| {
        let offset = i32::try_from(idx * word.bytes() as usize).expect("a kernel has few buffers");
        builder.ins().load(word, TABLE, table, offset)
    });
    let buffers = buffers.collect();
    let slot = argument_slot(&mut builder, word, kernel, bodies);
    let vars = vec![None; kernel.n_vars];
    let mut emitter =
        Emitter { builder, kernel, bodies, is_located, word, buffers, batch, begin, end, vars, slot };
    emitter.stmts(&kernel.body);
    emitter.builder.ins().return_(&[]);
    emitter.builder.finalize(config);
}

/// Room on the stack for the argument words of the called programs, if there are any.
fn argument_slot(
    builder: &mut FunctionBuilder,
    word: ir::Type,
    kernel: &Kernel,
    bodies: &[Body],
) -> Option<StackSlot> {
    let called = kernel.programs.iter().zip(bodies).filter(|(_, body)| matches!(body, Body::Call(_)));
    let n_args = called.map(|(program, _)| u32::from(program.n_args)).max()?;
    let align = word.bytes().ilog2() as u8;
    let data = StackSlotData::new(StackSlotKind::ExplicitSlot, n_args * word.bytes(), align);
    Some(builder.create_sized_stack_slot(data))
}

struct Emitter<'a> {
    builder: FunctionBuilder<'a>,
    kernel: &'a Kernel,
    bodies: &'a [Body],
    is_located: bool,
    /// The type of pointers and indices.
    word: ir::Type,
    buffers: Vec<ir::Value>,
    batch: ir::Value,
    begin: ir::Value,
    end: ir::Value,
    /// The variables in scope.
    vars: Vec<Option<ir::Value>>,
    slot: Option<StackSlot>,
}

impl Emitter<'_> {
    fn stmts(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::For { var, begin, end, tiles } => self.for_loop(*var, begin, end, tiles),
                Stmt::Load { var, buffer, offset, limit } => self.load(*var, *buffer, offset, *limit),
                Stmt::Run { program, args } => self.run(*program, args),
            }
        }
    }

    /// One loop for each tile, each of which goes on where the one before stopped:
    ///
    /// ```text
    ///     jump head(begin)
    /// head(var):
    ///     brif var ≤ end − step, body, exit
    /// body:
    ///     …
    ///     jump head(var + step)
    /// exit:
    /// ```
    fn for_loop(&mut self, var: usize, begin: &Index, end: &[Index], tiles: &[Tile]) {
        let end = self.least(end);
        let mut value = self.index(begin);
        for tile in tiles {
            value = self.tile(var, value, end, tile);
        }
        self.vars[var] = None;
    }

    /// Emits a tile's loop from `begin`, and gives where it stops.
    fn tile(&mut self, var: usize, begin: ir::Value, end: ir::Value, tile: &Tile) -> ir::Value {
        let [head, body, exit] = [(); 3].map(|()| self.builder.create_block());
        let step = i64::try_from(tile.step).expect("steps are small");
        let last = self.builder.ins().iadd_imm_s(end, -step);
        self.builder.ins().jump(head, &[BlockArg::from(begin)]);

        self.builder.switch_to_block(head);
        let value = self.builder.append_block_param(head, self.word);
        let has_room = self.builder.ins().icmp(IntCC::SignedLessThanOrEqual, value, last);
        self.builder.ins().brif(has_room, body, &[], exit, &[]);

        self.builder.switch_to_block(body);
        self.builder.seal_block(body);
        self.vars[var] = Some(value);
        self.stmts(&tile.body);
        let next = self.builder.ins().iadd_imm_s(value, step);
        self.builder.ins().jump(head, &[BlockArg::from(next)]);
        self.builder.seal_block(head);

        self.builder.switch_to_block(exit);
        self.builder.seal_block(exit);
        value
    }

    /// Loads an index, and bounds it whatever it is: what is below zero is, without a sign, beyond the limit.
    fn load(&mut self, var: usize, buffer: usize, offset: &Index, limit: usize) {
        let address = self.place(buffer, offset);
        let index = self.builder.ins().load(I32, vector::MEMORY, address, 0);
        let last = self.builder.ins().iconst(I32, limit as i64 - 1);
        let index = self.builder.ins().umin(index, last);
        self.vars[var] = Some(self.builder.ins().uextend(self.word, index));
    }

    fn run(&mut self, program: usize, args: &[Arg]) {
        let args: Vec<ir::Value> = args.iter().map(|arg| self.arg(arg)).collect();
        match self.bodies[program] {
            Body::Inline(emit) => {
                let program = &self.kernel.programs[program];
                emit(&mut self.builder, program, &args, self.is_located);
                if self.is_located {
                    self.builder.set_srcloc(located::place(Mark::MAIN));
                }
            }
            Body::Call(leaf) => self.call(leaf, &args),
        }
    }

    fn call(&mut self, leaf: FuncRef, args: &[ir::Value]) {
        let slot = self.slot.expect("there is a slot if any program is called");
        for (offset, &arg) in (0..).step_by(self.word.bytes() as usize).zip(args) {
            self.builder.ins().stack_store(self.word, arg, slot, offset);
        }
        let words = self.builder.ins().stack_addr(self.word, slot, 0);
        self.builder.ins().call(leaf, &[words]);
    }

    fn arg(&mut self, arg: &Arg) -> ir::Value {
        match arg {
            Arg::Pointer { buffer, offset } => self.place(*buffer, offset),
            Arg::Count(counts) => self.least(counts),
        }
    }

    fn place(&mut self, buffer: usize, offset: &Index) -> ir::Value {
        let offset = self.index(offset);
        self.builder.ins().iadd(self.buffers[buffer], offset)
    }

    fn least(&mut self, indices: &[Index]) -> ir::Value {
        let values: Vec<ir::Value> = indices.iter().map(|index| self.index(index)).collect();
        let least = values.into_iter().reduce(|a, b| self.builder.ins().smin(a, b));
        least.expect("a loop has an end, or a count")
    }

    fn index(&mut self, index: &Index) -> ir::Value {
        let mut sum = None;
        for &(term, factor) in &index.terms {
            let value = self.term(term);
            let scaled = if factor == 1 { value } else { self.builder.ins().imul_imm_s(value, factor) };
            sum = Some(sum.map_or(scaled, |sum| self.builder.ins().iadd(sum, scaled)));
        }
        match (sum, index.constant) {
            (None, constant) => self.builder.ins().iconst(self.word, constant),
            (Some(sum), 0) => sum,
            (Some(sum), constant) => self.builder.ins().iadd_imm_s(sum, constant),
        }
    }

    fn var(&self, var: usize) -> ir::Value {
        self.vars[var].expect("a loop variable is used in its loop only")
    }

    fn term(&mut self, term: Term) -> ir::Value {
        match term {
            Term::Var(var) => self.var(var),
            Term::VarTimesBatch(var) => {
                let value = self.var(var);
                self.builder.ins().imul(value, self.batch)
            }
            Term::Begin => self.begin,
            Term::End => self.end,
            Term::Batch => self.batch,
            Term::Blocks(Blocks { of, size }) => {
                // Rounded up.
                let padded = Index::extent(of).plus(Index::constant(size as i64 - 1));
                let padded = self.index(&padded);
                self.builder.ins().udiv_imm_u(padded, size as i64)
            }
        }
    }
}
