//! The instructions of 256-bit vectors: AVX2 and FMA, in VEX encoding.

use super::target::{FmaCodes, Row, Target};
use crate::vector::{CmpOp, Lanes, Op};
use iced_x86::{Code, Register};

/// The 256-bit width.
pub static AVX2: Target = Target {
    lanes: Lanes::L8,
    first_vector: Register::YMM0,
    n_vectors: 16,
    row,
    load: Code::VEX_Vmovups_ymm_ymmm256,
    copy: Code::VEX_Vmovaps_ymm_ymmm256,
    broadcast: Code::VEX_Vbroadcastss_ymm_m32,
    zero: Code::VEX_Vxorps_ymm_ymm_ymmm256,
    store: Row::new(Code::VEX_Vmovups_ymmm256_ymm),
    masked_load: Row::new(Code::VEX_Vmaskmovps_ymm_ymm_m256),
    masked_store: Row::new(Code::VEX_Vmaskmovps_m256_ymm_ymm),
    fma: FmaCodes {
        f132: Code::VEX_Vfmadd132ps_ymm_ymm_ymmm256,
        f213: Code::VEX_Vfmadd213ps_ymm_ymm_ymmm256,
        f231: Code::VEX_Vfmadd231ps_ymm_ymm_ymmm256,
    },
    masks: None,
};

fn row(op: &Op) -> Option<Row> {
    Some(match *op {
        Op::Add(..) => binary(Code::VEX_Vaddps_ymm_ymm_ymmm256).commutes(),
        Op::Sub(..) => binary(Code::VEX_Vsubps_ymm_ymm_ymmm256),
        Op::Mul(..) => binary(Code::VEX_Vmulps_ymm_ymm_ymmm256).commutes(),
        Op::Div(..) => binary(Code::VEX_Vdivps_ymm_ymm_ymmm256),
        Op::Max(..) => binary(Code::VEX_Vmaxps_ymm_ymm_ymmm256),
        Op::Min(..) => binary(Code::VEX_Vminps_ymm_ymm_ymmm256),
        Op::And(..) => binary(Code::VEX_Vandps_ymm_ymm_ymmm256).commutes(),
        Op::Or(..) => binary(Code::VEX_Vorps_ymm_ymm_ymmm256).commutes(),
        Op::Xor(..) => binary(Code::VEX_Vxorps_ymm_ymm_ymmm256).commutes(),
        Op::IAdd(..) => binary(Code::VEX_Vpaddd_ymm_ymm_ymmm256).commutes(),
        Op::ISub(..) => binary(Code::VEX_Vpsubd_ymm_ymm_ymmm256),
        Op::MulEven(..) => binary(Code::VEX_Vpmuludq_ymm_ymm_ymmm256).commutes(),
        Op::ICmpEq(..) => binary(Code::VEX_Vpcmpeqd_ymm_ymm_ymmm256).commutes(),
        Op::ICmpGt(..) => binary(Code::VEX_Vpcmpgtd_ymm_ymm_ymmm256),
        Op::Cmp(cmp, ..) => binary(Code::VEX_Vcmpps_ymm_ymm_ymmm256_imm8).imm(predicate(cmp)),
        // Sources: where clear, where set, the mask.
        Op::Select(..) => binary(Code::VEX_Vblendvps_ymm_ymm_ymmm256_ymm),
        Op::Sqrt(..) => unary(Code::VEX_Vsqrtps_ymm_ymmm256),
        Op::RoundEven(..) => unary(Code::VEX_Vroundps_ymm_ymmm256_imm8).imm(ROUND_EVEN),
        Op::ToInt(..) => unary(Code::VEX_Vcvtps2dq_ymm_ymmm256),
        Op::ToFloat(..) => unary(Code::VEX_Vcvtdq2ps_ymm_ymmm256),
        Op::Shl(_, bits @ 0..32) => Row::new(Code::VEX_Vpslld_ymm_ymm_imm8).imm(bits),
        Op::ShrU(_, bits @ 0..32) => Row::new(Code::VEX_Vpsrld_ymm_ymm_imm8).imm(bits),
        Op::ShrS(_, bits @ 0..32) => Row::new(Code::VEX_Vpsrad_ymm_ymm_imm8).imm(bits),
        Op::SwapLanes(_, 1) => unary(Code::VEX_Vpermilps_ymm_ymmm256_imm8).imm(SWAP_1),
        Op::SwapLanes(_, 2) => unary(Code::VEX_Vpermilps_ymm_ymmm256_imm8).imm(SWAP_2),
        Op::SwapLanes(_, 4) => unary(Code::VEX_Vpermpd_ymm_ymmm256_imm8).imm(SWAP_2),
        _ => return None,
    })
}

/// Rounds to nearest even, without raising the inexact flag.
pub const ROUND_EVEN: u8 = 8;
/// Four positions in two bits each, the lowest first: 1, 0, 3, 2.
pub const SWAP_1: u8 = 0b10_11_00_01;
/// 2, 3, 0, 1.
pub const SWAP_2: u8 = 0b01_00_11_10;

/// The predicate of `vcmpps`: quiet, and false on NaN but for `Ne`.
pub fn predicate(cmp: CmpOp) -> u8 {
    match cmp {
        CmpOp::Eq => 0x00,
        CmpOp::Ne => 0x04,
        CmpOp::Lt => 0x11,
        CmpOp::Le => 0x12,
        CmpOp::Gt => 0x1e,
        CmpOp::Ge => 0x1d,
    }
}

fn unary(code: Code) -> Row {
    Row::new(code).memory(0)
}

fn binary(code: Code) -> Row {
    Row::new(code).memory(1)
}
