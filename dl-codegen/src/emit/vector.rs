//! Emits a vector program at 128 bits as CLIF, inline in the function under construction.
//!
//! A value is an `f32x4` or an `i32x4`, whichever its op gives; an op that reads the other kind casts it, which costs
//! nothing. Constants exist as both, so that they can be memory operands of either.

use std::collections::HashMap;

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::types::{F32, F32X4, F64, F64X2, I8X16, I32, I32X4, I64};
use cranelift_codegen::ir::{self, BlockArg, Endianness, InstBuilder, MemFlagsData, Type};
use cranelift_frontend::FunctionBuilder;

use super::located;
use crate::vector::{Address, CmpOp, Count, Inst, Lanes, Loop, Op, Program, Section, Value};

/// Any alignment, always mapped. No alias region: two arguments may point to the same memory.
pub(super) const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

/// Emits `program` at the builder's position, reading argument word i from `args[i]`. Afterwards the builder stands
/// behind the program: in another block, if it has loops. Where it `is_located`, instructions say what they are for.
///
/// # Panics
///
/// If the program is not 128 bits wide, breaks a rule of the [verifier](crate::vector::verify), or there are not as
/// many `args` as it takes.
pub fn emit(builder: &mut FunctionBuilder, program: &Program, args: &[ir::Value], is_located: bool) {
    assert_eq!(program.lanes, Lanes::L4, "CLIF vectors have 128 bits");
    assert_eq!(args.len(), usize::from(program.n_args), "a value for each argument word");
    let values = vec![None; program.n_values as usize];
    let mut emitter = Emitter { builder, args, is_located, values, pointers: HashMap::new() };
    for section in &program.sections {
        match section {
            Section::Straight(insts) => emitter.insts(insts),
            Section::Loop(body) => emitter.counted_loop(body),
        }
    }
}

/// The lanes of a value, as CLIF sees them.
#[derive(Clone, Copy)]
enum Vector {
    Float(ir::Value),
    Int(ir::Value),
    /// A constant, as both.
    Const {
        float: ir::Value,
        int: ir::Value,
    },
}

struct Emitter<'a, 'f> {
    builder: &'a mut FunctionBuilder<'f>,
    args: &'a [ir::Value],
    is_located: bool,
    /// By id.
    values: Vec<Option<Vector>>,
    /// In a loop, the pointers that move, by argument word and step.
    pointers: HashMap<(u16, i32), ir::Value>,
}

impl Emitter<'_, '_> {
    /// A loop that runs at least once in the middle, entered past a test if its count may be 0:
    ///
    /// ```text
    ///     brif count, body(count, pointers…, inits…), exit(inits…)
    /// body(counter, pointers…, params…):
    ///     …
    ///     brif counter − 1, body(counter − 1, pointers + steps…, nexts…), exit(nexts…)
    /// exit(results…):
    /// ```
    fn counted_loop(&mut self, body: &Loop) {
        let moving = moving_pointers(&body.body);
        let body_block = self.builder.create_block();
        let exit_block = self.builder.create_block();

        let count = match body.count {
            Count::Static(count) => self.builder.ins().iconst(I64, i64::from(count)),
            Count::Arg(arg) => self.args[usize::from(arg)],
        };
        let inits: Vec<ir::Value> = body.carried.iter().map(|carried| self.float(carried.init)).collect();
        let bases = moving.iter().map(|&(arg, _)| self.args[usize::from(arg)]);
        let entry = block_args([count].into_iter().chain(bases), &inits);
        let skip = block_args([], &inits);
        self.builder.ins().brif(count, body_block, &entry, exit_block, &skip);

        self.builder.switch_to_block(body_block);
        let counter = self.builder.append_block_param(body_block, I64);
        for &pair in &moving {
            let pointer = self.builder.append_block_param(body_block, I64);
            self.pointers.insert(pair, pointer);
        }
        for carried in &body.carried {
            let param = self.builder.append_block_param(body_block, F32X4);
            self.define(carried.param, Vector::Float(param));
        }
        self.insts(&body.body);

        let left = self.builder.ins().iadd_imm_s(counter, -1);
        let moved: Vec<ir::Value> = moving
            .iter()
            .map(|pair| self.builder.ins().iadd_imm_s(self.pointers[pair], i64::from(pair.1)))
            .collect();
        let nexts: Vec<ir::Value> = body.carried.iter().map(|carried| self.float(carried.next)).collect();
        let again = block_args([left].into_iter().chain(moved), &nexts);
        let done = block_args([], &nexts);
        self.builder.ins().brif(left, body_block, &again, exit_block, &done);
        self.builder.seal_block(body_block);
        self.pointers.clear();

        self.builder.switch_to_block(exit_block);
        self.builder.seal_block(exit_block);
        for carried in &body.carried {
            let result = self.builder.append_block_param(exit_block, F32X4);
            self.define(carried.result, Vector::Float(result));
        }
    }

    fn insts(&mut self, insts: &[Inst]) {
        for inst in insts {
            if self.is_located {
                self.builder.set_srcloc(located::place(inst.mark));
            }
            match (&inst.op, inst.result) {
                (&Op::Store(address, value), _) => {
                    let (pointer, offset) = self.place(address);
                    let vector = self.float(value);
                    self.builder.ins().store(MEMORY, vector, pointer, offset);
                }
                (&Op::StoreTail(address, value, count), _) => self.store_tail(address, value, count),
                // Cranelift has no instruction for it.
                (Op::Prefetch(_), _) => {}
                (op, Some(result)) => {
                    let vector = self.vector(op);
                    self.define(result, vector);
                }
                (_, None) => unreachable!("the verifier admits no others without a result"),
            }
        }
    }

    fn define(&mut self, value: Value, vector: Vector) {
        self.values[value.0 as usize] = Some(vector);
    }

    fn vector(&mut self, op: &Op) -> Vector {
        match *op {
            Op::Splat(bits) => self.constant([bits; 4]),
            Op::LaneIndex => self.constant([0, 1, 2, 3]),
            Op::SplatArg(arg) => {
                let word = self.builder.ins().ireduce(I32, self.args[usize::from(arg)]);
                Vector::Int(self.builder.ins().splat(I32X4, word))
            }
            Op::Load(address) => {
                let (pointer, offset) = self.place(address);
                Vector::Float(self.builder.ins().load(F32X4, MEMORY, pointer, offset))
            }
            Op::LoadTail(address, count) => Vector::Float(self.load_tail(address, count)),
            Op::Broadcast(address) => {
                let (pointer, offset) = self.place(address);
                let word = self.builder.ins().load(F32, MEMORY, pointer, offset);
                Vector::Float(self.builder.ins().splat(F32X4, word))
            }
            Op::Store(..) | Op::StoreTail(..) | Op::Prefetch(_) => unreachable!("these define no value"),
            Op::Select(mask, a, b) => self.select(mask, a, b),
            Op::And(a, b) | Op::Or(a, b) | Op::Xor(a, b) => self.bitwise(op, a, b),
            Op::Cmp(cmp, a, b) => Vector::Int(self.compare(cmp, a, b)),
            Op::MulEven(a, b) => Vector::Int(self.mul_even(a, b)),
            Op::ToInt(a) => {
                let a = self.float(a);
                let rounded = self.builder.ins().nearest(a);
                Vector::Int(self.builder.ins().fcvt_to_sint_sat(I32X4, rounded))
            }
            Op::ToFloat(a) => {
                let a = self.int(a);
                Vector::Float(self.builder.ins().fcvt_from_sint(F32X4, a))
            }
            Op::IAdd(..)
            | Op::ISub(..)
            | Op::Shl(..)
            | Op::ShrU(..)
            | Op::ShrS(..)
            | Op::ICmpEq(..)
            | Op::ICmpGt(..) => Vector::Int(self.int_op(op)),
            _ => Vector::Float(self.float_op(op)),
        }
    }

    fn float_op(&mut self, op: &Op) -> ir::Value {
        let operands: Vec<ir::Value> = op.operands().map(|operand| self.float(operand)).collect();
        let ins = self.builder.ins();
        match (op, &operands[..]) {
            (Op::Add(..), &[a, b]) => ins.fadd(a, b),
            (Op::Sub(..), &[a, b]) => ins.fsub(a, b),
            (Op::Mul(..), &[a, b]) => ins.fmul(a, b),
            (Op::Div(..), &[a, b]) => ins.fdiv(a, b),
            (Op::Fma(..), &[a, b, c]) => ins.fma(a, b, c),
            (Op::Sqrt(_), &[a]) => ins.sqrt(a),
            (Op::Max(..), &[a, b]) => self.first_if_less(b, a, [a, b]),
            (Op::Min(..), &[a, b]) => self.first_if_less(a, b, [a, b]),
            (Op::RoundEven(_), &[a]) => ins.nearest(a),
            (&Op::SwapLanes(_, distance), &[a]) => self.swap_lanes(a, distance),
            _ => unreachable!("not an op on floats: {op:?}"),
        }
    }

    fn int_op(&mut self, op: &Op) -> ir::Value {
        let operands: Vec<ir::Value> = op.operands().map(|operand| self.int(operand)).collect();
        let ins = self.builder.ins();
        match (op, &operands[..]) {
            (Op::IAdd(..), &[a, b]) => ins.iadd(a, b),
            (Op::ISub(..), &[a, b]) => ins.isub(a, b),
            (&Op::Shl(_, amount), &[a]) => ins.ishl_imm_u(a, i64::from(amount)),
            (&Op::ShrU(_, amount), &[a]) => ins.ushr_imm_u(a, i64::from(amount)),
            (&Op::ShrS(_, amount), &[a]) => ins.sshr_imm_u(a, i64::from(amount)),
            (Op::ICmpEq(..), &[a, b]) => ins.icmp(IntCC::Equal, a, b),
            (Op::ICmpGt(..), &[a, b]) => ins.icmp(IntCC::SignedGreaterThan, a, b),
            _ => unreachable!("not an op on integers: {op:?}"),
        }
    }

    /// less < than ? first : second. In the form that x86-64 has as one instruction, `maxps` or `minps`.
    fn first_if_less(
        &mut self,
        less: ir::Value,
        than: ir::Value,
        [first, second]: [ir::Value; 2],
    ) -> ir::Value {
        let mask = self.builder.ins().fcmp(FloatCC::LessThan, less, than);
        let mask = self.cast(F32X4, mask);
        self.builder.ins().bitselect(mask, first, second)
    }

    fn compare(&mut self, cmp: CmpOp, a: Value, b: Value) -> ir::Value {
        let condition = match cmp {
            CmpOp::Eq => FloatCC::Equal,
            CmpOp::Ne => FloatCC::NotEqual,
            CmpOp::Lt => FloatCC::LessThan,
            CmpOp::Le => FloatCC::LessThanOrEqual,
            CmpOp::Gt => FloatCC::GreaterThan,
            CmpOp::Ge => FloatCC::GreaterThanOrEqual,
        };
        let (a, b) = (self.float(a), self.float(b));
        self.builder.ins().fcmp(condition, a, b)
    }

    fn select(&mut self, mask: Value, a: Value, b: Value) -> Vector {
        if self.prefers_float([a, b]) {
            let (mask, a, b) = (self.float(mask), self.float(a), self.float(b));
            Vector::Float(self.builder.ins().bitselect(mask, a, b))
        } else {
            let (mask, a, b) = (self.int(mask), self.int(a), self.int(b));
            Vector::Int(self.builder.ins().bitselect(mask, a, b))
        }
    }

    fn bitwise(&mut self, op: &Op, a: Value, b: Value) -> Vector {
        let as_float = self.prefers_float([a, b]);
        let [a, b] = [a, b].map(|operand| if as_float { self.float(operand) } else { self.int(operand) });
        let ins = self.builder.ins();
        let bits = match op {
            Op::And(..) => ins.band(a, b),
            Op::Or(..) => ins.bor(a, b),
            Op::Xor(..) => ins.bxor(a, b),
            _ => unreachable!("not a bitwise op: {op:?}"),
        };
        if as_float { Vector::Float(bits) } else { Vector::Int(bits) }
    }

    /// Lanes 0 and 2 as 64-bit integers, multiplied: in this form x86-64 has `pmuludq` for it.
    fn mul_even(&mut self, a: Value, b: Value) -> ir::Value {
        let [a, b] = [a, b].map(|operand| {
            let operand = self.int(operand);
            let even_first = self.shuffle(operand, [0, 2, 0, 2]);
            let even_first = self.cast(I32X4, even_first);
            self.builder.ins().uwiden_low(even_first)
        });
        let products = self.builder.ins().imul(a, b);
        self.cast(I32X4, products)
    }

    fn swap_lanes(&mut self, a: ir::Value, distance: u8) -> ir::Value {
        let swapped = self.shuffle(a, [0, 1, 2, 3].map(|lane| lane ^ distance));
        self.cast(F32X4, swapped)
    }

    /// The vector with these lanes, as bytes.
    fn shuffle(&mut self, a: ir::Value, lanes: [u8; 4]) -> ir::Value {
        let bytes: Vec<u8> =
            lanes.into_iter().flat_map(|lane| (0..4).map(move |byte| 4 * lane + byte)).collect();
        let bytes = self.builder.func.dfg.immediates.push(bytes.into());
        let a = self.cast(I8X16, a);
        self.builder.ins().shuffle(a, a, bytes)
    }

    /// One to three words, then zeros.
    fn load_tail(&mut self, address: Address, count: u8) -> ir::Value {
        let (pointer, offset) = self.place(address);
        if count == 1 {
            let word = self.builder.ins().load(F32, MEMORY, pointer, offset);
            return self.builder.ins().scalar_to_vector(F32X4, word);
        }
        let pair = self.builder.ins().load(F64, MEMORY, pointer, offset);
        let pair = self.builder.ins().scalar_to_vector(F64X2, pair);
        let pair = self.cast(F32X4, pair);
        if count == 2 {
            return pair;
        }
        let third = self.builder.ins().load(F32, MEMORY, pointer, third_word(offset));
        self.builder.ins().insertlane(pair, third, 2)
    }

    fn store_tail(&mut self, address: Address, value: Value, count: u8) {
        let (pointer, offset) = self.place(address);
        let vector = self.float(value);
        if count == 1 {
            let word = self.builder.ins().extractlane(vector, 0);
            self.builder.ins().store(MEMORY, word, pointer, offset);
            return;
        }
        let pairs = self.cast(F64X2, vector);
        let pair = self.builder.ins().extractlane(pairs, 0);
        self.builder.ins().store(MEMORY, pair, pointer, offset);
        if count == 3 {
            let third = self.builder.ins().extractlane(vector, 2);
            self.builder.ins().store(MEMORY, third, pointer, third_word(offset));
        }
    }

    /// The pointer and offset of an address in the iteration at hand.
    fn place(&self, address: Address) -> (ir::Value, Offset32) {
        let pointer = match self.pointers.get(&(address.arg, address.step)) {
            Some(&moving) => moving,
            None => self.args[usize::from(address.arg)],
        };
        (pointer, Offset32::new(address.offset))
    }

    fn constant(&mut self, lanes: [u32; 4]) -> Vector {
        let bytes: Vec<u8> = lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect();
        let bytes = self.builder.func.dfg.constants.insert(bytes.into());
        Vector::Const {
            float: self.builder.ins().vconst(F32X4, bytes),
            int: self.builder.ins().vconst(I32X4, bytes),
        }
    }

    fn get(&self, value: Value) -> Vector {
        self.values[value.0 as usize].expect("the verifier checks that operands are defined before")
    }

    fn float(&mut self, value: Value) -> ir::Value {
        match self.get(value) {
            Vector::Float(float) | Vector::Const { float, .. } => float,
            Vector::Int(int) => self.cast(F32X4, int),
        }
    }

    fn int(&mut self, value: Value) -> ir::Value {
        match self.get(value) {
            Vector::Int(int) | Vector::Const { int, .. } => int,
            Vector::Float(float) => self.cast(I32X4, float),
        }
    }

    fn prefers_float(&self, operands: [Value; 2]) -> bool {
        operands.into_iter().any(|operand| matches!(self.get(operand), Vector::Float(_)))
    }

    fn cast(&mut self, ty: Type, vector: ir::Value) -> ir::Value {
        self.builder.ins().bitcast(ty, MemFlagsData::new().with_endianness(Endianness::Little), vector)
    }
}

/// The (argument word, step) pairs of a loop body that need a pointer of their own, in order of first use.
fn moving_pointers(body: &[Inst]) -> Vec<(u16, i32)> {
    let mut moving = Vec::new();
    for address in body.iter().filter_map(|inst| inst.op.address()) {
        let pair = (address.arg, address.step);
        if address.step != 0 && !moving.contains(&pair) {
            moving.push(pair);
        }
    }
    moving
}

/// Where the third of three words lies.
fn third_word(offset: Offset32) -> Offset32 {
    offset.try_add_i64(8).expect("a vector lies inside the reach of 32-bit offsets")
}

fn block_args(head: impl IntoIterator<Item = ir::Value>, tail: &[ir::Value]) -> Vec<BlockArg> {
    head.into_iter().chain(tail.iter().copied()).map(BlockArg::from).collect()
}

#[cfg(test)]
mod tests;
