//! Runs single vector programs for tests.

use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{AbiParam, InstBuilder, MemFlagsData};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{Linkage, Module, default_libcall_names};

use crate::emit::vector::emit;
use crate::vector::Program;
use crate::vector::interp::Arg;

/// A 128-bit program, compiled for this machine.
pub(crate) struct Compiled {
    /// Owns the code of `function`. Taken when dropped.
    module: Option<JITModule>,
    function: unsafe extern "C" fn(*const u64),
}

impl Compiled {
    pub fn new(program: &Program) -> Compiled {
        let mut flags = settings::builder();
        flags.set("opt_level", "speed").unwrap();
        let isa = cranelift_native::builder().unwrap().finish(settings::Flags::new(flags)).unwrap();
        let mut module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let mut context = module.make_context();
        context.func.signature.params.push(AbiParam::new(I64));
        let mut builder_context = FunctionBuilderContext::new();
        let mut builder = FunctionBuilder::new(&mut context.func, &mut builder_context);
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        builder.seal_block(entry);
        let words = builder.block_params(entry)[0];
        let args: Vec<_> = (0..program.n_args)
            .map(|arg| builder.ins().load(I64, MemFlagsData::trusted(), words, 8 * i32::from(arg)))
            .collect();
        emit(&mut builder, program, &args, false);
        builder.ins().return_(&[]);
        builder.finalize(module.isa().frontend_config());
        let id = module.declare_function("program", Linkage::Export, &context.func.signature).unwrap();
        module.define_function(id, &mut context).unwrap();
        module.finalize_definitions().unwrap();
        let code = module.get_finalized_function(id);
        // SAFETY: the code was just emitted for a function of one pointer, in the C calling convention.
        let function = unsafe { std::mem::transmute::<*const u8, unsafe extern "C" fn(*const u64)>(code) };
        Compiled { module: Some(module), function }
    }

    /// Runs it. The program must stay inside the memory of `args`: what the interpreter accepts does.
    pub fn run(&self, args: &mut [Arg]) {
        let words: Vec<u64> = args
            .iter_mut()
            .map(|arg| match arg {
                Arg::Bytes(bytes) => bytes.as_mut_ptr().expose_provenance() as u64,
                Arg::Count(count) => *count,
            })
            .collect();
        // SAFETY: there is a word for each argument, and tests run programs only on memory that they stay inside.
        unsafe { (self.function)(words.as_ptr()) }
    }
}

impl Drop for Compiled {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            // SAFETY: `function` is private, runs only inside `run`, and `self` is going away.
            unsafe { module.free_memory() };
        }
    }
}
