//! What elementwise ops are in vector programs.

use dl_ir::ops::Op;
use dl_ir::ops::compare::Direction;
use dl_ir::types::DType;

use crate::vector::{CmpOp, ProgramBuilder, Value, math};

/// The value of an elementwise op on vectors; truth values are masks. `dtype` is what the operands hold. `None` for
/// ops that are not elementwise.
pub fn emit(b: &mut ProgramBuilder, op: &Op, dtype: DType, operands: &[Value]) -> Option<Value> {
    let x = *operands.first()?;
    let y = operands.get(1).copied().unwrap_or(x);
    let value = match op {
        Op::Abs(_) => b.abs(x),
        Op::Add(_) if dtype == DType::I32 => b.iadd(x, y),
        Op::Add(_) => b.add(x, y),
        Op::Compare(compare) => emit_compare(b, compare.direction, dtype, x, y),
        Op::Copy(_) => x,
        Op::Convert(_) => emit_convert(b, dtype, x),
        Op::Div(_) => b.div(x, y),
        Op::Erf(_) => math::erf(b, x),
        Op::Exp(_) => math::exp(b, x),
        Op::Expm1(_) => math::expm1(b, x),
        Op::Log(_) => math::log(b, x),
        Op::Log1p(_) => math::log1p(b, x),
        Op::Logistic(_) => math::logistic(b, x),
        Op::Max(_) => b.max_nan(x, y),
        Op::Min(_) => b.min_nan(x, y),
        Op::Mul(_) => b.mul(x, y),
        Op::Neg(_) => b.neg(x),
        Op::Select(_) => b.select(x, y, operands[2]),
        Op::Sign(_) => emit_sign(b, x),
        Op::Softplus(_) => math::softplus(b, x),
        Op::Sqrt(_) => b.sqrt(x),
        Op::StopGradient(_) => x,
        Op::Sub(_) => b.sub(x, y),
        Op::Tanh(_) => math::tanh(b, x),
        _ => return None,
    };
    Some(value)
}

/// max(x, c) and min(x, c) with a constant that is not NaN: one instruction, since the second operand's NaN wins.
pub fn emit_clamp(b: &mut ProgramBuilder, op: &Op, x: Value, constant: f32) -> Option<Value> {
    if constant.is_nan() {
        return None;
    }
    let bound = b.f32(constant);
    match op {
        Op::Max(_) => Some(b.max(bound, x)),
        Op::Min(_) => Some(b.min(bound, x)),
        _ => None,
    }
}

fn emit_compare(b: &mut ProgramBuilder, direction: Direction, dtype: DType, x: Value, y: Value) -> Value {
    if dtype == DType::F32 {
        let cmp = match direction {
            Direction::Eq => CmpOp::Eq,
            Direction::Ne => CmpOp::Ne,
            Direction::Lt => CmpOp::Lt,
            Direction::Le => CmpOp::Le,
            Direction::Gt => CmpOp::Gt,
            Direction::Ge => CmpOp::Ge,
        };
        return b.cmp(cmp, x, y);
    }
    let mask = match direction {
        Direction::Eq | Direction::Ne => b.icmp_eq(x, y),
        Direction::Gt | Direction::Le => b.icmp_gt(x, y),
        Direction::Lt | Direction::Ge => b.icmp_gt(y, x),
    };
    match direction {
        Direction::Ne | Direction::Le | Direction::Ge => {
            let ones = b.u32(u32::MAX);
            b.xor(mask, ones)
        }
        Direction::Eq | Direction::Gt | Direction::Lt => mask,
    }
}

fn emit_convert(b: &mut ProgramBuilder, dtype: DType, x: Value) -> Value {
    match dtype {
        DType::Bool => {
            let (one, zero) = (b.f32(1.0), b.f32(0.0));
            b.select(x, one, zero)
        }
        DType::I32 => b.to_float(x),
        DType::F32 => x,
    }
}

fn emit_sign(b: &mut ProgramBuilder, x: Value) -> Value {
    let (zero, one, minus_one) = (b.f32(0.0), b.f32(1.0), b.f32(-1.0));
    let is_positive = b.cmp(CmpOp::Gt, x, zero);
    let is_negative = b.cmp(CmpOp::Lt, x, zero);
    let negative_or_zero = b.select(is_negative, minus_one, x);
    b.select(is_positive, one, negative_or_zero)
}
