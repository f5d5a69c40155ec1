//! Runs `dlc` in a folder of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use dl_runtime::files::{TensorFile, tensors};
use dl_runtime::tensor::{Data, Tensor};
use serde_json::Value;
use tempfile::TempDir;

/// A small classifier.
pub const NET: &str = "< dense(4, 6, relu), dense(6, 3, softmax) >";

/// A folder in which commands run.
pub struct Folder(TempDir);

/// What a command did.
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Folder(TempDir::new().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap();
    }

    /// The names of all files, hidden ones too.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn dlc(&self, args: &[&str]) -> Ran {
        let run = Command::new(env!("CARGO_BIN_EXE_dlc")).args(args).current_dir(self.0.path()).output();
        Ran::new(run.unwrap())
    }

    /// Writes tensors of this shape each.
    pub fn write_tensors(&self, name: &str, tensors: &[(&str, &[usize], Data)]) {
        let tensors: BTreeMap<String, Tensor> = tensors
            .iter()
            .map(|(name, shape, data)| {
                ((*name).to_owned(), Tensor::new(shape.to_vec(), data.clone()).unwrap())
            })
            .collect();
        tensors::write(&self.path(name), &tensors).unwrap();
    }

    pub fn tensors(&self, name: &str) -> BTreeMap<String, Tensor> {
        TensorFile::read(&self.path(name)).unwrap().tensors().clone()
    }

    /// Writes examples of three classes that [`NET`] can learn: each class has a feature of its own.
    pub fn write_data(&self, name: &str, examples: usize, with_test: bool) {
        let part = |shift: usize| {
            let x: Vec<f32> = (0..4 * examples)
                .map(|i| {
                    let (example, feature) = (i / 4 + shift, i % 4);
                    let noise = ((example * 7 + feature * 3) % 5) as f32 / 20.0;
                    noise + f32::from(u8::from(example % 3 == feature))
                })
                .collect();
            let y: Vec<i64> = (0..examples).map(|i| ((i + shift) % 3) as i64).collect();
            (Data::from(x), Data::from(y))
        };
        let ((x, y), (x_test, y_test)) = (part(0), part(1));
        let (x_shape, y_shape) = ([examples, 4], [examples]);
        let mut tensors = vec![("x", &x_shape[..], x), ("y", &y_shape[..], y)];
        if with_test {
            tensors.extend([("x_test", &x_shape[..], x_test), ("y_test", &y_shape[..], y_test)]);
        }
        self.write_tensors(name, &tensors);
    }
}

impl Ran {
    fn new(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran {
            status: output.status.code().expect("it was not killed"),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Standard output of a command that succeeded.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// Standard output of a command that succeeded, which is one line of JSON.
    #[track_caller]
    pub fn json(self) -> Value {
        let text = self.ok();
        assert!(text.ends_with('\n') && text.lines().count() == 1, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Standard error of a command that failed with this status and printed no results.
    #[track_caller]
    pub fn fails(self, status: i32) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{}", self.stderr);
        self.stderr
    }
}

/// The real numbers of a tensor.
pub fn floats(tensor: &Tensor) -> &[f32] {
    match tensor.data() {
        Data::F32(values) => values,
        other => panic!("{} where f32 is expected", other.type_name()),
    }
}
