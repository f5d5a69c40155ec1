//! The data structure of a vector program.
//!
//! A program is an SSA body over vectors of [`Lanes`] 32-bit lanes: straight sections and counted loops, one after
//! the other. It has no control flow of its own beyond those loops and touches memory only through [`Address`]es.
//! Lanes are untyped bits; each op says whether it reads them as f32, i32 or a mask (all bits of a lane set or clear).
//! Every op has exactly one meaning, that of [`interp`](super::interp), which all encoders reproduce to the bit
//! for finite values.

use super::Mark;

/// The number of 32-bit lanes in a vector: 4 (128 bits), 8 (256 bits) or 16 (512 bits).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lanes {
    /// 128 bits: Cranelift's widest vector.
    L4 = 4,
    /// 256 bits: AVX2 with FMA.
    L8 = 8,
    /// 512 bits: AVX-512F, DQ and VL.
    L16 = 16,
}

impl Lanes {
    /// The number of lanes.
    pub fn count(self) -> usize {
        self as usize
    }

    /// The size of a vector in bytes.
    pub fn bytes(self) -> usize {
        4 * self.count()
    }
}

/// An SSA value: one vector. Defined once, by an [`Inst`] or as a loop's carried value; ids are dense.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Value(pub u32);

/// A vector program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    /// The width it was built for.
    pub lanes: Lanes,
    /// How many 64-bit argument words it takes: pointers, and counts of loops.
    pub n_args: u16,
    /// How many values it defines: ids are below this.
    pub n_values: u32,
    /// Run in order.
    pub sections: Vec<Section>,
}

impl Program {
    /// All instructions, in order.
    pub fn insts(&self) -> impl Iterator<Item = &Inst> {
        self.sections.iter().flat_map(|section| match section {
            Section::Straight(insts) => insts,
            Section::Loop(counted) => &counted.body,
        })
    }
}

/// A part of a program.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Section {
    /// Instructions, run once.
    Straight(Vec<Inst>),
    /// A counted loop.
    Loop(Loop),
}

/// A counted loop: runs its body `count` times (perhaps never), carrying values from one run to the next.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Loop {
    /// How often the body runs.
    pub count: Count,
    /// The values carried around.
    pub carried: Vec<Carried>,
    /// The instructions of one iteration. May use values defined before the loop.
    pub body: Vec<Inst>,
}

/// How often a loop runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Count {
    /// Known when the program is built.
    Static(u32),
    /// Read from this argument word.
    Arg(u16),
}

/// A value carried around a loop.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Carried {
    /// Defined before the loop: what `param` is in the first iteration, and `result` if there is none.
    pub init: Value,
    /// Defined by the loop, visible in its body only.
    pub param: Value,
    /// Defined before or in the body: what `param` is in the next iteration.
    pub next: Value,
    /// Defined by the loop, visible after it: the last iteration's `next`.
    pub result: Value,
}

/// One instruction.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Inst {
    /// The value it defines; stores and prefetches define none.
    pub result: Option<Value>,
    /// What it does.
    pub op: Op,
    /// What it is for.
    pub mark: Mark,
}

/// A place in memory: argument word `arg`, plus `offset` bytes, plus `step` bytes for each finished iteration of the
/// loop it stands in (outside loops `step` is 0).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Address {
    /// Which argument word holds the base pointer.
    pub arg: u16,
    /// Bytes added to the base.
    pub offset: i32,
    /// Bytes added per iteration.
    pub step: i32,
}

/// How two lanes are compared, as f32. With a NaN on either side all are false but `Ne`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CmpOp {
    /// Equal.
    Eq,
    /// Not equal (true for NaN).
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
}

/// What an instruction does. Operands of arithmetic are vectors; results are vectors.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// The same 32 bits in each lane.
    Splat(u32),
    /// Lane j holds the integer j (i32).
    LaneIndex,
    /// The low 32 bits of an argument word that is a number, in each lane.
    SplatArg(u16),
    /// `lanes` consecutive 32-bit words. No alignment is assumed.
    Load(Address),
    /// The first `count` words (0 < count < lanes); the other lanes are 0. Nothing beyond them is touched.
    LoadTail(Address, u8),
    /// One word, in each lane.
    Broadcast(Address),
    /// Writes `lanes` words.
    Store(Address, Value),
    /// Writes the first `count` words only (0 < count < lanes).
    StoreTail(Address, Value, u8),
    /// Asks for the line of memory at the address, to be read or written soon: changes speed, never results.
    Prefetch(Address),

    /// f32 a + b.
    Add(Value, Value),
    /// f32 a − b.
    Sub(Value, Value),
    /// f32 a · b.
    Mul(Value, Value),
    /// f32 a / b, correctly rounded.
    Div(Value, Value),
    /// f32 a · b + c, rounded once.
    Fma(Value, Value, Value),
    /// f32 square root, correctly rounded.
    Sqrt(Value),
    /// f32: a > b ? a : b. So with a NaN on either side, or two zeros, it is b (x86 `maxps`).
    Max(Value, Value),
    /// f32: a < b ? a : b. So with a NaN on either side, or two zeros, it is b (x86 `minps`).
    Min(Value, Value),
    /// f32: rounded to the nearest integer, ties to even.
    RoundEven(Value),
    /// f32 comparison: a mask.
    Cmp(CmpOp, Value, Value),
    /// mask ? a : b, lane by lane.
    Select(Value, Value, Value),

    /// Bits a & b.
    And(Value, Value),
    /// Bits a | b.
    Or(Value, Value),
    /// Bits a ^ b.
    Xor(Value, Value),
    /// i32 a + b, wrapping.
    IAdd(Value, Value),
    /// i32 a − b, wrapping.
    ISub(Value, Value),
    /// u32 a · b of lanes 0, 2, 4, …: the low half of a product in its own lane, the high half in the next (x86 `pmuludq`).
    MulEven(Value, Value),
    /// Bits shifted left by a constant (0…31).
    Shl(Value, u8),
    /// Bits shifted right by a constant (0…31), filled with zeros.
    ShrU(Value, u8),
    /// i32 shifted right by a constant (0…31), filled with the sign.
    ShrS(Value, u8),
    /// i32 a == b: a mask.
    ICmpEq(Value, Value),
    /// i32 a > b, signed: a mask.
    ICmpGt(Value, Value),
    /// f32 to i32, ties to even. Programs use it only on values that fit.
    ToInt(Value),
    /// i32 to f32, rounded to nearest even.
    ToFloat(Value),

    /// Lane j takes lane j ^ distance (distance 1, 2, 4 or 8, below the number of lanes).
    SwapLanes(Value, u8),
}
