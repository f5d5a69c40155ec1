//! Builds vector programs.
//!
//! The builder gives out dense ids, keeps constants in one place and never computes the same thing twice in a scope,
//! so callers write expressions as they come:
//!
//! ```
//! use dl_codegen::vector::{Address, Count, Lanes, ProgramBuilder};
//!
//! // y[i] += 2·x[i] over n vectors.
//! let mut b = ProgramBuilder::new(Lanes::L8);
//! let (x, y, n) = (b.arg(), b.arg(), b.arg());
//! let two = b.f32(2.0);
//! b.begin_loop(Count::Arg(n), &[]);
//! let [x, y] = [x, y].map(|arg| Address { arg, offset: 0, step: 32 });
//! let (x, old) = (b.load(x), b.load(y));
//! let new = b.fma(two, x, old);
//! b.store(y, new);
//! b.end_loop(&[]);
//! let program = b.finish();
//! assert_eq!(program.n_values, 4);
//! ```

use rustc_hash::FxHashMap;

use super::prune::prune;
use super::{Address, Carried, CmpOp, Count, Inst, Lanes, Loop, Mark, Op, Program, Section, Value};

/// A vector program under construction.
///
/// Pure ops are deduplicated in their scope: the straight sections are one scope, each loop body is another that sees
/// the first. Constants go to the first straight section wherever they are asked for.
#[derive(Debug)]
pub struct ProgramBuilder {
    lanes: Lanes,
    n_args: u16,
    n_values: u32,
    constants: Vec<Inst>,
    sections: Vec<Section>,
    /// The section being built: of straight code, or the body of `open_loop`.
    insts: Vec<Inst>,
    /// What straight code has computed so far.
    known: FxHashMap<Op, Value>,
    open_loop: Option<OpenLoop>,
    /// What new instructions are for.
    mark: Mark,
}

#[derive(Debug)]
struct OpenLoop {
    count: Count,
    inits: Vec<Value>,
    params: Vec<Value>,
    /// What its body has computed so far.
    known: FxHashMap<Op, Value>,
}

/// Defines methods that emit one op of one, two or three operands.
macro_rules! op_methods {
    ($($(#[$doc:meta])* $name:ident($($operand:ident),+) => $op:ident;)*) => {
        $($(#[$doc])* pub fn $name(&mut self, $($operand: Value),+) -> Value {
            self.emit(Op::$op($($operand),+))
        })*
    };
}

/// Defines methods that emit one op of a value and a constant.
macro_rules! immediate_methods {
    ($($(#[$doc:meta])* $name:ident => $op:ident;)*) => {
        $($(#[$doc])* pub fn $name(&mut self, a: Value, amount: u8) -> Value {
            self.emit(Op::$op(a, amount))
        })*
    };
}

impl ProgramBuilder {
    /// An empty program of this width, with no arguments.
    pub fn new(lanes: Lanes) -> ProgramBuilder {
        ProgramBuilder {
            lanes,
            n_args: 0,
            n_values: 0,
            constants: Vec::new(),
            sections: Vec::new(),
            insts: Vec::new(),
            known: FxHashMap::default(),
            open_loop: None,
            mark: Mark::MAIN,
        }
    }

    /// The width of the program.
    pub fn lanes(&self) -> Lanes {
        self.lanes
    }

    /// Has new instructions be for this node; gives the one before.
    pub fn set_mark(&mut self, mark: Mark) -> Mark {
        std::mem::replace(&mut self.mark, mark)
    }

    /// One more argument word: a pointer or the count of a loop.
    pub fn arg(&mut self) -> u16 {
        self.n_args += 1;
        self.n_args - 1
    }

    /// Emits an op that defines a value, or finds the value if the scope has it already.
    ///
    /// # Panics
    ///
    /// If the op is a store or a prefetch.
    pub fn emit(&mut self, op: Op) -> Value {
        assert!(op.has_result(), "stores and prefetches define no value");
        if !op.is_pure() {
            let value = self.fresh();
            self.push(Some(value), op);
            return value;
        }
        let in_loop = self.open_loop.as_ref().and_then(|open| open.known.get(&op));
        if let Some(&value) = self.known.get(&op).or(in_loop) {
            return value;
        }
        let value = self.fresh();
        match &mut self.open_loop {
            Some(open) if !op.is_constant() => open.known.insert(op.clone(), value),
            _ => self.known.insert(op.clone(), value),
        };
        let section = if op.is_constant() { &mut self.constants } else { &mut self.insts };
        section.push(Inst { result: Some(value), op, mark: self.mark });
        value
    }

    /// The constant `x` in each lane.
    pub fn f32(&mut self, x: f32) -> Value {
        self.u32(x.to_bits())
    }

    /// The constant `bits` in each lane.
    pub fn u32(&mut self, bits: u32) -> Value {
        self.emit(Op::Splat(bits))
    }

    /// The integer j in lane j.
    pub fn lane_index(&mut self) -> Value {
        self.emit(Op::LaneIndex)
    }

    /// The low 32 bits of an argument word that is a number, in each lane.
    pub fn splat_arg(&mut self, arg: u16) -> Value {
        self.emit(Op::SplatArg(arg))
    }

    /// As many words as there are lanes.
    pub fn load(&mut self, address: Address) -> Value {
        self.emit(Op::Load(address))
    }

    /// The first `count` words, then zeros. A count of all lanes is a plain load.
    pub fn load_tail(&mut self, address: Address, count: u8) -> Value {
        if usize::from(count) == self.lanes.count() {
            self.load(address)
        } else {
            self.emit(Op::LoadTail(address, count))
        }
    }

    /// One word, in each lane.
    pub fn broadcast(&mut self, address: Address) -> Value {
        self.emit(Op::Broadcast(address))
    }

    /// Writes all lanes.
    pub fn store(&mut self, address: Address, value: Value) {
        self.push(None, Op::Store(address, value));
    }

    /// Writes the first `count` lanes. A count of all lanes is a plain store.
    pub fn store_tail(&mut self, address: Address, value: Value, count: u8) {
        if usize::from(count) == self.lanes.count() {
            self.store(address, value);
        } else {
            self.push(None, Op::StoreTail(address, value, count));
        }
    }

    /// Asks for a line of memory.
    pub fn prefetch(&mut self, address: Address) {
        self.push(None, Op::Prefetch(address));
    }

    op_methods! {
        /// f32 a + b.
        add(a, b) => Add;
        /// f32 a − b.
        sub(a, b) => Sub;
        /// f32 a · b.
        mul(a, b) => Mul;
        /// f32 a / b.
        div(a, b) => Div;
        /// f32 a · b + c, rounded once.
        fma(a, b, c) => Fma;
        /// f32 square root.
        sqrt(a) => Sqrt;
        /// f32 a > b ? a : b; see [`Op::Max`] for NaN.
        max(a, b) => Max;
        /// f32 a < b ? a : b; see [`Op::Min`] for NaN.
        min(a, b) => Min;
        /// f32 rounded to the nearest integer, ties to even.
        round_even(a) => RoundEven;
        /// mask ? a : b.
        select(mask, a, b) => Select;
        /// Bits a & b.
        and(a, b) => And;
        /// Bits a | b.
        or(a, b) => Or;
        /// Bits a ^ b.
        xor(a, b) => Xor;
        /// i32 a + b, wrapping.
        iadd(a, b) => IAdd;
        /// i32 a − b, wrapping.
        isub(a, b) => ISub;
        /// u32 a · b of even lanes, 64 bits each in two lanes.
        mul_even(a, b) => MulEven;
        /// i32 a == b: a mask.
        icmp_eq(a, b) => ICmpEq;
        /// i32 a > b: a mask.
        icmp_gt(a, b) => ICmpGt;
        /// f32 to i32, ties to even; only for values that fit.
        to_int(a) => ToInt;
        /// i32 to f32.
        to_float(a) => ToFloat;
    }

    immediate_methods! {
        /// Bits shifted left.
        shl => Shl;
        /// Bits shifted right, filled with zeros.
        shr_u => ShrU;
        /// i32 shifted right, filled with the sign.
        shr_s => ShrS;
        /// Lane j takes lane j ^ amount.
        swap_lanes => SwapLanes;
    }

    /// f32 comparison: a mask.
    pub fn cmp(&mut self, cmp: CmpOp, a: Value, b: Value) -> Value {
        self.emit(Op::Cmp(cmp, a, b))
    }

    /// f32 −a: the sign flipped, of zeros and NaN too.
    pub fn neg(&mut self, a: Value) -> Value {
        let sign = self.f32(-0.0);
        self.xor(a, sign)
    }

    /// f32 |a|: the sign cleared, of NaN too.
    pub fn abs(&mut self, a: Value) -> Value {
        let magnitude = self.u32(0x7fff_ffff);
        self.and(a, magnitude)
    }

    /// The larger of a and b, or NaN if either is. [`max`](Self::max) is cheaper where `a` cannot be NaN.
    pub fn max_nan(&mut self, a: Value, b: Value) -> Value {
        let max = self.max(a, b);
        self.keep_nan(a, max)
    }

    /// The smaller of a and b, or NaN if either is. [`min`](Self::min) is cheaper where `a` cannot be NaN.
    pub fn min_nan(&mut self, a: Value, b: Value) -> Value {
        let min = self.min(a, b);
        self.keep_nan(a, min)
    }

    fn keep_nan(&mut self, a: Value, otherwise: Value) -> Value {
        let is_nan = self.cmp(CmpOp::Ne, a, a);
        self.select(is_nan, a, otherwise)
    }

    /// Starts a counted loop that carries a value per init; gives the values at the start of an iteration.
    ///
    /// # Panics
    ///
    /// If a loop is open.
    pub fn begin_loop(&mut self, count: Count, inits: &[Value]) -> Vec<Value> {
        assert!(self.open_loop.is_none(), "loops do not nest");
        self.close_straight();
        let params: Vec<Value> = inits.iter().map(|_| self.fresh()).collect();
        let open =
            OpenLoop { count, inits: inits.to_vec(), params: params.clone(), known: FxHashMap::default() };
        self.open_loop = Some(open);
        params
    }

    /// Ends the loop; gives the carried values after it.
    ///
    /// # Panics
    ///
    /// If no loop is open, or there are not as many `nexts` as inits.
    pub fn end_loop(&mut self, nexts: &[Value]) -> Vec<Value> {
        let open = self.open_loop.take().expect("begin_loop comes first");
        assert_eq!(open.inits.len(), nexts.len(), "a next for each carried value");
        let heads = open.inits.iter().zip(&open.params).zip(nexts);
        let carried: Vec<Carried> = heads
            .map(|((&init, &param), &next)| Carried { init, param, next, result: self.fresh() })
            .collect();
        let results = carried.iter().map(|carried| carried.result).collect();
        let body = std::mem::take(&mut self.insts);
        self.sections.push(Section::Loop(Loop { count: open.count, carried, body }));
        results
    }

    /// The program, without what no store needs, its values numbered in the order in which it defines them.
    ///
    /// # Panics
    ///
    /// If a loop is open.
    pub fn finish(mut self) -> Program {
        assert!(self.open_loop.is_none(), "end_loop comes first");
        self.close_straight();
        let constants = Section::Straight(self.constants);
        let sections = std::iter::once(constants).chain(self.sections).collect();
        prune(Program { lanes: self.lanes, n_args: self.n_args, n_values: self.n_values, sections })
    }

    fn push(&mut self, result: Option<Value>, op: Op) {
        self.insts.push(Inst { result, op, mark: self.mark });
    }

    fn close_straight(&mut self) {
        let insts = std::mem::take(&mut self.insts);
        self.sections.push(Section::Straight(insts));
    }

    fn fresh(&mut self) -> Value {
        self.n_values += 1;
        Value(self.n_values - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::verify::verify;

    const HERE: Address = Address { arg: 0, offset: 0, step: 0 };

    #[test]
    fn constants_are_shared_and_come_first() {
        let mut b = ProgramBuilder::new(Lanes::L4);
        b.arg();
        let x = b.load(HERE);
        let init = b.f32(0.0);
        let sum = b.begin_loop(Count::Static(3), &[init])[0];
        let one = b.f32(1.0);
        let next = b.add(sum, one);
        let sum = b.end_loop(&[next])[0];
        let again = b.f32(1.0);
        assert_eq!(one, again);
        let y = b.mul(x, again);
        let y = b.add(y, sum);
        b.store(HERE, y);
        let program = b.finish();
        assert_eq!(verify(&program), Ok(()));
        let [Section::Straight(first), Section::Loop(_), Section::Straight(_)] = &program.sections[..] else {
            panic!("expected straight, loop, straight: {program:?}");
        };
        let ops: Vec<&Op> = first.iter().map(|inst| &inst.op).collect();
        assert_eq!(ops, [&Op::Splat(0), &Op::Splat(1.0_f32.to_bits()), &Op::Load(HERE)]);
    }

    #[test]
    fn ops_of_a_loop_are_not_reused_after_it() {
        let mut b = ProgramBuilder::new(Lanes::L4);
        b.arg();
        let x = b.load(HERE);
        let before = b.add(x, x);
        b.begin_loop(Count::Static(2), &[]);
        assert_eq!(b.add(x, x), before, "visible from outside");
        let inside = b.mul(x, x);
        assert_eq!(b.mul(x, x), inside);
        b.end_loop(&[]);
        assert_ne!(b.mul(x, x), inside);
    }

    #[test]
    fn loads_are_never_merged() {
        let mut b = ProgramBuilder::new(Lanes::L4);
        b.arg();
        let old = b.load(HERE);
        let new = b.add(old, old);
        b.store(HERE, new);
        assert_ne!(b.load(HERE), old);
    }
}
