//! How a network comes to be: from text, with options.

use std::fs::File;
use std::io::{self, Read};
use std::marker::PhantomData;
use std::path::Path;

use dl_codegen::jit;
use dl_codegen::target::Target;
use dl_codegen::vector::Lanes;
use dl_ir::module::Module;
use dl_ir::network as ir;
use dl_ir::syntax::MAX_TEXT;
use dl_runtime::pool::{MAX_THREADS, default_threads};

use crate::budget;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::network::Network;

/// The environment variable that sets the number of lanes, where the program does not.
const DL_LANES: &str = "DL_LANES";

/// What summaries are about where no batch size is given.
const SUMMARY_BATCH: usize = 32;

/// A network to be built, with its options. `N` is what [`build`](Self::build) gives: [`Network`], or the type that
/// `network!` made of a named network.
///
/// ```
/// use dl::Network;
///
/// let mut net = Network::parse("< dense(4, 8, relu), dense(8, 3, softmax) >")?.seed(7).threads(1).build()?;
/// # Ok::<(), dl::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder<N = Network> {
    network: ir::Network,
    module: Option<Module>,
    seed: u64,
    threads: Option<usize>,
    lanes: Option<usize>,
    batch: Option<usize>,
    built: PhantomData<fn() -> N>,
}

/// Not derived: `N` need not be [`Clone`].
impl<N> Clone for Builder<N> {
    fn clone(&self) -> Self {
        let Builder { network, module, seed, threads, lanes, batch, built } = self;
        Builder {
            network: network.clone(),
            module: module.clone(),
            seed: *seed,
            threads: *threads,
            lanes: *lanes,
            batch: *batch,
            built: *built,
        }
    }
}

impl<N: From<Network>> Builder<N> {
    /// From network text: what stands between the parentheses of `network!`, the same with `network!( … )` around it, or
    /// the text of a `.dl` file with one network.
    ///
    /// # Errors
    /// [`Error::Network`] with all mistakes.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_from("<network>", text)
    }

    /// From the text of a file; `source` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Network`] with all mistakes.
    pub fn parse_from(source: &str, text: &str) -> Result<Self> {
        let network = ir::Network::parse(text).map_err(|mistakes| shown(&mistakes, source, text))?;
        Ok(Self::new(network, None))
    }

    /// From a file, which may hold several networks; `name` picks one.
    ///
    /// # Errors
    /// [`Error::Read`], [`Error::Network`].
    pub fn open(path: &Path, name: Option<&str>) -> Result<Self> {
        let text = read_text(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let parsed = match name {
            Some(name) => ir::Network::parse_named(&text, name),
            None => ir::Network::parse(&text),
        };
        let network = parsed.map_err(|mistakes| shown(&mistakes, &path.display().to_string(), &text))?;
        Ok(Self::new(network, None))
    }

    /// From what `network!` embeds. The module is a cache: if it is not that of the text, it is made anew.
    ///
    /// # Panics
    /// If `dl` and `dl-macros` are of different versions, which their exact pins exclude.
    #[doc(hidden)]
    pub fn embedded(text: &str, module: &str) -> Self {
        let network = ir::Network::parse(text).expect("the macro embeds networks without mistakes");
        let module = dl_ir::text::parse(module).ok().filter(|module| module.network == network.to_string());
        Self::new(network, module)
    }

    /// The same network with another loss, as the clause `loss = …` names it. The network is compiled anew.
    ///
    /// ```
    /// use dl::network;
    ///
    /// let mut net = network!(< dense(2, 1) >).loss("mae")?.optimizer("sgd(lr = 0.1, momentum = 0.9)")?.build()?;
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Network`] with all mistakes, as in network text.
    pub fn loss(self, loss: &str) -> Result<Self> {
        let optimizer = self.network.optimizer().to_string();
        self.with_clauses(loss, &optimizer)
    }

    /// The same network with another optimizer, as the clause `optimizer = …` writes it. The network is compiled anew.
    ///
    /// # Errors
    /// [`Error::Network`] with all mistakes, as in network text.
    pub fn optimizer(self, optimizer: &str) -> Result<Self> {
        let loss = self.network.loss().name();
        self.with_clauses(loss, optimizer)
    }

    fn with_clauses(self, loss: &str, optimizer: &str) -> Result<Self> {
        let text = self.network.text_with(loss, optimizer);
        let network = ir::Network::parse(&text).map_err(|mistakes| shown(&mistakes, "<network>", &text))?;
        let module = self.module.filter(|module| module.network == network.to_string());
        Ok(Builder { network, module, ..self })
    }

    fn new(network: ir::Network, module: Option<Module>) -> Self {
        let (seed, threads, lanes, batch) = (0, None, None, None);
        Builder { network, module, seed, threads, lanes, batch, built: PhantomData }
    }

    /// The seed of everything random: initial values, and whatever training draws. 0 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many threads a call may use, 1 to 256; by default as many as there are cores. Results do not depend on it.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The width of vectors: 4, 8 or 16 lanes of 32 bits. By default `DL_LANES`, or else what the CPU has. Results do not depend on
    /// it.
    pub fn lanes(mut self, lanes: usize) -> Self {
        self.lanes = Some(lanes);
        self
    }

    /// The largest batch expected: its memory is provided at once, and summaries are about it. Larger ones work, and allocate when they come.
    pub fn batch(mut self, examples: usize) -> Self {
        self.batch = Some(examples);
        self
    }

    /// The network as it was understood, in canonical form.
    pub fn network(&self) -> &ir::Network {
        &self.network
    }

    /// Checks how much memory the network needs against the `arena` of its budget, if it has one. The other limits of budgets are checked
    /// with the network.
    ///
    /// ```
    /// use dl::{Error, network};
    ///
    /// let net = network!(< dense(4, 8, relu), dense(8, 3) >, budget(parameters = 100, arena = 2_000, batch = 16));
    /// assert!(matches!(net.check_budget(), Err(Error::ArenaBudget { limit: 2000, .. })));
    /// # Ok::<(), dl::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ArenaBudget`] with what is largest.
    pub fn check_budget(&self) -> Result<()> {
        budget::check(&self.network, Target { lanes: self.choose_lanes()? })
    }

    /// Builds the network with fresh parameters.
    ///
    /// # Errors
    /// If an option is out of range, the CPU lacks the lanes asked for, memory is not to be had, or more than the network's budget
    /// allows.
    pub fn build(self) -> Result<N> {
        let target = Target { lanes: self.choose_lanes()? };
        let threads = self.threads.unwrap_or_else(default_threads);
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(Error::Threads { found: threads });
        }
        budget::check(&self.network, target)?;
        let mut engine = Engine::new(self.network, self.module, target, threads)?;
        engine.initialize(self.seed)?;
        if let Some(batch) = self.batch {
            engine.reserve(batch)?;
        }
        Ok(Network::from_engine(engine, self.seed, self.batch.unwrap_or(SUMMARY_BATCH)).into())
    }

    fn choose_lanes(&self) -> Result<Lanes> {
        let lanes = match (self.lanes, std::env::var_os(DL_LANES)) {
            (Some(lanes), _) => parse_lanes(&lanes.to_string(), "lanes")?,
            (None, Some(text)) => parse_lanes(&text.to_string_lossy(), DL_LANES)?,
            (None, None) => jit::host_lanes(),
        };
        Ok(lanes)
    }
}

/// The text of a file, read no further than any network goes: a device may have no end. What is longer is a mistake that the parser
/// reports.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_TEXT as u64 + 1).read_to_end(&mut text)?;
    if text.len() > MAX_TEXT {
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    String::from_utf8(text).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn parse_lanes(text: &str, origin: &'static str) -> Result<Lanes> {
    match text {
        "4" => Ok(Lanes::L4),
        "8" => Ok(Lanes::L8),
        "16" => Ok(Lanes::L16),
        found => Err(Error::Lanes { found: found.to_owned(), origin }),
    }
}

fn shown(
    mistakes: &dl_ir::diagnostics::Diagnostics<std::ops::Range<usize>>,
    source: &str,
    text: &str,
) -> Error {
    Error::Network {
        count: mistakes.iter().count(),
        rendered: mistakes.render(source, text),
        styled: mistakes.render_styled(source, text),
    }
}
