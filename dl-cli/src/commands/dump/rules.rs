//! Which arguments of `dump` go together.

use dl::inspect::Stage;

use super::{Args, Format};
use crate::error::{Error, Result};

/// That the arguments go together; the error says what to do instead.
pub fn check(args: &Args) -> Result<()> {
    match refused(args) {
        None => Ok(()),
        Some(message) => Err(Error::usage(message)),
    }
}

fn refused(args: &Args) -> Option<&'static str> {
    let (stage, is_text) = (args.stage, args.format == Format::Text);
    let is_layers = stage == Some(Stage::Layers);
    if matches!(stage, Some(Stage::Clif | Stage::Asm)) && !is_text {
        return Some(
            "stages clif and asm are text: leave --format out; --format dot, json and svg are for stages before them",
        );
    }
    if stage == Some(Stage::Memory) && args.format == Format::Dot {
        return Some("memory is no graph: --format text, json and svg show it");
    }
    if args.print_after.is_some() || args.diff.is_some() {
        if !matches!(stage, None | Some(Stage::Optimized)) {
            return Some("--print-after and --diff show graphs between passes: leave --stage out");
        }
        if !is_text {
            return Some(
                "--print-after and --diff are text: leave --format out; `dlc opt --pass P …` writes a module that `dlc dump` shows in any format",
            );
        }
    }
    if args.why.is_some() && !is_text {
        return Some("--why is answered in words: leave --format out");
    }
    if is_layers && args.layer.is_some() {
        return Some(
            "--layer is for stages after layers, which has one line for each: leave --layer out, or choose another --stage",
        );
    }
    if is_layers && args.function.is_some() {
        return Some("--function is for stages after layers: leave it out, or choose another --stage");
    }
    None
}
