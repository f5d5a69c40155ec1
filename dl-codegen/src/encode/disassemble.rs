//! Machine code as text, for dumps.

use super::Encoded;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// The instructions in Intel syntax, each with its offset.
pub fn disassemble(encoded: &Encoded) -> Vec<(usize, String)> {
    let code = &encoded.bytes[..encoded.code_len.min(encoded.bytes.len())];
    let decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    let lines = decoder.into_iter().map(|inst| {
        let mut text = String::new();
        formatter.format(&inst, &mut text);
        (inst.ip() as usize, text)
    });
    lines.collect()
}
