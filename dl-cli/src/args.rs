//! Arguments that several commands share.

use std::path::Path;

use clap::Args;
use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use dl::{Builder, Function};
use dl_codegen::jit;
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_runtime::pool::MAX_THREADS;

use crate::error::{Error, Result};
use crate::missing;
use crate::subject::is_module;

/// All widths of vectors.
pub const WIDTHS: [Lanes; 3] = [Lanes::L4, Lanes::L8, Lanes::L16];

/// The network that a command is about.
#[derive(Args)]
pub struct Net {
    /// Network text (whatever contains `<`), a `.dl` file, or FILE.dl#Name for one of several networks in it
    #[arg(value_name = "NET")]
    net: String,
}

impl Net {
    /// Reads and checks the network.
    pub fn read(&self) -> Result<Builder> {
        if is_module(&self.net) {
            return Err(Error::NotANetwork { path: self.net.clone() });
        }
        read_network(&self.net)
    }
}

/// Reads and checks the network that an argument gives or names.
pub fn read_network(net: &str) -> Result<Builder> {
    if net.contains('<') || net.is_empty() {
        return Ok(Builder::parse(net)?);
    }
    let whole = Path::new(net);
    let opened = match net.rsplit_once('#') {
        Some((file, name)) if !file.is_empty() && !whole.exists() => {
            Builder::open(Path::new(file), Some(name))
        }
        _ => Builder::open(whole, None),
    };
    opened.map_err(|error| missing::explained(error.into()))
}

/// How a network runs. It changes speed, never results.
#[derive(Args)]
pub struct Run {
    /// Threads to run on [default: one per core]
    #[arg(long, value_name = "N", value_parser = threads())]
    threads: Option<usize>,
    #[command(flatten)]
    pub width: Width,
}

impl Run {
    /// Sets these options.
    pub fn configure(&self, builder: Builder) -> Builder {
        let builder = self.threads.into_iter().fold(builder, Builder::threads);
        self.width.configure(builder)
    }
}

/// The width of vectors.
#[derive(Args)]
pub struct Width {
    /// Lanes of a vector: 4, 8 or 16 [default: what the CPU has]
    #[arg(long, value_name = "N", env = "DL_LANES", hide_env_values = true, value_parser = lanes(), hide_possible_values = true)]
    lanes: Option<usize>,
}

impl Width {
    /// Sets the width.
    pub fn configure(&self, builder: Builder) -> Builder {
        self.lanes.into_iter().fold(builder, Builder::lanes)
    }

    /// What code is generated for.
    pub fn target(&self) -> Target {
        let chosen = WIDTHS.into_iter().find(|width| Some(width.count()) == self.lanes);
        Target { lanes: chosen.unwrap_or_else(jit::host_lanes) }
    }
}

/// The widths that this CPU has. Those it lacks are named on standard error.
pub fn host_widths() -> Vec<Lanes> {
    let mut widths = Vec::new();
    for width in WIDTHS {
        let missing = jit::missing_features(width);
        if missing.is_empty() {
            widths.push(width);
        } else {
            eprintln!("note: skipped {} lanes: this CPU lacks {}", width.count(), missing.join(", "));
        }
    }
    widths
}

/// A number of at least 1.
pub fn positive() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=u64::from(u32::MAX))
}

/// A number of threads.
pub fn threads() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=MAX_THREADS as u64)
}

/// The name of a function.
pub fn function() -> impl TypedValueParser<Value = Function> {
    let named = |name: String| Function::ALL.into_iter().find(|function| function.name() == name);
    PossibleValuesParser::new(Function::ALL.map(Function::name))
        .map(move |name| named(name).expect("one of these names"))
}

/// A time to spend.
pub fn seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0 to 3600 is needed".to_owned()),
    }
}

fn lanes() -> impl TypedValueParser<Value = usize> {
    PossibleValuesParser::new(WIDTHS.map(|width| match width {
        Lanes::L4 => "4",
        Lanes::L8 => "8",
        Lanes::L16 => "16",
    }))
    .map(|text| text.parse().expect("one of these numbers"))
}
