//! What the code looks like: registers it preserves, its constants, its lines.

use super::super::{Encoded, disassemble, encode};
use crate::vector::random::Case;
use crate::vector::{Address, Count, Lanes, Program, ProgramBuilder, Section, Value};
use iced_x86::{Code, Decoder, DecoderOptions, Instruction, InstructionInfoFactory, OpAccess, Register};

fn instructions(encoded: &Encoded) -> Vec<Instruction> {
    let code = &encoded.bytes[..encoded.code_len];
    Decoder::with_ip(64, code, 0, DecoderOptions::NONE).into_iter().collect()
}

/// Sums of many arrays, each moving by its own pointer, with more values at once than registers.
fn greedy_program(lanes: Lanes) -> Program {
    let mut b = ProgramBuilder::new(lanes);
    let arrays: Vec<u16> = (0..40).map(|_| b.arg()).collect();
    b.begin_loop(Count::Static(2), &[]);
    let at = |arg| Address { arg, offset: 0, step: lanes.bytes() as i32 };
    let values: Vec<Value> = arrays.iter().map(|&arg| b.load(at(arg))).collect();
    let sums: Vec<Value> = values.windows(2).map(|pair| b.add(pair[0], pair[1])).collect();
    for (&arg, &sum) in arrays.iter().zip(sums.iter().rev()) {
        b.store(at(arg), sum);
    }
    b.end_loop(&[]);
    b.finish()
}

#[test]
fn prefetches_ask_for_their_address_ahead_of_what_follows() {
    for lanes in [Lanes::L8, Lanes::L16] {
        let mut b = ProgramBuilder::new(lanes);
        let at = |arg| Address { arg, offset: 192, step: 0 };
        let (from, to) = (at(b.arg()), at(b.arg()));
        b.prefetch(to);
        let value = b.load(from);
        b.store(to, value);
        let insts = instructions(&encode(&b.finish()).expect("a valid program"));
        let is_asked = |inst: &Instruction| inst.code() == Code::Prefetcht0_m8;
        let asked = insts.iter().position(is_asked).expect("a prefetch");
        assert_eq!(insts[asked].memory_displacement64(), 192);
        assert!(asked < insts.len() - 1 && !insts[asked + 1..].iter().any(is_asked));
        let store = insts.last_chunk::<3>().expect("a store, vzeroupper and a return")[0];
        assert_eq!(store.memory_base(), insts[asked].memory_base());
    }
}

#[test]
fn the_callers_registers_are_preserved() {
    const PRESERVED: [Register; 6] =
        [Register::RBX, Register::RBP, Register::R12, Register::R13, Register::R14, Register::R15];
    for lanes in [Lanes::L8, Lanes::L16] {
        let encoded = encode(&greedy_program(lanes)).expect("a valid program");
        let (mut pushed, mut popped, mut written) = (Vec::new(), Vec::new(), Vec::new());
        let mut info = InstructionInfoFactory::new();
        for inst in instructions(&encoded) {
            match inst.code() {
                Code::Push_r64 => pushed.push(inst.op0_register()),
                Code::Pop_r64 => popped.push(inst.op0_register()),
                _ => {
                    let used = info.info(&inst).used_registers();
                    let writes = used
                        .iter()
                        .filter(|used| matches!(used.access(), OpAccess::Write | OpAccess::ReadWrite));
                    written.extend(writes.map(|used| used.register().full_register()));
                }
            }
        }
        for register in PRESERVED {
            assert!(written.contains(&register), "{lanes:?}: the program was to need {register:?}");
            assert!(pushed.contains(&register), "{lanes:?}: {register:?} is lost");
        }
        popped.reverse();
        assert_eq!(pushed, popped, "{lanes:?}");
    }
}

#[test]
fn lines_name_the_instruction_that_code_stands_for() {
    let mut b = ProgramBuilder::new(Lanes::L8);
    let here = Address { arg: b.arg(), offset: 0, step: 0 };
    let x = b.load(here);
    let root = b.sqrt(x);
    let sum = b.begin_loop(Count::Static(3), &[root])[0];
    let next = b.mul(sum, x);
    let sum = b.end_loop(&[next])[0];
    b.store(here, sum);
    let program = b.finish();
    let encoded = encode(&program).expect("a valid program");
    let text = disassemble(&encoded);
    let at_line = |inst: Option<u32>| -> Vec<String> {
        let starts = encoded.lines.iter().zip(encoded.lines.iter().skip(1));
        let range = starts.filter(|(line, _)| line.inst == inst).map(|(line, next)| line.offset..next.offset);
        let ranges: Vec<_> = range.collect();
        let lines = text.iter().filter(|(offset, _)| ranges.iter().any(|range| range.contains(offset)));
        lines.map(|(_, text)| text.clone()).collect()
    };
    assert_eq!(at_line(Some(0)), ["vmovups ymm0,[rax]"]);
    assert_eq!(at_line(Some(1)), ["vsqrtps ymm1,ymm0"]);
    assert_eq!(at_line(Some(2)), ["vmulps ymm1,ymm1,ymm0"]);
    assert_eq!(at_line(Some(3)), ["vmovups [rax],ymm1"]);
    assert!(at_line(None).contains(&"dec rcx".to_string()));
}

#[test]
fn lines_are_in_order_and_inside_the_code() {
    for seed in 0..100 {
        let program = Case::random(seed, Lanes::L16).program;
        let Encoded { code_len, lines, .. } = encode(&program).expect("a valid program");
        assert!(lines.windows(2).all(|pair| pair[0].offset < pair[1].offset), "seed {seed}: {lines:?}");
        let n_insts: usize = program.sections.iter().map(n_insts).sum();
        for line in lines {
            assert!(line.offset < code_len, "seed {seed}: {line:?}");
            assert!(line.inst.is_none_or(|inst| (inst as usize) < n_insts), "seed {seed}: {line:?}");
        }
    }
}

fn n_insts(section: &Section) -> usize {
    match section {
        Section::Straight(insts) => insts.len(),
        Section::Loop(counted) => counted.body.len(),
    }
}

#[test]
fn literals_and_slots_are_aligned() {
    for lanes in [Lanes::L8, Lanes::L16] {
        let mut b = ProgramBuilder::new(lanes);
        let here = Address { arg: b.arg(), offset: 0, step: 0 };
        let x = b.load(here);
        let index = b.lane_index();
        // Constants with two uses become words, those with one are whole vectors where there is no broadcast operand.
        let sum = (0..9_u8).fold(x, |sum, k| {
            let twice = b.f32(f32::from(k) + 0.5);
            let once = b.f32(f32::from(k) + 0.25);
            let sum = b.fma(sum, twice, twice);
            b.add(sum, once)
        });
        let sum = b.iadd(sum, index);
        b.store(here, sum);
        let encoded = encode(&b.finish()).expect("a valid program");
        let literals = instructions(&encoded).into_iter().filter(|inst| inst.is_ip_rel_memory_operand());
        let mut sizes = Vec::new();
        for inst in literals {
            let size = inst.memory_size().size();
            let address = inst.ip_rel_memory_address() as usize;
            assert_eq!(address % size, 0, "{lanes:?}: {inst}");
            assert!((encoded.code_len..=encoded.bytes.len() - size).contains(&address), "{lanes:?}: {inst}");
            sizes.push(size);
        }
        assert!(sizes.contains(&4) && sizes.contains(&lanes.bytes()), "{lanes:?}: {sizes:?}");

        let encoded = encode(&greedy_program(lanes)).expect("a valid program");
        let text = disassemble(&encoded);
        assert!(text.iter().any(|(_, text)| text == "and rsp,0FFFFFFFFFFFFFFC0h"), "{lanes:?}: {text:#?}");
    }
}
