//! Parsing.

use thiserror::Error;

use super::{Form, OPS};
use crate::vector::verify::{VerifyError, verify};
use crate::vector::{Address, Carried, Count, Inst, Lanes, Loop, Mark, Op, Program, Section, Value};

/// The longest text that is read.
pub const MAX_TEXT_BYTES: usize = 8 << 20;
/// The largest id of a value.
const MAX_VALUE: u32 = 999_999;

/// Why a text is no vector program.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ParseError {
    /// It is longer than any program that the compiler makes.
    #[error("the text has {bytes} bytes, at most {MAX_TEXT_BYTES} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Something else stands where the grammar wants a certain thing.
    #[error("line {line}, column {column}: expected {expected}, found {found}")]
    Expected {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// What the grammar wants.
        expected: &'static str,
        /// The word found there, in backquotes, or the end of the line or text.
        found: String,
    },
    /// An unknown op.
    #[error("line {line}, column {column}: there is no op `{name}`")]
    UnknownOp {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// Its name.
        name: String,
    },
    /// A number above what its place allows.
    #[error("line {line}, column {column}: {number} is too large: at most {limit}")]
    TooLarge {
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// Its digits.
        number: String,
        /// The largest allowed.
        limit: u32,
    },
    /// It reads well, but breaks a rule of vector programs.
    #[error("the program is not valid: {0}")]
    Invalid(#[from] VerifyError),
}

/// Reads a program and verifies it.
///
/// # Errors
///
/// The first place where the text leaves the grammar of the [module](super), or the first broken rule.
pub fn parse(text: &str) -> Result<Program, ParseError> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(ParseError::TooLong { bytes: text.len() });
    }
    let lines = text.lines().enumerate().map(|(idx, line)| Line::new(idx + 1, line));
    let mut parser = Parser { lines: lines.filter(|line| !line.at_end()).collect(), next: 0, n_values: 0 };
    let program = parser.program()?;
    verify(&program)?;
    Ok(program)
}

struct Parser<'t> {
    /// Those that are not blank.
    lines: Vec<Line<'t>>,
    next: usize,
    /// One more than the largest id defined so far.
    n_values: u32,
}

impl<'t> Parser<'t> {
    fn program(&mut self) -> Result<Program, ParseError> {
        let mut header = self.line("`program`")?;
        header.keyword("program", "`program`")?;
        let lanes = header.lanes()?;
        header.keyword("args", "`args`")?;
        let n_args = header.number(u32::from(u16::MAX))? as u16;
        header.end()?;
        let mut sections = Vec::new();
        while let Some(line) = self.peek() {
            if line.word() == "loop" {
                sections.push(Section::Loop(self.counted_loop()?));
            } else {
                let inst = self.inst()?;
                match sections.last_mut() {
                    Some(Section::Straight(insts)) => insts.push(inst),
                    _ => sections.push(Section::Straight(vec![inst])),
                }
            }
        }
        Ok(Program { lanes, n_args, n_values: self.n_values, sections })
    }

    fn counted_loop(&mut self) -> Result<Loop, ParseError> {
        let mut head = self.line("`loop`")?;
        head.keyword("loop", "`loop`")?;
        let count = if head.word().starts_with('a') {
            Count::Arg(head.arg()?)
        } else {
            Count::Static(head.number(u32::MAX)?)
        };
        head.punctuation("{", "`{`")?;
        head.end()?;
        let mut body = Loop { count, carried: Vec::new(), body: Vec::new() };
        while self.peek().is_some_and(|line| line.word() == "carry") {
            let carried = self.carried()?;
            body.carried.push(carried);
        }
        while self.peek().is_some_and(|line| line.word() != "}") {
            body.body.push(self.inst()?);
        }
        let mut foot = self.line("`}`")?;
        foot.punctuation("}", "`}`")?;
        foot.end()?;
        Ok(body)
    }

    fn carried(&mut self) -> Result<Carried, ParseError> {
        let mut line = self.line("`carry`")?;
        line.keyword("carry", "`carry`")?;
        let param = line.value()?;
        line.keyword("init", "`init`")?;
        let init = line.value()?;
        line.keyword("next", "`next`")?;
        let next = line.value()?;
        line.keyword("result", "`result`")?;
        let result = line.value()?;
        line.end()?;
        self.define(param);
        self.define(result);
        Ok(Carried { init, param, next, result })
    }

    fn inst(&mut self) -> Result<Inst, ParseError> {
        let mut line = self.line("an instruction")?;
        let result = if line.word().starts_with('%') {
            let result = line.value()?;
            line.punctuation("=", "`=`")?;
            self.define(result);
            Some(result)
        } else if ["store", "prefetch"].iter().any(|name| line.word().starts_with(name)) {
            None
        } else {
            return Err(line.expected("an instruction"));
        };
        let op = line.op()?;
        line.end()?;
        Ok(Inst { result, op, mark: Mark::default() })
    }

    fn define(&mut self, value: Value) {
        self.n_values = self.n_values.max(value.0 + 1);
    }

    fn peek(&self) -> Option<Line<'t>> {
        self.lines.get(self.next).copied()
    }

    /// The next line; at the end of the text, the place behind the last line lacks `expected`.
    fn line(&mut self, expected: &'static str) -> Result<Line<'t>, ParseError> {
        if let Some(line) = self.peek() {
            self.next += 1;
            return Ok(line);
        }
        let (line, column) = self.lines.last().map_or((1, 1), |last| (last.number, last.end_column()));
        Err(ParseError::Expected { line, column, expected, found: "the end of the text".to_owned() })
    }
}

/// A line, read from the left.
#[derive(Clone, Copy)]
struct Line<'t> {
    number: usize,
    text: &'t str,
    /// What is still to be read, without spaces in front.
    rest: &'t str,
}

impl<'t> Line<'t> {
    fn new(number: usize, text: &'t str) -> Line<'t> {
        let text = text.split(';').next().unwrap_or(text).trim_end();
        Line { number, text, rest: text.trim_start() }
    }

    fn op(&mut self) -> Result<Op, ParseError> {
        let start = *self;
        let name = self.take(self.word().len());
        let form = OPS.iter().find(|(known, _)| *known == name).map(|&(_, form)| form);
        Ok(match (name, form) {
            (_, Some(form)) => self.operands(form)?,
            ("splat", _) => Op::Splat(self.bits()?),
            ("lane_index", _) => Op::LaneIndex,
            ("splat_arg", _) => Op::SplatArg(self.arg()?),
            ("load", _) => Op::Load(self.address()?),
            ("load.tail", _) => {
                let count = self.tail_count()?;
                Op::LoadTail(self.address()?, count)
            }
            ("broadcast", _) => Op::Broadcast(self.address()?),
            ("prefetch", _) => Op::Prefetch(self.address()?),
            ("store", _) => {
                let address = self.address()?;
                Op::Store(address, self.next_value()?)
            }
            ("store.tail", _) => {
                let count = self.tail_count()?;
                let address = self.address()?;
                Op::StoreTail(address, self.next_value()?, count)
            }
            _ => {
                let (line, column) = (start.number, start.column());
                return Err(ParseError::UnknownOp { line, column, name: name.to_owned() });
            }
        })
    }

    fn operands(&mut self, form: Form) -> Result<Op, ParseError> {
        let a = self.value()?;
        Ok(match form {
            Form::Unary(make) => make(a),
            Form::Binary(make) => make(a, self.next_value()?),
            Form::Ternary(make) => {
                let b = self.next_value()?;
                make(a, b, self.next_value()?)
            }
            Form::Immediate(make) => {
                self.punctuation(",", "`,`")?;
                make(a, self.number(u32::from(u8::MAX))? as u8)
            }
        })
    }

    /// `[a0 + 64 - 128i]`
    fn address(&mut self) -> Result<Address, ParseError> {
        self.punctuation("[", "`[`")?;
        let mut address = Address { arg: self.arg()?, offset: 0, step: 0 };
        if let Some((bytes, false)) = self.term(&mut address.step)? {
            address.offset = bytes;
            if let Some((_, false)) = self.term(&mut address.step)? {
                return Err(self.expected("a step like 4i"));
            }
        }
        self.punctuation("]", "`]`")?;
        Ok(address)
    }

    /// `+ 64` or, written to `step`, `+ 64i`; the bytes, and whether they were a step.
    fn term(&mut self, step: &mut i32) -> Result<Option<(i32, bool)>, ParseError> {
        let sign = match self.word() {
            "+" => 1,
            "-" => -1,
            _ => return Ok(None),
        };
        self.take(1);
        let limit = if sign < 0 { i32::MIN.unsigned_abs() } else { i32::MAX.unsigned_abs() };
        let bytes = (sign * i64::from(self.digits(limit)?)) as i32;
        let is_step = self.rest.starts_with('i');
        if is_step {
            self.take(1);
            *step = bytes;
        }
        Ok(Some((bytes, is_step)))
    }

    fn lanes(&mut self) -> Result<Lanes, ParseError> {
        let all = [Lanes::L4, Lanes::L8, Lanes::L16];
        match all.into_iter().find(|lanes| self.word() == lanes.to_string()) {
            Some(lanes) => {
                self.take(self.word().len());
                Ok(lanes)
            }
            None => Err(self.expected("f32x4, f32x8 or f32x16")),
        }
    }

    /// `(3)`
    fn tail_count(&mut self) -> Result<u8, ParseError> {
        self.punctuation("(", "`(`")?;
        let count = self.number(u32::from(u8::MAX))? as u8;
        self.punctuation(")", "`)`")?;
        Ok(count)
    }

    /// `, %3`
    fn next_value(&mut self) -> Result<Value, ParseError> {
        self.punctuation(",", "`,`")?;
        self.value()
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        if !self.word().starts_with('%') {
            return Err(self.expected("a value like %0"));
        }
        self.take(1);
        self.number(MAX_VALUE).map(Value)
    }

    fn arg(&mut self) -> Result<u16, ParseError> {
        match self.rest.strip_prefix('a') {
            Some(digits) if digits.starts_with(|c: char| c.is_ascii_digit()) => self.take(1),
            _ => return Err(self.expected("an argument like a0")),
        };
        Ok(self.number(u32::from(u16::MAX))? as u16)
    }

    /// `0x3f800000`
    fn bits(&mut self) -> Result<u32, ParseError> {
        let word = self.word();
        let hex = word.strip_prefix("0x").filter(|hex| (1..=8).contains(&hex.len()));
        match hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
            Some(bits) => {
                self.take(word.len());
                Ok(bits)
            }
            None => Err(self.expected("32 bits like 0x3f800000")),
        }
    }

    /// A whole word of digits.
    fn number(&mut self, limit: u32) -> Result<u32, ParseError> {
        if !self.word().bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a number"));
        }
        self.digits(limit)
    }

    fn digits(&mut self, limit: u32) -> Result<u32, ParseError> {
        let n_digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &self.rest[..n_digits];
        if digits.is_empty() {
            return Err(self.expected("a number"));
        }
        match digits.parse::<u32>() {
            Ok(number) if number <= limit => {
                self.take(n_digits);
                Ok(number)
            }
            _ => Err(ParseError::TooLarge {
                line: self.number,
                column: self.column(),
                number: digits.to_owned(),
                limit,
            }),
        }
    }

    fn keyword(&mut self, keyword: &str, expected: &'static str) -> Result<(), ParseError> {
        if self.word() != keyword {
            return Err(self.expected(expected));
        }
        self.take(keyword.len());
        Ok(())
    }

    fn punctuation(&mut self, mark: &str, expected: &'static str) -> Result<(), ParseError> {
        if !self.rest.starts_with(mark) {
            return Err(self.expected(expected));
        }
        self.take(mark.len());
        Ok(())
    }

    fn end(&self) -> Result<(), ParseError> {
        if self.at_end() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }

    fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What stands next: letters, digits, dots and underscores, perhaps after a `%`, or else one character.
    fn word(&self) -> &'t str {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
        let head = if self.rest.starts_with('%') { 1 } else { 0 };
        let tail: usize = self.rest[head..].chars().take_while(|&c| is_part(c)).map(char::len_utf8).sum();
        match head + tail {
            0 => &self.rest[..self.rest.chars().next().map_or(0, char::len_utf8)],
            len => &self.rest[..len],
        }
    }

    fn take(&mut self, len: usize) -> &'t str {
        let (taken, rest) = self.rest.split_at(len);
        self.rest = rest.trim_start();
        taken
    }

    fn expected(&self, expected: &'static str) -> ParseError {
        let found = match self.word() {
            "" => "the end of the line".to_owned(),
            word => format!("`{word}`"),
        };
        ParseError::Expected { line: self.number, column: self.column(), expected, found }
    }

    fn column(&self) -> usize {
        self.text[..self.text.len() - self.rest.len()].chars().count() + 1
    }

    fn end_column(&self) -> usize {
        self.text.chars().count() + 1
    }
}
