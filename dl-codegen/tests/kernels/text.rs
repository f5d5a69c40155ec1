//! Kernels and their code as text.

use dl_codegen::emit::listing;
use dl_codegen::emit::{DefineError, define_kernels};
use dl_codegen::jit::host_module;
use dl_codegen::kernel::{Index, Kernel, Stmt, Term};
use dl_codegen::stages::STAGES;
use dl_codegen::vector::Lanes;

use crate::samples::{Shape, flat, matmul, rows};
use crate::widths;

const FLAT: &str = "\
kernel 63 tasks
  b0: f32[1003] read
  b1: f32[1003] write
  p0(b0 + 64*begin, b1 + 64*begin, 2*end + -2*begin)
p0: program f32x8 args 3
  %0 = splat 0x40400000 ; 3.0
  %1 = splat 0x3f800000 ; 1.0
  loop a2 {
    %2 = load [a0 + 32i]
    %3 = mul %2, %0
    %4 = sub %3, %1
    store [a1 + 32i], %4
  }
";

const MATMUL_LOOPS: &str = "\
kernel batch tasks
  b0: f32[5*batch] read
  b1: f32[45] read
  b2: f32[9*batch] write
  for v0 from begin to end
    by 4
      for v1 from 0 to 9
        by 8
          p0(b0 + 20*v0, b1 + 4*v1, b2 + 36*v0 + 4*v1)
        by 4
          p1(b0 + 20*v0, b1 + 4*v1, b2 + 36*v0 + 4*v1)
      p2(b0 + 20*v0, b1 + 32, b2 + 36*v0 + 32)
";

#[test]
fn kernels_as_text() {
    assert_eq!(flat(Lanes::L8).to_string(), FLAT);
    let text = matmul(Lanes::L4, Shape { k: 5, n: 9 }).to_string();
    assert!(text.starts_with(MATMUL_LOOPS), "{text}");
    let mut bounded = flat(Lanes::L8);
    let end = vec![Index::term(Term::End, 1), Index::constant(4)];
    bounded.body = vec![Stmt::For { var: 0, begin: Index::default(), end, tiles: vec![] }];
    assert!(bounded.to_string().contains("for v0 from 0 to min(end, 4)\n"), "{bounded}");
}

fn clif(kernel: Kernel, lanes: Lanes) -> String {
    let mut module = host_module().expect("the host is known");
    listing::clif(&mut module, &[kernel], &[0], lanes, None).expect("samples are valid")
}

#[test]
fn narrow_programs_are_inlined_and_wide_ones_called() {
    for lanes in [Lanes::L4, Lanes::L8, Lanes::L16] {
        let text = clif(rows(lanes), lanes);
        assert_eq!(text.contains(" call "), lanes != Lanes::L4, "{text}");
        assert_eq!(text.contains("f32x4"), lanes == Lanes::L4, "{text}");
    }
}

#[test]
fn machine_code_is_shown_with_the_programs_it_calls() {
    for lanes in widths() {
        let kernels = [rows(lanes), rows(lanes)];
        let mut module = host_module().expect("the host is known");
        let text = listing::asm(&mut module, &kernels, &(0..kernels.len()).collect::<Vec<_>>(), lanes, None)
            .expect("samples are valid");
        let n_programs = if lanes == Lanes::L4 { 0 } else { kernels[0].programs.len() };
        let headings: Vec<&str> = text.lines().filter(|line| line.starts_with("; k")).collect();
        assert_eq!(headings.len(), kernels.len() + n_programs, "equal programs are shown once: {headings:?}");
        assert_eq!(headings[0], "; k0");
        assert!(text.contains("ret"), "{text}");
    }
}

#[test]
fn all_programs_have_the_width_asked_for() {
    let mut module = host_module().expect("the host is known");
    let error =
        define_kernels(&mut module, &STAGES, &[flat(Lanes::L8)], Lanes::L4).expect_err("the widths differ");
    let DefineError::Lanes { program: 0, expected: Lanes::L4, found: Lanes::L8 } = error else {
        panic!("not an error about lanes: {error}");
    };
    assert_eq!(error.to_string(), "program p0 has vectors of 8 lanes, but the code is for 4");
}
