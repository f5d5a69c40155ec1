//! What a network says about itself.

use dl_ir::module::Module;
use dl_ir::network as ir;

use super::Network;
use crate::error::Result;
use crate::function::Function;
use crate::inspect::{self, Stage, Summary};

impl Network {
    /// The shape of an example.
    pub fn input_shape(&self) -> &[usize] {
        self.engine.network().input_shape()
    }

    /// The shape of an output.
    pub fn output_shape(&self) -> &[usize] {
        self.engine.network().output_shape()
    }

    /// The seed that it was built with, or that of the checkpoint that it resumed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The number of threads that a call may use.
    pub fn threads(&self) -> usize {
        self.engine.machine().threads()
    }

    /// The memory that it has now for parameters, optimizer state and everything in between, in bytes.
    pub fn arena_bytes(&self) -> usize {
        self.engine.machine().arena_bytes()
    }

    /// The network as it was understood.
    pub fn network(&self) -> &ir::Network {
        self.engine.network()
    }

    /// Its layers with their shapes and parameters, and what calls cost in arithmetic and memory, for batches of
    /// [`Builder::batch`](crate::Builder::batch), or 32 examples: what `dlc summary` shows.
    ///
    /// ```
    /// use dl::network;
    ///
    /// let summary = network!(< dense(784, 10, softmax) >).build()?.summary()?;
    /// assert_eq!(summary.parameters, 7850);
    /// println!("{summary}");
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it does not compile, which is a bug of dl.
    pub fn summary(&self) -> Result<Summary> {
        Summary::new(self.network(), self.engine.target(), self.batch)
    }

    /// What a stage of the compiler makes of it, as text: what `dlc dump` prints. The functions shown are
    /// [those that a stage is about](Stage::default_function).
    ///
    /// ```
    /// use dl::inspect::Stage;
    /// use dl::network;
    ///
    /// let net = network!(< dense(2, 3, relu), dense(3, 1) >).build()?;
    /// assert!(net.graph(Stage::Forward)?.contains("function predict {"));
    /// assert!(net.graph(Stage::Layers)?.starts_with("input [2]\ndense0: dense(2, 3, relu) -> [3]\n"));
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// If it does not compile, which is a bug of dl.
    pub fn graph(&self, stage: Stage) -> Result<String> {
        inspect::text(self.network(), self.engine.target(), stage, stage.default_function(), self.batch)
    }

    /// The same of one function.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    pub fn graph_of(&self, function: Function, stage: Stage) -> Result<String> {
        inspect::text(self.network(), self.engine.target(), stage, Some(function), self.batch)
    }

    /// The optimised module of all its functions, for targets of the usual type. Functions that were not called yet are made for
    /// this.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) if a pass made an invalid function, which is a bug of dl.
    pub fn module(&self) -> Result<Module> {
        self.engine.module()
    }
}
