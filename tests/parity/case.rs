//! A case: a network, a batch, and what PyTorch makes of them in float64.

use std::path::{Path, PathBuf};

use dl_runtime::files::TensorFile;
use dl_runtime::tensor::{Data, Tensor};

/// All cases.
pub const NAMES: [&str; 15] = [
    "activations",
    "attention",
    "batch_norm",
    "binary",
    "char_lstm",
    "cnn_keras",
    "cnn_same_stride",
    "gru",
    "layer_norm_residual",
    "lstm",
    "mlp_128",
    "mlp_regression",
    "mlp_three",
    "rnn",
    "softmax_regression",
];

/// Limits of the relative L2 error.
pub const OUTPUT: f64 = 1e-5;
pub const GRADIENT: f64 = 1e-4;
const CHANGE: f64 = 1e-2;
/// What is below this norm is rounding.
const ROUNDING: f64 = 1e-7;

/// A case, with its files in the folder of this one.
pub struct Case {
    folder: PathBuf,
    pub name: &'static str,
}

impl Case {
    /// `folder` holds the cases.
    pub fn all(folder: &Path) -> impl Iterator<Item = Case> + '_ {
        NAMES.into_iter().map(|name| Case::new(folder, name))
    }

    /// The case of this name.
    pub fn new(folder: &Path, name: &'static str) -> Case {
        Case { folder: folder.to_owned(), name }
    }

    /// The network text.
    pub fn network(&self) -> PathBuf {
        self.folder.join(format!("{}.dl", self.name))
    }

    /// A file of tensors: `weights`, `batch` or `expected`.
    pub fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}.safetensors", self.name))
    }

    /// The tensors of such a file.
    pub fn tensors(&self, what: &str) -> TensorFile {
        TensorFile::read(&self.path(what)).expect("a file of the case")
    }

    /// The numbers that PyTorch finds.
    pub fn expected(&self) -> Expected {
        Expected { case: self.name, start: self.tensors("weights"), tensors: self.tensors("expected") }
    }
}

/// What PyTorch finds.
pub struct Expected {
    case: &'static str,
    start: TensorFile,
    tensors: TensorFile,
}

impl Expected {
    /// After how many steps there are parameters.
    pub fn steps(&self) -> usize {
        match self.tensors.tensors()["steps"].data() {
            Data::I32(steps) => steps[0] as usize,
            other => panic!("steps are i32, not {}", other.type_name()),
        }
    }

    /// The gradients by name, `grad.x` among them.
    pub fn gradients(&self) -> impl Iterator<Item = &str> {
        self.tensors.tensors().keys().map(String::as_str).filter(|name| name.starts_with("grad."))
    }

    /// The parameters by name.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.start.tensors().keys().map(String::as_str)
    }

    /// Compares a tensor with the one of this name.
    pub fn compare(&self, name: &str, found: &[f32], limit: f64) {
        let expected = reals(&self.tensors.tensors()[name]);
        assert_eq!(found.len(), expected.len(), "{name} of {}", self.case);
        if norm(expected) < ROUNDING {
            let norm = norm(found);
            assert!(norm <= 10.0 * ROUNDING, "{name} of {}: expected zero, norm {norm:.1e}", self.case);
            return;
        }
        let error = distance(found, expected) / norm(expected);
        assert!(error <= limit, "{name} of {}: error {error:.1e} is beyond {limit:.1e}", self.case);
    }

    /// Compares the change of a parameter over all steps.
    pub fn compare_change(&self, parameter: &str, found: &[f32]) {
        let name = format!("step{}.{parameter}", self.steps());
        let expected = reals(&self.tensors.tensors()[&name]);
        assert_eq!(found.len(), expected.len(), "{name} of {}", self.case);
        let change = distance(expected, reals(&self.start.tensors()[parameter]));
        let error = distance(found, expected) / change;
        assert!(
            error <= CHANGE || change < ROUNDING,
            "the change to {name} of {}: error {error:.1e} is beyond {CHANGE:.1e}",
            self.case
        );
    }
}

/// The elements of a tensor of real numbers.
pub fn reals(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        Data::F32(values) => values,
        other => panic!("expected f32, found {}", other.type_name()),
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
}
