//! Questions about an [`Op`] that verifier, builder, printer and encoders ask alike.

use super::{Address, Op, Value};

impl Op {
    /// The values it reads, in the order in which it is written.
    pub fn operands(&self) -> impl Iterator<Item = Value> + use<> {
        let mut copy = self.clone();
        copy.operand_slots().map(|slot| slot.map(|value| *value)).into_iter().flatten()
    }

    /// The same op reading `rename(v)` for each operand `v`.
    pub fn map_operands(&self, mut rename: impl FnMut(Value) -> Value) -> Op {
        let mut renamed = self.clone();
        for slot in renamed.operand_slots().into_iter().flatten() {
            *slot = rename(*slot);
        }
        renamed
    }

    /// The place in memory that it reads or writes.
    pub fn address(&self) -> Option<Address> {
        match self {
            Op::Load(address)
            | Op::LoadTail(address, _)
            | Op::Broadcast(address)
            | Op::Store(address, _)
            | Op::StoreTail(address, _, _)
            | Op::Prefetch(address) => Some(*address),
            _ => None,
        }
    }

    /// Whether it defines a value: all ops do but stores and prefetches.
    pub fn has_result(&self) -> bool {
        !matches!(self, Op::Store(..) | Op::StoreTail(..) | Op::Prefetch(_))
    }

    /// Whether its result depends on nothing but its operands (and so not on memory).
    pub fn is_pure(&self) -> bool {
        self.address().is_none()
    }

    /// Whether it is the same vector wherever it stands: it has no operands and reads no memory.
    pub fn is_constant(&self) -> bool {
        matches!(self, Op::Splat(_) | Op::LaneIndex)
    }

    fn operand_slots(&mut self) -> [Option<&mut Value>; 3] {
        match self {
            Op::Splat(_)
            | Op::LaneIndex
            | Op::SplatArg(_)
            | Op::Load(_)
            | Op::LoadTail(..)
            | Op::Broadcast(_)
            | Op::Prefetch(_) => [None, None, None],
            Op::Store(_, a)
            | Op::StoreTail(_, a, _)
            | Op::Sqrt(a)
            | Op::RoundEven(a)
            | Op::Shl(a, _)
            | Op::ShrU(a, _)
            | Op::ShrS(a, _)
            | Op::ToInt(a)
            | Op::ToFloat(a)
            | Op::SwapLanes(a, _) => [Some(a), None, None],
            Op::Add(a, b)
            | Op::Sub(a, b)
            | Op::Mul(a, b)
            | Op::Div(a, b)
            | Op::Max(a, b)
            | Op::Min(a, b)
            | Op::Cmp(_, a, b)
            | Op::And(a, b)
            | Op::Or(a, b)
            | Op::Xor(a, b)
            | Op::IAdd(a, b)
            | Op::ISub(a, b)
            | Op::MulEven(a, b)
            | Op::ICmpEq(a, b)
            | Op::ICmpGt(a, b) => [Some(a), Some(b), None],
            Op::Fma(a, b, c) | Op::Select(a, b, c) => [Some(a), Some(b), Some(c)],
        }
    }
}
