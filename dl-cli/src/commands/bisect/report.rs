//! What was found, and the file with the small case.

use std::fmt::{self, Display, Formatter};
use std::path::{Path, PathBuf};

use dl_codegen::bisect as stages;
use dl_codegen::vector::Lanes;
use dl_ir::bisect as passes;
use dl_ir::passes::Pass;
use dl_runtime::files::atomic;
use serde::Serialize;

use super::search::{Compiler, Fault};
use crate::error::{Error, Result};

/// What was found.
#[derive(Serialize)]
pub struct Report {
    ok: bool,
    /// The passes that were compared.
    passes: Vec<&'static str>,
    /// The widths at which what is behind them was.
    lanes: Vec<usize>,
    wrong: Option<Wrong>,
}

/// What is wrong.
#[derive(Serialize)]
struct Wrong {
    /// `pass`, or the stage behind them.
    stage: &'static str,
    pass: Option<&'static str>,
    function: String,
    /// At which width, behind passes.
    lanes: Option<usize>,
    symptom: String,
    /// Where the smallest part that a pass breaks comes from.
    origin: Option<String>,
    /// What a kernel at fault computes.
    nodes: Vec<Node>,
    /// The file with a small part.
    case: PathBuf,
}

/// A node that a kernel computes.
#[derive(Serialize)]
struct Node {
    name: String,
    origin: Option<String>,
}

impl Report {
    /// Of what was found; writes the small case.
    pub fn new(compiler: &Compiler<'_>, fault: Option<Fault>, output: &Path) -> Result<Self> {
        let wrong = match fault {
            None => None,
            Some(Fault::Pass(fault)) => Some(of_pass(fault, output)?),
            Some(Fault::Stage(fault)) => Some(of_stage(fault, output)?),
        };
        let passes = compiler.passes.iter().map(|pass: &Pass| pass.name).collect();
        let lanes = compiler.widths.iter().map(|lanes| lanes.count()).collect();
        Ok(Report { ok: wrong.is_none(), passes, lanes, wrong })
    }

    /// The error that the command ends with.
    pub fn error(&self) -> Option<Error> {
        self.wrong.as_ref().map(|wrong| match wrong.pass {
            Some(pass) => Error::WrongPass { pass },
            None => Error::WrongStage { stage: wrong.stage },
        })
    }
}

/// Writes the case with the command that golden files of passes begin with.
fn of_pass(fault: passes::Fault, output: &Path) -> Result<Wrong> {
    atomic::write(output, format!("; test: pass {}\n{}", fault.pass, fault.case).as_bytes())?;
    Ok(Wrong {
        stage: "pass",
        pass: Some(fault.pass),
        function: fault.function,
        lanes: None,
        symptom: fault.symptom.to_string(),
        origin: fault.origin.map(|origin| origin.to_string()),
        nodes: Vec::new(),
        case: output.to_owned(),
    })
}

/// Writes the case with where its nodes come from.
fn of_stage(fault: stages::Fault, output: &Path) -> Result<Wrong> {
    let (stage, lanes) = (fault.culprit.name(), Lanes::count(fault.lanes));
    let text = format!("; {stage} at {lanes} lanes: {}\n{:#}", fault.symptom, fault.case);
    atomic::write(output, text.as_bytes())?;
    let node = |(name, origin): (String, Option<_>)| Node { name, origin: origin.map(text_of) };
    Ok(Wrong {
        stage,
        pass: None,
        function: fault.function,
        lanes: Some(lanes),
        symptom: fault.symptom.to_string(),
        origin: None,
        nodes: fault.nodes.into_iter().map(node).collect(),
        case: output.to_owned(),
    })
}

fn text_of(origin: impl Display) -> String {
    origin.to_string()
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(wrong) = &self.wrong else {
            writeln!(f, "all {} passes keep what the functions compute", self.passes.len())?;
            let lanes = self.lanes.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
            return writeln!(f, "kernels, plans and machine code compute the same, at {lanes} lanes");
        };
        let Wrong { stage, function, symptom, .. } = wrong;
        match (wrong.pass, wrong.lanes) {
            (Some(pass), _) => writeln!(f, "{pass} is wrong: in {function}, {symptom}")?,
            (None, None) => writeln!(f, "{stage} is wrong: in {function}, {symptom}")?,
            (None, Some(lanes)) => {
                writeln!(f, "{stage} is wrong: in {function} at {lanes} lanes, {symptom}")?
            }
        }
        if let Some(origin) = &wrong.origin {
            writeln!(f, "the smallest part that it breaks is of {origin}")?;
        }
        if !wrong.nodes.is_empty() {
            writeln!(f, "the kernel computes")?;
        }
        for Node { name, origin } in &wrong.nodes {
            writeln!(f, "  {name} of {}", origin.as_deref().unwrap_or("nothing that is known"))?;
        }
        writeln!(f, "a small part with the same fault is in {}", wrong.case.display())
    }
}
