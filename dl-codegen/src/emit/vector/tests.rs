//! Compiled programs against the interpreter.

use crate::emit::testing::Compiled;
use crate::vector::interp::{self, Arg};
use crate::vector::random::{Case, Rng, assert_same_memory};
use crate::vector::{Address, CmpOp, Count, Lanes, Op, Program, ProgramBuilder, Value};

/// Makes an op of three operands, which may leave some unread.
type MakeOp = fn(Value, Value, Value) -> Op;

fn assert_runs_as_interpreted(program: &Program, args: &[Arg], context: &str) {
    let (mut expected, mut found) = (args.to_vec(), args.to_vec());
    interp::run(program, &mut expected).unwrap();
    Compiled::new(program).run(&mut found);
    assert_same_memory(&expected, &found, context);
}

#[test]
fn random_programs_run_as_interpreted() {
    for seed in 0..400 {
        let case = Case::random(seed, Lanes::L4);
        assert_runs_as_interpreted(&case.program, &case.args, &format!("seed {seed}: {}", case.program));
    }
}

/// Each op on many vectors of ordinary and special values.
#[test]
fn ops_compute_as_interpreted() {
    let ops: [(&str, MakeOp); 34] = [
        ("add", |a, b, _| Op::Add(a, b)),
        ("sub", |a, b, _| Op::Sub(a, b)),
        ("mul", |a, b, _| Op::Mul(a, b)),
        ("div", |a, b, _| Op::Div(a, b)),
        ("fma", Op::Fma),
        ("sqrt", |a, _, _| Op::Sqrt(a)),
        ("max", |a, b, _| Op::Max(a, b)),
        ("min", |a, b, _| Op::Min(a, b)),
        ("round_even", |a, _, _| Op::RoundEven(a)),
        ("cmp.eq", |a, b, _| Op::Cmp(CmpOp::Eq, a, b)),
        ("cmp.ne", |a, b, _| Op::Cmp(CmpOp::Ne, a, b)),
        ("cmp.lt", |a, b, _| Op::Cmp(CmpOp::Lt, a, b)),
        ("cmp.le", |a, b, _| Op::Cmp(CmpOp::Le, a, b)),
        ("cmp.gt", |a, b, _| Op::Cmp(CmpOp::Gt, a, b)),
        ("cmp.ge", |a, b, _| Op::Cmp(CmpOp::Ge, a, b)),
        ("select", Op::Select),
        ("and", |a, b, _| Op::And(a, b)),
        ("or", |a, b, _| Op::Or(a, b)),
        ("xor", |a, b, _| Op::Xor(a, b)),
        ("iadd", |a, b, _| Op::IAdd(a, b)),
        ("isub", |a, b, _| Op::ISub(a, b)),
        ("shl 0", |a, _, _| Op::Shl(a, 0)),
        ("shl 31", |a, _, _| Op::Shl(a, 31)),
        ("shr_u 1", |a, _, _| Op::ShrU(a, 1)),
        ("shr_u 31", |a, _, _| Op::ShrU(a, 31)),
        ("shr_s 1", |a, _, _| Op::ShrS(a, 1)),
        ("shr_s 31", |a, _, _| Op::ShrS(a, 31)),
        ("mul_even", |a, b, _| Op::MulEven(a, b)),
        ("icmp.eq", |a, b, _| Op::ICmpEq(a, b)),
        ("icmp.gt", |a, b, _| Op::ICmpGt(a, b)),
        ("to_float", |a, _, _| Op::ToFloat(a)),
        ("swap_lanes 1", |a, _, _| Op::SwapLanes(a, 1)),
        ("swap_lanes 2", |a, _, _| Op::SwapLanes(a, 2)),
        ("lane_index", |_, _, _| Op::LaneIndex),
    ];
    for (name, op) in ops {
        assert_op_computes_as_interpreted(name, op, |rng| rng.float());
    }
    let fitting = |rng: &mut Rng| (rng.below(1 << 32) as i64 - (1 << 31)) as f32 / 2.0;
    assert_op_computes_as_interpreted("to_int", |a, _, _| Op::ToInt(a), fitting);
}

fn assert_op_computes_as_interpreted(name: &str, op: MakeOp, number: impl Fn(&mut Rng) -> f32) {
    const N_VECTORS: usize = 500;
    let mut b = ProgramBuilder::new(Lanes::L4);
    let args = [b.arg(), b.arg(), b.arg(), b.arg()];
    let [output, inputs @ ..] = args.map(|arg| Address { arg, offset: 0, step: 16 });
    b.begin_loop(Count::Static(N_VECTORS as u32), &[]);
    let [x, y, z] = inputs.map(|input| b.load(input));
    // Masks for `select`; for other ops it is a number like any other.
    let x = if name == "select" { b.cmp(CmpOp::Lt, x, y) } else { x };
    let result = b.emit(op(x, y, z));
    b.store(output, result);
    b.end_loop(&[]);
    let mut rng = Rng(7);
    let memory = args.map(|_| {
        Arg::Bytes((0..4 * N_VECTORS).flat_map(|_| number(&mut rng).to_le_bytes()).collect::<Vec<u8>>())
    });
    assert_runs_as_interpreted(&b.finish(), &memory, name);
}
