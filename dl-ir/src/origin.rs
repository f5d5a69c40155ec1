//! Where nodes come from: of which part of the network they are, by what rule, and which passes rewrote them.
//!
//! Origins are remarks. Two graphs that differ in them only are equal, nodes that are equal are one whatever their origins (the
//! first keeps its own), and nothing that is computed depends on them. [`Builder`](crate::builder::Builder) records them,
//! [`Graph::origin`](crate::graph::Graph::origin) gives them, and text shows them where it is asked to: `{module:#}`.
//!
//! ```
//! use dl_ir::{build, network::Network, passes};
//!
//! let network = Network::parse("< dense(4, 3, relu), dense(3, 2) >")?;
//! let module = build::module(&network, &network.target_types()[0]);
//! let step = passes::optimize(module, |_, _| ())?.functions.remove(0);
//! let of_last = |id: &dl_ir::graph::NodeId| step.graph.origin(*id).is_some_and(|origin| origin.layer() == Some("dense1"));
//! assert!(step.graph.ids().any(|id| of_last(&id)));
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use crate::graph::NodeId;
use crate::text::Name;

/// Where a node comes from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    /// The part of the network.
    pub part: Part,
    /// What made the node of that part.
    pub rule: Rule,
    /// The passes that rewrote it, the first of them first.
    pub passes: Vec<&'static str>,
}

/// A part of a network.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// A layer.
    Layer {
        /// Its label, or its kind with its ordinal.
        name: Arc<str>,
        /// Where it stands in the text that it was parsed from.
        place: Option<Place>,
    },
    /// The inputs of the function.
    Input,
    /// The loss, and what counts right predictions.
    Loss,
    /// What the optimizer computes once for all parameters.
    Optimizer,
    /// The generator of random numbers.
    Random,
}

/// What makes nodes of a part of a network.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Rule {
    /// The part as such: the forward pass of a layer, the loss.
    Built,
    /// The vector–Jacobian product of a node.
    Vjp {
        /// Its op.
        op: &'static str,
        /// Its id in the function, or in the body of the scan, as it was built: before any pass.
        node: NodeId,
    },
    /// The optimizer's update of a parameter.
    Update {
        /// The parameter's name.
        parameter: Arc<str>,
    },
}

/// A place in network text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl Origin {
    /// What a part of a network builds itself.
    pub fn of(part: Part) -> Self {
        Origin { part, rule: Rule::Built, passes: Vec::new() }
    }

    /// What a reader is told who wants to know what something belongs to: `dense0, backward`.
    pub fn in_words(&self) -> String {
        let part = match &self.part {
            Part::Layer { name, .. } => name,
            Part::Input => "input",
            Part::Loss => "loss",
            Part::Optimizer => "optimizer",
            Part::Random => "random numbers",
        };
        match &self.rule {
            Rule::Built => part.to_owned(),
            Rule::Vjp { .. } => format!("{part}, backward"),
            Rule::Update { parameter } => format!("{parameter}, trained"),
        }
    }

    /// The part with its place: `layer dense1 at 1:20`.
    pub fn source(&self) -> String {
        match &self.part {
            Part::Layer { place: Some(place), .. } => format!("{} at {place}", self.part),
            part => part.to_string(),
        }
    }

    /// The name of the layer, if it is of one.
    pub fn layer(&self) -> Option<&str> {
        match &self.part {
            Part::Layer { name, .. } => Some(name),
            Part::Input | Part::Loss | Part::Optimizer | Part::Random => None,
        }
    }

    /// What the vector–Jacobian product of a node of this origin makes. That of such a product is told by the first node.
    pub fn vjp(&self, op: &'static str, node: NodeId) -> Self {
        let rule = match &self.rule {
            first @ Rule::Vjp { .. } => first.clone(),
            Rule::Built | Rule::Update { .. } => Rule::Vjp { op, node },
        };
        Origin { rule, ..self.clone() }
    }

    /// What the optimizer makes of a parameter of this origin.
    pub fn update(&self, parameter: &str) -> Self {
        Origin { rule: Rule::Update { parameter: parameter.into() }, ..self.clone() }
    }

    /// What a pass makes of a node of this origin.
    pub fn rewritten(&self, pass: &'static str) -> Self {
        let mut rewritten = self.clone();
        rewritten.passes.push(pass);
        rewritten
    }
}

/// As in the text of modules: `layer dense1 at 1:20 vjp max %7 pass simplify`.
impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source())?;
        match &self.rule {
            Rule::Built => Ok(()),
            Rule::Vjp { op, node } => write!(f, " vjp {op} %{}", node.0),
            Rule::Update { parameter } => write!(f, " trains {}", Name(parameter)),
        }?;
        self.passes.iter().try_for_each(|pass| write!(f, " pass {pass}"))
    }
}

/// Without its place: `layer dense1`, `loss`.
impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Part::Layer { name, .. } => write!(f, "layer {}", Name(name)),
            Part::Input => f.write_str("input"),
            Part::Loss => f.write_str("loss"),
            Part::Optimizer => f.write_str("optimizer"),
            Part::Random => f.write_str("random"),
        }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
