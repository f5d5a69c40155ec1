//! The verifier: what every module holds to, whoever built it. Passes and the code generator rely on it.
//!
//! For the module:
//! - state names are unique, and so are function names;
//! - a state is f32 or i32, and no dimension of it depends on the batch.
//!
//! For each node of a function:
//! - its operands come before it;
//! - the op accepts its operands, and the inferred type is the stored one; so only `get` consumes a tuple;
//! - each tensor has at most [`MAX_RANK`] dimensions and [`MAX_ELEMENTS`] elements, and the batch size at most once;
//! - a `state` is declared, with that type;
//! - an `input` is f32 or i32, and all of one name have one type;
//! - the body of a `scan` is valid as a function is, fits the operands, and reads no state.
//!
//! For what leaves a function:
//! - it exists, and is neither a tuple nor truth values;
//! - result names are unique;
//! - a state is updated at most once, by a tensor of its type.
//!
//! A violation is a bug in what built the module, or, in IR text, an error of the text.

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::graph::NodeId;
use crate::module::{Function, Init, Module, StateDecl};
use crate::ops::{InferError, Op};
use crate::types::{DType, MAX_ELEMENTS, MAX_RANK, TensorType, Type};

/// A module that breaks a rule.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("bug in dl: invalid module: {place}: {violation}")]
pub struct VerifyError {
    /// Where.
    pub place: Place,
    /// Which rule, and how.
    pub violation: Box<Violation>,
}

/// A place in a module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// The declaration of a state.
    State {
        /// Its position among all states.
        index: usize,
        /// Its name.
        name: String,
    },
    /// A function as a whole.
    Function {
        /// Its name.
        function: String,
    },
    /// A node.
    Node {
        /// The function's name.
        function: String,
        /// The node.
        node: NodeId,
        /// The name of its op.
        op: &'static str,
    },
    /// A result.
    Result {
        /// The function's name.
        function: String,
        /// Its position among the results.
        index: usize,
        /// Its name.
        name: String,
    },
    /// An update of a state.
    Update {
        /// The function's name.
        function: String,
        /// Its position among the updates.
        index: usize,
        /// The state's name.
        state: String,
    },
}

/// A broken rule.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Violation {
    /// Two things of one name.
    #[error("there is another {what} `{name}` before it")]
    Duplicate {
        /// What they are.
        what: &'static str,
        /// Their name.
        name: String,
    },
    /// A state whose size or elements the arena cannot hold from call to call.
    #[error("a state cannot be {ty}: it must be f32 or i32 and may not depend on the batch size")]
    StateType {
        /// Its type.
        ty: TensorType,
    },
    /// A first value that a state cannot hold.
    #[error(
        "a state of {ty} cannot begin so: f32 begins with a number, i32 with a whole one or a word of the seed"
    )]
    StateInit {
        /// The state's type.
        ty: TensorType,
    },
    /// An operand behind its user.
    #[error("operand {position} is %{}, which does not come before it", operand.0)]
    Order {
        /// Which operand.
        position: usize,
        /// The node it is.
        operand: NodeId,
    },
    /// Operands that do not fit the op.
    #[error(transparent)]
    Infer(#[from] InferError),
    /// A stored type that is not the op's.
    #[error("type mismatch: declared {declared}, inferred {inferred}")]
    Type {
        /// The stored type.
        declared: Type,
        /// The type that the op gives.
        inferred: Type,
    },
    /// A tensor too large for a buffer, or whose size is not linear in the batch size.
    #[error("{ty} has more than {MAX_ELEMENTS} elements, {MAX_RANK} dimensions, or the batch size twice")]
    TooLarge {
        /// Its type.
        ty: TensorType,
    },
    /// A state that is not there.
    #[error("no state `{name}` is declared")]
    UnknownState {
        /// Its name.
        name: String,
    },
    /// A state read or written as another type.
    #[error("state `{name}` is declared as {declared}, but this is {found}")]
    StateMismatch {
        /// Its name.
        name: String,
        /// Its declared type.
        declared: TensorType,
        /// The type here.
        found: TensorType,
    },
    /// An input of truth values.
    #[error("input `{name}` is {found}, but must be f32 or i32")]
    BoolInput {
        /// Its name.
        name: String,
        /// Its type.
        found: TensorType,
    },
    /// Two inputs of one name and different types.
    #[error("input `{name}` is {found} here, but {before} before")]
    InputMismatch {
        /// Their name.
        name: String,
        /// The first one's type.
        before: TensorType,
        /// This one's type.
        found: TensorType,
    },
    /// A body that breaks a rule.
    #[error("in its {place}: {violation}")]
    Body {
        /// Where in the body.
        place: Place,
        /// Which rule, and how.
        violation: Box<Violation>,
    },
    /// A root that is not in the graph.
    #[error("%{} is not in the function's graph", node.0)]
    NoNode {
        /// The id.
        node: NodeId,
    },
    /// A root whose value cannot leave the function.
    #[error("{ty} cannot leave a function: it must be one tensor of f32 or i32")]
    Leaves {
        /// Its type.
        ty: Type,
    },
}

/// Checks a module.
///
/// # Errors
/// The first violation: names and states first, then functions in order.
pub fn verify_module(module: &Module) -> Result<(), VerifyError> {
    let mut states = HashMap::new();
    for (index, state) in module.states.iter().enumerate() {
        let place = || Place::State { index, name: state.name.clone() };
        check_state(state).map_err(at(place))?;
        let before = states.insert(state.name.as_str(), &state.ty);
        unique(before.is_none(), "state", &state.name).map_err(at(place))?;
    }
    let mut names = HashSet::new();
    for Function { name, .. } in &module.functions {
        let place = || Place::Function { function: name.clone() };
        unique(names.insert(name), "function", name).map_err(at(place))?;
    }
    for function in &module.functions {
        check_nodes(function, &states)?;
        check_results(function)?;
        check_updates(function, &states)?;
    }
    Ok(())
}

/// The declared types of states, by name.
type States<'a> = HashMap<&'a str, &'a TensorType>;

fn check_state(state: &StateDecl) -> Result<(), Violation> {
    if state.ty.dtype == DType::Bool || state.ty.shape.as_fixed().is_none() {
        return Err(Violation::StateType { ty: state.ty.clone() });
    }
    let begins = match (state.ty.dtype, state.init) {
        (DType::I32, Init::Constant(value)) => f64::from(value as i32) == value,
        (DType::I32, Init::Seed { .. }) => true,
        (DType::I32, _) | (_, Init::Seed { .. }) => false,
        _ => true,
    };
    if !begins {
        return Err(Violation::StateInit { ty: state.ty.clone() });
    }
    check_size(&state.ty)
}

fn check_nodes(function: &Function, states: &States<'_>) -> Result<(), VerifyError> {
    let mut inputs = HashMap::new();
    for node in function.graph.ids() {
        let op = function.graph.op(node);
        let place = || Place::Node { function: function.name.clone(), node, op: op.name() };
        if let Op::Scan(scan) = op {
            check_body(&scan.body).map_err(at(place))?;
        }
        check_type(function, node).map_err(at(place))?;
        match op {
            Op::Input(input) => {
                let before = *inputs.entry(input.name.as_str()).or_insert(&input.ty);
                check_input(&input.name, before, &input.ty).map_err(at(place))?;
            }
            Op::State(state) => same_state(&state.name, states, &state.ty).map_err(at(place))?,
            _ => {}
        }
    }
    Ok(())
}

/// The body of a scan. That it fits is part of the scan's type.
fn check_body(body: &Function) -> Result<(), Violation> {
    let checked = check_nodes(body, &HashMap::new()).and_then(|()| check_results(body));
    checked.map_err(|VerifyError { place, violation }| Violation::Body { place, violation })
}

fn check_type(function: &Function, node: NodeId) -> Result<(), Violation> {
    let graph = &function.graph;
    let operands = graph.operands(node);
    if let Some(position) = operands.iter().position(|&operand| operand >= node) {
        return Err(Violation::Order { position, operand: operands[position] });
    }
    let types: Vec<&Type> = operands.iter().map(|&operand| &graph.node(operand).ty).collect();
    let inferred = graph.op(node).infer(&types)?;
    let declared = &graph.node(node).ty;
    if inferred != *declared {
        return Err(Violation::Type { declared: declared.clone(), inferred });
    }
    match declared {
        Type::Tensor(tensor) => check_size(tensor),
        Type::Tuple(parts) => parts.iter().try_for_each(check_size),
    }
}

fn check_results(function: &Function) -> Result<(), VerifyError> {
    let mut names = HashSet::new();
    for (index, (name, node)) in function.results.iter().enumerate() {
        let place = || Place::Result { function: function.name.clone(), index, name: name.clone() };
        unique(names.insert(name), "result", name).map_err(at(place))?;
        root(function, *node).map_err(at(place))?;
    }
    Ok(())
}

fn check_updates(function: &Function, states: &States<'_>) -> Result<(), VerifyError> {
    let mut names = HashSet::new();
    for (index, (name, node)) in function.updates.iter().enumerate() {
        let place = || Place::Update { function: function.name.clone(), index, state: name.clone() };
        unique(names.insert(name), "update of", name).map_err(at(place))?;
        let ty = root(function, *node).map_err(at(place))?;
        same_state(name, states, ty).map_err(at(place))?;
    }
    Ok(())
}

/// The type of a node whose value leaves the function.
fn root(function: &Function, node: NodeId) -> Result<&TensorType, Violation> {
    if node.index() >= function.graph.n_nodes() {
        return Err(Violation::NoNode { node });
    }
    match &function.graph.node(node).ty {
        Type::Tensor(tensor) if tensor.dtype != DType::Bool => Ok(tensor),
        ty => Err(Violation::Leaves { ty: ty.clone() }),
    }
}

fn check_size(ty: &TensorType) -> Result<(), Violation> {
    let fits = ty.shape.rank() <= MAX_RANK && ty.shape.elements().is_some();
    if fits { Ok(()) } else { Err(Violation::TooLarge { ty: ty.clone() }) }
}

fn same_state(name: &str, states: &States<'_>, found: &TensorType) -> Result<(), Violation> {
    match states.get(name) {
        None => Err(Violation::UnknownState { name: name.to_owned() }),
        Some(&declared) if declared != found => {
            let (declared, found) = (declared.clone(), found.clone());
            Err(Violation::StateMismatch { name: name.to_owned(), declared, found })
        }
        Some(_) => Ok(()),
    }
}

fn check_input(name: &str, before: &TensorType, found: &TensorType) -> Result<(), Violation> {
    if found.dtype == DType::Bool {
        return Err(Violation::BoolInput { name: name.to_owned(), found: found.clone() });
    }
    if before != found {
        let (before, found) = (before.clone(), found.clone());
        return Err(Violation::InputMismatch { name: name.to_owned(), before, found });
    }
    Ok(())
}

fn unique(is_new: bool, what: &'static str, name: &str) -> Result<(), Violation> {
    if is_new { Ok(()) } else { Err(Violation::Duplicate { what, name: name.to_owned() }) }
}

/// Adds its place to a violation.
fn at(place: impl FnOnce() -> Place) -> impl FnOnce(Violation) -> VerifyError {
    |violation| VerifyError { place: place(), violation: Box::new(violation) }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::State { name, .. } => write!(f, "state `{name}`"),
            Place::Function { function } => write!(f, "function `{function}`"),
            Place::Node { function, node, op } => write!(f, "function `{function}`, %{} = {op}", node.0),
            Place::Result { function, name, .. } => write!(f, "function `{function}`, result `{name}`"),
            Place::Update { function, state, .. } => write!(f, "function `{function}`, update of `{state}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;
    use crate::module::StateRole;
    use crate::ops;
    use crate::types::Shape;

    /// A module with a state `w` and a function of two nodes: an input %0 : f32[2] and what the test pushes.
    fn module(push: impl FnOnce(&mut Graph, NodeId)) -> Module {
        let ty = TensorType::f32(Shape::fixed(&[2]));
        let mut graph = Graph::default();
        let x =
            graph.push(ops::Input { name: "x".to_owned(), ty: ty.clone() }.into(), ty.clone().into(), &[]);
        push(&mut graph, x);
        let function = Function { name: "f".to_owned(), graph, results: Vec::new(), updates: Vec::new() };
        let (role, init) = (StateRole::Parameter, Init::Constant(0.0));
        let state = StateDecl { name: "w".to_owned(), ty, role, init };
        Module { network: String::new(), states: vec![state], functions: vec![function] }
    }

    fn violation(module: &Module) -> Violation {
        *verify_module(module).expect_err("an invalid module").violation
    }

    #[test]
    fn a_valid_module_passes() {
        let module = module(|graph, x| {
            graph.push(ops::Neg.into(), TensorType::f32(Shape::fixed(&[2])).into(), &[x]);
        });
        assert_eq!(verify_module(&module), Ok(()));
    }

    #[test]
    fn a_stored_type_must_be_the_inferred_one() {
        let declared = Type::from(TensorType::f32(Shape::fixed(&[3])));
        let module = module(|graph, x| {
            graph.push(ops::Neg.into(), declared.clone(), &[x]);
        });
        let error = verify_module(&module).expect_err("a wrong type");
        let message = "bug in dl: invalid module: function `f`, %1 = neg: type mismatch: declared f32[3], inferred f32[2]";
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn operands_must_fit_and_come_first() {
        let ty = Type::from(TensorType::f32(Shape::fixed(&[2])));
        let misfit = module(|graph, x| {
            graph.push(ops::Add.into(), ty.clone(), &[x]);
        });
        let expected = InferError::OperandCount { expected: 2, found: 1 };
        assert_eq!(violation(&misfit), Violation::Infer(expected));
        let circle = module(|graph, _| {
            graph.push(ops::Neg.into(), ty.clone(), &[NodeId(1)]);
        });
        assert_eq!(violation(&circle), Violation::Order { position: 0, operand: NodeId(1) });
    }

    #[test]
    fn tensors_are_limited() {
        for shape in [Shape::fixed(&[1 << 16, 1 << 16]), Shape::fixed(&[1; MAX_RANK + 1])] {
            let ty = TensorType::f32(shape);
            let large = module(|graph, _| {
                graph.push(ops::Constant::new(0.0, ty.clone()).into(), ty.clone().into(), &[]);
            });
            assert_eq!(violation(&large), Violation::TooLarge { ty });
        }
    }

    #[test]
    fn states_and_inputs_keep_their_types() {
        let wrong = TensorType::f32(Shape::fixed(&[3]));
        let push = |op: Op, ty: &TensorType| {
            let ty = ty.clone();
            module(|graph, _| {
                graph.push(op, ty.into(), &[]);
            })
        };
        let state = |name: &str| ops::State { name: name.to_owned(), ty: wrong.clone() }.into();
        let input = |name: &str, ty: &TensorType| ops::Input { name: name.to_owned(), ty: ty.clone() }.into();
        assert!(matches!(violation(&push(state("w"), &wrong)), Violation::StateMismatch { .. }));
        assert!(matches!(violation(&push(state("v"), &wrong)), Violation::UnknownState { .. }));
        assert!(matches!(violation(&push(input("x", &wrong), &wrong)), Violation::InputMismatch { .. }));
        let truth = wrong.with_dtype(DType::Bool);
        assert!(matches!(violation(&push(input("z", &truth), &truth)), Violation::BoolInput { .. }));
    }

    #[test]
    fn what_leaves_exists_and_is_a_tensor() {
        let mut missing = module(|_, _| ());
        missing.functions[0].results.push(("y".to_owned(), NodeId(1)));
        assert_eq!(violation(&missing), Violation::NoNode { node: NodeId(1) });
        let mut tuple = module(|graph, x| {
            let f32s = TensorType::f32(Shape::scalar());
            let parts = Type::Tuple(vec![f32s.clone(), f32s.with_dtype(DType::I32)]);
            graph.push(ops::MaxWithIndex { axes: vec![0] }.into(), parts, &[x]);
        });
        tuple.functions[0].results.push(("y".to_owned(), NodeId(1)));
        assert!(matches!(violation(&tuple), Violation::Leaves { ty: Type::Tuple(_) }));
    }

    #[test]
    fn names_are_unique() {
        let duplicate = |change: fn(&mut Module)| {
            let mut module = module(|_, _| ());
            change(&mut module);
            match violation(&module) {
                Violation::Duplicate { what, .. } => what,
                other => panic!("{other}"),
            }
        };
        assert_eq!(duplicate(|m| m.states.push(m.states[0].clone())), "state");
        assert_eq!(duplicate(|m| m.functions.push(m.functions[0].clone())), "function");
        assert_eq!(duplicate(|m| m.functions[0].results = vec![("y".to_owned(), NodeId(0)); 2]), "result");
        assert_eq!(duplicate(|m| m.functions[0].updates = vec![("w".to_owned(), NodeId(0)); 2]), "update of");
    }

    #[test]
    fn states_begin_with_what_they_can_hold() {
        let cases = [
            (DType::F32, Init::Seed { word: 0 }),
            (DType::I32, Init::Constant(0.5)),
            (DType::I32, Init::Constant(3e9)),
            (DType::I32, Init::HeUniform { fan_in: 1 }),
        ];
        for (dtype, init) in cases {
            let mut module = module(|_, _| ());
            let ty = TensorType::new(dtype, Shape::scalar());
            module.states[0] = StateDecl { ty: ty.clone(), init, ..module.states[0].clone() };
            assert_eq!(violation(&module), Violation::StateInit { ty }, "{init:?}");
        }
    }

    #[test]
    fn states_last() {
        for ty in [TensorType::f32(Shape::batched(&[2])), TensorType::new(DType::Bool, Shape::scalar())] {
            let mut module = module(|_, _| ());
            module.states[0].ty = ty.clone();
            assert_eq!(violation(&module), Violation::StateType { ty });
        }
    }
}
