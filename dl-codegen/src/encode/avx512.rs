//! The instructions of 512-bit vectors: AVX-512 F and DQ, in EVEX encoding.

use super::avx2::{ROUND_EVEN, SWAP_1, SWAP_2, predicate};
use super::target::{FmaCodes, MaskRows, Row, Target};
use crate::vector::{Lanes, Op};
use iced_x86::{Code, Register};

/// The 512-bit width.
pub static AVX512: Target = Target {
    lanes: Lanes::L16,
    first_vector: Register::ZMM0,
    n_vectors: 32,
    row,
    load: Code::EVEX_Vmovups_zmm_k1z_zmmm512,
    copy: Code::EVEX_Vmovaps_zmm_k1z_zmmm512,
    broadcast: Code::EVEX_Vbroadcastss_zmm_k1z_xmmm32,
    zero: Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32,
    store: Row::new(Code::EVEX_Vmovups_zmmm512_k1z_zmm),
    masked_load: Row::new(Code::EVEX_Vmovups_zmm_k1z_zmmm512).zeroing(),
    masked_store: Row::new(Code::EVEX_Vmovups_zmmm512_k1z_zmm),
    fma: FmaCodes {
        f132: Code::EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er,
        f213: Code::EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er,
        f231: Code::EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
    },
    masks: Some(MaskRows {
        from_vector: Row::new(Code::EVEX_Vpmovd2m_kr_zmm),
        to_vector: Row::new(Code::EVEX_Vpmovm2d_zmm_kr),
        and: Row::new(Code::VEX_Kandw_kr_kr_kr),
        or: Row::new(Code::VEX_Korw_kr_kr_kr),
        xor: Row::new(Code::VEX_Kxorw_kr_kr_kr),
        keep: Row::new(Code::EVEX_Vmovups_zmm_k1z_zmmm512).memory(0).zeroing(),
    }),
};

fn row(op: &Op) -> Option<Row> {
    Some(match *op {
        Op::Add(..) => binary(Code::EVEX_Vaddps_zmm_k1z_zmm_zmmm512b32_er).commutes(),
        Op::Sub(..) => binary(Code::EVEX_Vsubps_zmm_k1z_zmm_zmmm512b32_er),
        Op::Mul(..) => binary(Code::EVEX_Vmulps_zmm_k1z_zmm_zmmm512b32_er).commutes(),
        Op::Div(..) => binary(Code::EVEX_Vdivps_zmm_k1z_zmm_zmmm512b32_er),
        Op::Max(..) => binary(Code::EVEX_Vmaxps_zmm_k1z_zmm_zmmm512b32_sae),
        Op::Min(..) => binary(Code::EVEX_Vminps_zmm_k1z_zmm_zmmm512b32_sae),
        Op::And(..) => binary(Code::EVEX_Vpandd_zmm_k1z_zmm_zmmm512b32).commutes(),
        Op::Or(..) => binary(Code::EVEX_Vpord_zmm_k1z_zmm_zmmm512b32).commutes(),
        Op::Xor(..) => binary(Code::EVEX_Vpxord_zmm_k1z_zmm_zmmm512b32).commutes(),
        Op::IAdd(..) => binary(Code::EVEX_Vpaddd_zmm_k1z_zmm_zmmm512b32).commutes(),
        Op::ISub(..) => binary(Code::EVEX_Vpsubd_zmm_k1z_zmm_zmmm512b32),
        // A word in memory would be one of 64 bits.
        Op::MulEven(..) => Row::new(Code::EVEX_Vpmuludq_zmm_k1z_zmm_zmmm512b64).memory(1).commutes(),
        Op::ICmpEq(..) => binary(Code::EVEX_Vpcmpeqd_kr_k1_zmm_zmmm512b32).commutes(),
        Op::ICmpGt(..) => binary(Code::EVEX_Vpcmpgtd_kr_k1_zmm_zmmm512b32),
        Op::Cmp(cmp, ..) => binary(Code::EVEX_Vcmpps_kr_k1_zmm_zmmm512b32_imm8_sae).imm(predicate(cmp)),
        // Sources: where clear, where set; the mask is the predicate.
        Op::Select(..) => binary(Code::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32),
        Op::Sqrt(..) => unary(Code::EVEX_Vsqrtps_zmm_k1z_zmmm512b32_er),
        Op::RoundEven(..) => unary(Code::EVEX_Vrndscaleps_zmm_k1z_zmmm512b32_imm8_sae).imm(ROUND_EVEN),
        Op::ToInt(..) => unary(Code::EVEX_Vcvtps2dq_zmm_k1z_zmmm512b32_er),
        Op::ToFloat(..) => unary(Code::EVEX_Vcvtdq2ps_zmm_k1z_zmmm512b32_er),
        Op::Shl(_, bits @ 0..32) => unary(Code::EVEX_Vpslld_zmm_k1z_zmmm512b32_imm8).imm(bits),
        Op::ShrU(_, bits @ 0..32) => unary(Code::EVEX_Vpsrld_zmm_k1z_zmmm512b32_imm8).imm(bits),
        Op::ShrS(_, bits @ 0..32) => unary(Code::EVEX_Vpsrad_zmm_k1z_zmmm512b32_imm8).imm(bits),
        Op::SwapLanes(_, 1) => unary(Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8).imm(SWAP_1),
        Op::SwapLanes(_, 2) => unary(Code::EVEX_Vpermilps_zmm_k1z_zmmm512b32_imm8).imm(SWAP_2),
        // Within each half of four 64-bit words: the words two apart change places.
        Op::SwapLanes(_, 4) => Row::new(Code::EVEX_Vpermq_zmm_k1z_zmmm512b64_imm8).memory(0).imm(SWAP_2),
        Op::SwapLanes(_, 8) => Row::new(Code::EVEX_Vshuff32x4_zmm_k1z_zmm_zmmm512b32_imm8).imm(SWAP_2),
        _ => return None,
    })
}

fn unary(code: Code) -> Row {
    Row::new(code).memory(0).word()
}

fn binary(code: Code) -> Row {
    Row::new(code).memory(1).word()
}
