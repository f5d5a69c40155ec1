//! Machine program with registers to bytes: prologue, loops, the forms of instructions.

use super::assemble::{Arg, Assembler, Literal};
use super::machine::{Block, Class, Constant, Machine, MachineInst, MachineOp, Operand, Place, VReg};
use super::pointers::{ARGS, COUNTER, Home, Pointer, Pointers, SCRATCH, SCRATCH_32};
use super::target::{MASK_FROM_GENERAL, MASK_LOAD, Row, Target};
use super::{EncodeError, Encoded, Line};
use crate::vector::Count;
use iced_x86::{Code, Register};

/// Loop heads start at multiples of this, so that small bodies lie in few cache lines.
const LOOP_ALIGNMENT: usize = 64;

/// The frame is touched page by page, as the system may grow the stack no further than the next one.
const PAGE: i32 = 4096;

/// Writes out the program; `numbers` holds the register of each virtual register.
pub fn emit(machine: &Machine, numbers: &[u8], target: &Target) -> Result<Encoded, EncodeError> {
    let pointers: Vec<Pointers> = machine.blocks.iter().map(Pointers::of).collect();
    let preserved = pointers.iter().map(Pointers::preserved).max_by_key(|list| list.len()).unwrap_or(&[]);
    let slots = machine.n_slots * target.lanes.bytes() as u32;
    let words = pointers.iter().map(Pointers::n_frame).max().unwrap_or(0) * 8;
    let frame = (slots + words).next_multiple_of(FRAME_ALIGNMENT as u32) as i32;
    let mut emitter = Emitter {
        machine,
        numbers,
        target,
        assembler: Assembler::new(),
        lines: Vec::new(),
        slots: slots as i32,
    };
    emitter.prologue(preserved, frame)?;
    for (block, pointers) in machine.blocks.iter().zip(&pointers) {
        emitter.block(block, pointers)?;
    }
    emitter.line(None);
    emitter.epilogue(preserved, frame)?;
    let code_len = emitter.assembler.position();
    Ok(Encoded { bytes: emitter.assembler.finish(target.lanes), code_len, lines: emitter.lines })
}

const FRAME_ALIGNMENT: i32 = 64;

struct Emitter<'a> {
    machine: &'a Machine,
    numbers: &'a [u8],
    target: &'a Target,
    assembler: Assembler,
    lines: Vec<Line>,
    /// The size of the vector slots at the frame's start; pointers follow.
    slots: i32,
}

impl Emitter<'_> {
    fn prologue(&mut self, preserved: &[Register], frame: i32) -> Result<(), EncodeError> {
        self.line(None);
        for &register in preserved {
            self.op(Code::Push_r64, &[Arg::Reg(register)])?;
        }
        if frame == 0 {
            return Ok(());
        }
        let (frame_pointer, stack) = (Arg::Reg(Register::RBP), Arg::Reg(Register::RSP));
        self.op(Code::Push_r64, &[frame_pointer])?;
        self.op(Code::Mov_r64_rm64, &[frame_pointer, stack])?;
        self.op(Code::And_rm64_imm32, &[stack, Arg::Int(-FRAME_ALIGNMENT)])?;
        for _ in 0..frame / PAGE {
            self.op(Code::Sub_rm64_imm32, &[stack, Arg::Int(PAGE)])?;
            self.op(Code::Test_rm64_r64, &[Arg::Memory(Register::RSP, 0), stack])?;
        }
        self.op(Code::Sub_rm64_imm32, &[stack, Arg::Int(frame % PAGE)])
    }

    fn epilogue(&mut self, preserved: &[Register], frame: i32) -> Result<(), EncodeError> {
        self.op(Code::VEX_Vzeroupper, &[])?;
        if frame > 0 {
            self.op(Code::Mov_r64_rm64, &[Arg::Reg(Register::RSP), Arg::Reg(Register::RBP)])?;
            self.op(Code::Pop_r64, &[Arg::Reg(Register::RBP)])?;
        }
        for &register in preserved.iter().rev() {
            self.op(Code::Pop_r64, &[Arg::Reg(register)])?;
        }
        self.op(Code::Retnq, &[])
    }

    fn block(&mut self, block: &Block, pointers: &Pointers) -> Result<(), EncodeError> {
        self.line(None);
        for pointer in &pointers.all {
            self.load_pointer(pointer)?;
        }
        self.insts(&block.head, pointers)?;
        let Some(count) = block.repeat else {
            return self.insts(&block.body, pointers);
        };
        self.line(None);
        let (head, end) = (self.assembler.label(), self.assembler.label());
        self.load_count(count)?;
        self.op(Code::Test_rm64_r64, &[Arg::Reg(COUNTER), Arg::Reg(COUNTER)])?;
        self.assembler.jump(Code::Je_rel32_64, end)?;
        self.assembler.align(LOOP_ALIGNMENT);
        self.assembler.bind(head);
        self.insts(&block.body, pointers)?;
        self.line(None);
        for pointer in &pointers.all {
            self.advance(pointer)?;
        }
        self.op(Code::Dec_rm64, &[Arg::Reg(COUNTER)])?;
        self.assembler.jump(Code::Jne_rel32_64, head)?;
        self.assembler.bind(end);
        Ok(())
    }

    fn load_count(&mut self, count: Count) -> Result<(), EncodeError> {
        match count {
            Count::Static(count) => {
                self.op(Code::Mov_r32_imm32, &[Arg::Reg(Register::ECX), Arg::Int(count as i32)])
            }
            Count::Arg(arg) => self.op(Code::Mov_r64_rm64, &[Arg::Reg(COUNTER), argument(arg)]),
        }
    }

    fn load_pointer(&mut self, pointer: &Pointer) -> Result<(), EncodeError> {
        match pointer.home {
            Home::Argument => Ok(()),
            Home::Register(register) => {
                self.op(Code::Mov_r64_rm64, &[Arg::Reg(register), argument(pointer.arg)])
            }
            Home::Frame(word) => {
                self.op(Code::Mov_r64_rm64, &[Arg::Reg(SCRATCH), argument(pointer.arg)])?;
                self.op(Code::Mov_rm64_r64, &[self.frame_word(word), Arg::Reg(SCRATCH)])
            }
        }
    }

    fn advance(&mut self, pointer: &Pointer) -> Result<(), EncodeError> {
        if pointer.step == 0 {
            return Ok(());
        }
        let place = match pointer.home {
            Home::Argument => unreachable!("pointers in the argument array do not move"),
            Home::Register(register) => Arg::Reg(register),
            Home::Frame(word) => self.frame_word(word),
        };
        let code =
            if i8::try_from(pointer.step).is_ok() { Code::Add_rm64_imm8 } else { Code::Add_rm64_imm32 };
        self.op(code, &[place, Arg::Int(pointer.step)])
    }

    fn frame_word(&self, word: u32) -> Arg {
        Arg::Memory(Register::RSP, self.slots + 8 * word as i32)
    }

    fn insts(&mut self, insts: &[MachineInst], pointers: &Pointers) -> Result<(), EncodeError> {
        insts.iter().try_for_each(|inst| {
            self.line(inst.origin);
            self.inst(inst, pointers)
        })
    }

    fn inst(&mut self, inst: &MachineInst, pointers: &Pointers) -> Result<(), EncodeError> {
        let dst = inst.dst.map(|dst| Arg::Reg(self.register(dst)));
        let operands = inst
            .operands
            .iter()
            .map(|&operand| self.operand(operand, pointers))
            .collect::<Result<Vec<Arg>, EncodeError>>()?;
        let is_word = inst.operands.iter().any(|operand| matches!(operand, Operand::Word(_)));
        match (inst.op, dst) {
            (MachineOp::Row(row), dst) => {
                let predicate = inst.predicate.map(|reg| self.register(reg));
                self.row(row, dst, &operands, predicate, is_word)
            }
            (MachineOp::Constant(constant), Some(dst)) => self.constant(constant, dst),
            (MachineOp::Move, Some(dst)) => {
                let class = self.machine.classes[inst.dst.map_or(0, VReg::idx)];
                self.copy(class, dst, operands[0], is_word)
            }
            (MachineOp::Fma, Some(dst)) => self.fma(dst, &operands, is_word),
            (MachineOp::Constant(_) | MachineOp::Move | MachineOp::Fma, None) => {
                unreachable!("only stores and prefetches have no destination, and they are rows")
            }
        }
    }

    fn row(
        &mut self,
        row: Row,
        dst: Option<Arg>,
        operands: &[Arg],
        predicate: Option<Register>,
        is_word: bool,
    ) -> Result<(), EncodeError> {
        let args: Vec<Arg> =
            dst.into_iter().chain(operands.iter().copied()).chain(row.imm.map(Arg::Byte)).collect();
        self.assembler.write(row.code, &args, |inst| {
            inst.set_is_broadcast(is_word);
            if let Some(predicate) = predicate {
                inst.set_op_mask(predicate);
                inst.set_zeroing_masking(row.zeroing);
            }
        })
    }

    fn constant(&mut self, constant: Constant, dst: Arg) -> Result<(), EncodeError> {
        match (constant, self.target.class_of(constant)) {
            (Constant::Splat(0), _) => self.op(self.target.zero, &[dst, dst, dst]),
            (Constant::TailMask(count), Class::Mask) => {
                let bits = (1_i32 << count) - 1;
                self.op(Code::Mov_r32_imm32, &[Arg::Reg(SCRATCH_32), Arg::Int(bits)])?;
                self.op(MASK_FROM_GENERAL, &[dst, Arg::Reg(SCRATCH_32)])
            }
            (Constant::Splat(_), _) => {
                self.op(self.target.broadcast, &[dst, Arg::Literal(Literal { constant, is_whole: false })])
            }
            _ => self.op(self.target.load, &[dst, Arg::Literal(Literal { constant, is_whole: true })]),
        }
    }

    fn copy(&mut self, class: Class, dst: Arg, source: Arg, is_word: bool) -> Result<(), EncodeError> {
        let code = match (class, source) {
            _ if source == dst => return Ok(()),
            (Class::Mask, _) => MASK_LOAD,
            (Class::Vector, Arg::Reg(_)) => self.target.copy,
            (Class::Vector, _) if is_word => self.target.broadcast,
            (Class::Vector, _) => self.target.load,
        };
        self.op(code, &[dst, source])
    }

    /// `dst ← a · b + c` in the form that overwrites the operand which shares the register of `dst`; with none, one is
    /// copied there first.
    fn fma(&mut self, dst: Arg, operands: &[Arg], is_word: bool) -> Result<(), EncodeError> {
        let [a, b, c] = *operands else { unreachable!("a multiply-add has three operands") };
        let codes = self.target.fma;
        let (code, second, third) = if c == dst {
            (codes.f231, a, b)
        } else if a == dst && matches!(b, Arg::Reg(_)) {
            (codes.f213, b, c)
        } else if a == dst {
            (codes.f132, c, b)
        } else if b == dst {
            (codes.f213, a, c)
        } else if matches!(c, Arg::Reg(_)) {
            self.op(self.target.copy, &[dst, c])?;
            (codes.f231, a, b)
        } else {
            self.op(self.target.copy, &[dst, a])?;
            (codes.f213, b, c)
        };
        self.assembler.write(code, &[dst, second, third], |inst| inst.set_is_broadcast(is_word))
    }

    /// The operand of the machine; a pointer in memory is first loaded.
    fn operand(&mut self, operand: Operand, pointers: &Pointers) -> Result<Arg, EncodeError> {
        let (place, is_whole) = match operand {
            Operand::Reg(reg) => return Ok(Arg::Reg(self.register(reg))),
            Operand::Whole(place) => (place, true),
            Operand::Word(place) => (place, false),
        };
        Ok(match place {
            Place::Literal(constant) => Arg::Literal(Literal { constant, is_whole }),
            Place::Word(arg) => argument(arg),
            Place::Slot(slot) => Arg::Memory(Register::RSP, slot as i32 * self.target.lanes.bytes() as i32),
            Place::Arg(address) => {
                let base = match pointers.home(address) {
                    Home::Register(register) => register,
                    Home::Argument => {
                        self.op(Code::Mov_r64_rm64, &[Arg::Reg(SCRATCH), argument(address.arg)])?;
                        SCRATCH
                    }
                    Home::Frame(word) => {
                        self.op(Code::Mov_r64_rm64, &[Arg::Reg(SCRATCH), self.frame_word(word)])?;
                        SCRATCH
                    }
                };
                Arg::Memory(base, address.offset)
            }
        })
    }

    fn register(&self, reg: VReg) -> Register {
        self.target.register(self.machine.classes[reg.idx()], self.numbers[reg.idx()])
    }

    fn op(&mut self, code: Code, args: &[Arg]) -> Result<(), EncodeError> {
        self.assembler.op(code, args)
    }

    /// The next instructions stand for this one of the vector program.
    fn line(&mut self, inst: Option<u32>) {
        let offset = self.assembler.position();
        // Drops a line without code.
        self.lines.pop_if(|line| line.offset == offset);
        if self.lines.last().is_some_and(|line| line.inst == inst) {
            return;
        }
        self.lines.push(Line { offset, inst });
    }
}

/// An argument word in memory.
fn argument(arg: u16) -> Arg {
    Arg::Memory(ARGS, 8 * i32::from(arg))
}
