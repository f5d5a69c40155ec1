//! Vector programs as text: one instruction a line.
//!
//! ```text
//! program f32x8 args 3                        the width, and the number of argument words a0, a1, …
//! %0 = splat 0x40000000 ; 2.0                 bits; a comment runs to the end of the line
//! loop a2 {                                   or a number: how often
//!   carry %1 init %0 next %4 result %5        a value carried around the loop
//!   %2 = load [a0 + 64 + 32i]                 bytes; i counts finished iterations
//!   %3 = load.tail(3) [a1 - 4]                three words
//!   %4 = fma %1, %2, %3
//!   store [a1 + 32i], %4
//! }
//! store.tail(3) [a1], %5
//! ```
//!
//! Printing and parsing again gives the same program, if its straight sections are neither empty nor adjacent, as
//! those of [`ProgramBuilder`](super::ProgramBuilder) are.

mod parse;
mod print;

pub use parse::{MAX_TEXT_BYTES, ParseError, parse};
pub use print::with_comments;

use super::{CmpOp, Op, Value};

/// How an op of values and constants is written after its name.
#[derive(Clone, Copy)]
enum Form {
    /// `%1`
    Unary(fn(Value) -> Op),
    /// `%1, %2`
    Binary(fn(Value, Value) -> Op),
    /// `%1, %2, %3`
    Ternary(fn(Value, Value, Value) -> Op),
    /// `%1, 23`
    Immediate(fn(Value, u8) -> Op),
}

/// The ops that touch no memory, but constants.
const OPS: [(&str, Form); 30] = [
    ("add", Form::Binary(Op::Add)),
    ("sub", Form::Binary(Op::Sub)),
    ("mul", Form::Binary(Op::Mul)),
    ("div", Form::Binary(Op::Div)),
    ("fma", Form::Ternary(Op::Fma)),
    ("sqrt", Form::Unary(Op::Sqrt)),
    ("max", Form::Binary(Op::Max)),
    ("min", Form::Binary(Op::Min)),
    ("round_even", Form::Unary(Op::RoundEven)),
    ("cmp.eq", Form::Binary(|a, b| Op::Cmp(CmpOp::Eq, a, b))),
    ("cmp.ne", Form::Binary(|a, b| Op::Cmp(CmpOp::Ne, a, b))),
    ("cmp.lt", Form::Binary(|a, b| Op::Cmp(CmpOp::Lt, a, b))),
    ("cmp.le", Form::Binary(|a, b| Op::Cmp(CmpOp::Le, a, b))),
    ("cmp.gt", Form::Binary(|a, b| Op::Cmp(CmpOp::Gt, a, b))),
    ("cmp.ge", Form::Binary(|a, b| Op::Cmp(CmpOp::Ge, a, b))),
    ("select", Form::Ternary(Op::Select)),
    ("and", Form::Binary(Op::And)),
    ("or", Form::Binary(Op::Or)),
    ("xor", Form::Binary(Op::Xor)),
    ("iadd", Form::Binary(Op::IAdd)),
    ("isub", Form::Binary(Op::ISub)),
    ("mul_even", Form::Binary(Op::MulEven)),
    ("shl", Form::Immediate(Op::Shl)),
    ("shr_u", Form::Immediate(Op::ShrU)),
    ("shr_s", Form::Immediate(Op::ShrS)),
    ("icmp.eq", Form::Binary(Op::ICmpEq)),
    ("icmp.gt", Form::Binary(Op::ICmpGt)),
    ("to_int", Form::Unary(Op::ToInt)),
    ("to_float", Form::Unary(Op::ToFloat)),
    ("swap_lanes", Form::Immediate(Op::SwapLanes)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::random::Case;
    use crate::vector::verify::VerifyError;
    use crate::vector::{Lanes, Program};

    /// Every op, every form of address and count.
    const ALL: &str = "\
program f32x8 args 4
%0 = splat 0x3f800000 ; 1.0
%1 = splat 0x7fffffff
%2 = lane_index
%3 = load [a0]
%4 = load.tail(7) [a0 + 64]
%5 = broadcast [a1 - 2147483648]
%6 = add %3, %4
%7 = sub %3, %4
%8 = mul %3, %4
%9 = div %3, %4
%10 = fma %3, %4, %5
%11 = sqrt %3
%12 = max %3, %4
%13 = min %3, %4
%14 = round_even %3
%15 = cmp.eq %3, %4
%16 = cmp.ne %3, %4
%17 = cmp.lt %3, %4
%18 = cmp.le %3, %4
%19 = cmp.gt %3, %4
%20 = cmp.ge %3, %4
%21 = select %15, %3, %4
%22 = and %3, %4
%23 = or %3, %4
%24 = xor %3, %4
%25 = iadd %3, %4
%26 = isub %3, %4
loop 784 {
  carry %27 init %0 next %30 result %32
  carry %28 init %1 next %28 result %33
  %29 = load [a0 + 64 + 128i]
  %30 = shl %27, 31
  %31 = shr_u %29, 1
  store [a2 - 4i], %31
}
%34 = shr_s %32, 0
%35 = icmp.eq %3, %4
%36 = icmp.gt %3, %4
%37 = to_int %3
%38 = to_float %33
%39 = swap_lanes %3, 4
%40 = mul_even %3, %4
%41 = splat_arg a3
loop a3 {
}
store [a2 + 2147483647], %39
store.tail(1) [a2], %34
prefetch [a2 + 64]
";

    #[test]
    fn all_ops_round_trip() {
        let program = parse(ALL).unwrap();
        assert_eq!(program.to_string(), ALL);
        assert_eq!((program.n_values, program.sections.len()), (42, 5));
    }

    #[test]
    fn random_programs_round_trip() {
        for seed in 0..200 {
            for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
                let program: Program = Case::random(seed, lanes).program;
                let text = program.to_string();
                assert_eq!(parse(&text).as_ref(), Ok(&program), "{text}");
            }
        }
    }

    #[test]
    fn layout_and_comments_do_not_matter() {
        let text = "; an empty program\n\n program   f32x4 args 0  ; no arguments\r\n";
        assert_eq!(parse(text).unwrap().to_string(), "program f32x4 args 0\n");
    }

    #[test]
    fn errors_name_the_place() {
        let message = |text: &str| parse(text).unwrap_err().to_string();
        let cases = [
            ("", "line 1, column 1: expected `program`, found the end of the text"),
            ("program f32x5 args 1", "line 1, column 9: expected f32x4, f32x8 or f32x16, found `f32x5`"),
            ("program f32x4 args 1 1", "line 1, column 22: expected the end of the line, found `1`"),
            ("program f32x4 args 70000", "line 1, column 20: 70000 is too large: at most 65535"),
            ("program f32x4 args 1\n%0 = lod [a0]", "line 2, column 6: there is no op `lod`"),
            (
                "program f32x4 args 1\n%0 = load [b0]",
                "line 2, column 12: expected an argument like a0, found `b0`",
            ),
            ("program f32x4 args 1\n%0 = load [a0 + ]", "line 2, column 17: expected a number, found `]`"),
            (
                "program f32x4 args 1\n%0 = load [a0",
                "line 2, column 14: expected `]`, found the end of the line",
            ),
            (
                "program f32x4 args 1\n%0 = load [a0 + 2147483648]",
                "line 2, column 17: 2147483648 is too large: at most 2147483647",
            ),
            ("program f32x4 args 0\n}", "line 2, column 1: expected an instruction, found `}`"),
            ("program f32x4 args 0\nloop 3 {", "line 2, column 9: expected `}`, found the end of the text"),
            (
                "program f32x4 args 0\nloop 3 {\nloop 3 {",
                "line 3, column 1: expected an instruction, found `loop`",
            ),
            (
                "program f32x4 args 0\n%9999999 = lane_index",
                "line 2, column 2: 9999999 is too large: at most 999999",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(message(text), expected, "{text}");
        }
    }

    #[test]
    fn broken_rules_are_errors() {
        let undefined = parse("program f32x4 args 1\n%0 = sqrt %1\n%1 = lane_index");
        let Err(ParseError::Invalid(VerifyError::NotVisible { value, .. })) = undefined else {
            panic!("%1 comes too late: {undefined:?}");
        };
        assert_eq!(value, Value(1));
    }

    #[test]
    fn size_is_limited() {
        let text = " ".repeat(MAX_TEXT_BYTES + 1);
        assert!(matches!(parse(&text), Err(ParseError::TooLong { .. })));
    }
}
