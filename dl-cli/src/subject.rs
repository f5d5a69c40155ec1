//! What `dump`, `opt` and `bisect` are about: a network, or a module given as text.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::Args;
use dl::inspect;
use dl::{Builder, Function};
use dl_ir::build;
use dl_ir::closest::closest;
use dl_ir::module::{self, Module};
use dl_ir::text::{self, MAX_LENGTH};
use dl_ir::verify::verify_module;
use dl_runtime::files::FileError;

use crate::args::read_network;
use crate::error::{Error, Result};
use crate::missing;

/// The ending of files with the text of a module.
const DLIR: &str = "dlir";

/// The argument that names it.
#[derive(Args)]
pub struct SubjectArg {
    /// Network text (whatever contains `<`), a `.dl` file, FILE.dl#Name for one of several networks in it, or a `.dlir` file: the text
    /// of a module, which is taken as it is
    #[arg(value_name = "NET")]
    subject: Option<String>,
}

/// A network or a module.
pub enum Subject {
    /// A network with its options.
    Network(Box<Builder>),
    /// A valid module.
    Module(Module),
}

impl SubjectArg {
    /// This one.
    #[cfg(test)]
    pub fn of(subject: &str) -> Self {
        SubjectArg { subject: Some(subject.to_owned()) }
    }

    /// Reads and checks it.
    pub fn read(&self) -> Result<Subject> {
        let Some(subject) = &self.subject else {
            return Err(Error::usage("NET is missing: network text, a .dl file or a .dlir file"));
        };
        if is_module(subject) {
            return Ok(Subject::Module(read_module(Path::new(subject)).map_err(missing::explained)?));
        }
        Ok(Subject::Network(Box::new(read_network(subject)?)))
    }
}

/// Whether an argument names a file with the text of a module.
pub fn is_module(subject: &str) -> bool {
    !subject.contains('<') && Path::new(subject).extension().is_some_and(|extension| extension == DLIR)
}

impl Subject {
    /// Its module before any pass, as far as this command is concerned: with this function only, or with all.
    pub fn module(&self, function: Option<&str>) -> Result<Module> {
        match self {
            Subject::Network(builder) => Ok(inspect::built(builder.network(), of_network(function)?)),
            Subject::Module(module) => match function {
                None => Ok(module.clone()),
                Some(name) => {
                    let functions = vec![function_of(module, name)?.clone()];
                    Ok(Module { functions, states: module.states.clone(), network: module.network.clone() })
                }
            },
        }
    }
}

/// The function of this name that networks have.
pub fn of_network(name: Option<&str>) -> Result<Option<Function>> {
    let find = |name| Function::ALL.into_iter().find(|function| function.name() == name);
    name.map(|name| find(name).ok_or_else(|| unknown_function(name, &build::FUNCTIONS))).transpose()
}

/// The function of this name in a module.
pub fn function_of<'m>(module: &'m Module, name: &str) -> Result<&'m module::Function> {
    let known = || module.functions.iter().map(|function| function.name.as_str()).collect::<Vec<_>>();
    module.function(name).ok_or_else(|| unknown_function(name, &known()))
}

fn unknown_function(name: &str, known: &[&str]) -> Error {
    let near = closest(name, known.iter().copied());
    let suggestion = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
    Error::usage(&format!("there is no function `{name}`{suggestion}; there are: {}", known.join(", ")))
}

fn read_module(path: &Path) -> Result<Module> {
    let failed = |source| FileError::Read { path: path.to_owned(), source };
    let mut contents = String::new();
    // One byte more than the parser takes, so that it sees what is too long.
    let limited = File::open(path).map_err(failed)?.take(MAX_LENGTH as u64 + 1);
    { limited }.read_to_string(&mut contents).map_err(failed)?;
    let path = path.to_owned();
    let module = match text::parse(&contents) {
        Ok(module) => module,
        Err(source) => return Err(Error::ModuleText { path, source: Box::new(source) }),
    };
    match verify_module(&module) {
        Ok(()) => Ok(module),
        Err(error) => Err(Error::InvalidModule { path, place: error.place, violation: error.violation }),
    }
}
