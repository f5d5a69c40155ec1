//! Parses modules. The text is untrusted: everything in it is limited and checked.

use std::collections::HashMap;
use std::sync::Arc;

use super::cursor::{Cursor, Located, Result, fail, located, unknown};
use super::init::{INITS, ROLES, parse_init, role_name};
use super::lexer::{Token, clipped};
use super::{MAX_DEPTH, MAX_LENGTH, MAX_NODES, ParseError, ParseProblem, VERSION};
use crate::builder::Builder;
use crate::graph::NodeId;
use crate::module::{Function, Init, Module, StateDecl, StateRole};
use crate::ops::{self, Attribute, Attributes, Op, scan};
use crate::types::{DType, Dim, MAX_ELEMENTS, MAX_RANK, Shape, TensorType, Type};
use crate::verify::{Place, verify_module};

/// The module that `text` describes.
///
/// # Errors
/// The first mistake in the text: of the grammar, of a type, or of a rule that [`verify`](crate::verify) checks.
pub fn parse(text: &str) -> Result<Module, ParseError> {
    if text.len() > MAX_LENGTH {
        return Err(ParseError::at(text, 0, Box::new(ParseProblem::TooLong { length: text.len() })));
    }
    Cursor::new(text).module().map_err(|Located { offset, problem }| ParseError::at(text, offset, problem))
}

/// Where the parts of a module begin, for the verifier's errors.
#[derive(Default)]
struct Offsets {
    states: Vec<usize>,
    functions: Vec<FunctionOffsets>,
}

#[derive(Default)]
struct FunctionOffsets {
    name: usize,
    nodes: Vec<usize>,
    results: Vec<usize>,
    updates: Vec<usize>,
}

/// Modules and their parts.
impl<'a> Cursor<'a> {
    fn module(mut self) -> Result<Module> {
        self.version()?;
        let mut offsets = Offsets::default();
        let mut module = Module { network: String::new(), states: Vec::new(), functions: Vec::new() };
        if self.takes_word("network") {
            module.network = self.text()?;
        }
        while self.takes_word("state") {
            offsets.states.push(self.offset);
            module.states.push(self.state()?);
        }
        while self.takes_word("function") {
            let (function, places) = self.function()?;
            module.functions.push(function);
            offsets.functions.push(places);
        }
        if self.token != Token::End {
            return self.expected("`state`, `function` or the end of the text");
        }
        verify_module(&module).map_err(|error| {
            located(offsets.of(&error.place, &module), ParseProblem::Invalid(*error.violation))
        })?;
        Ok(module)
    }

    fn version(&mut self) -> Result<()> {
        if !self.takes_word("dl") {
            return self.expected("`dl` and the format's version first");
        }
        let offset = self.offset;
        let found = self.integer()?;
        if found != VERSION { fail(offset, ParseProblem::Version { found }) } else { Ok(()) }
    }

    fn state(&mut self) -> Result<StateDecl> {
        let name = self.name()?;
        self.mark(':', "`:`")?;
        let ty = self.tensor_type()?;
        Ok(StateDecl { name, ty, role: self.role()?, init: self.init()? })
    }

    fn role(&mut self) -> Result<StateRole> {
        let (word, offset) = self.word("what the state is for")?;
        let role = ROLES.into_iter().find(|&role| role_name(role) == word);
        role.map_or_else(|| unknown(offset, "role of a state", word, ROLES.map(role_name)), Ok)
    }

    fn init(&mut self) -> Result<Init> {
        let (word, offset) = self.word("the state's first value")?;
        if !INITS.contains(&word) {
            return unknown(offset, "first value", word, INITS);
        }
        self.mark('(', "`(`")?;
        let args = self.list(')', Self::number)?;
        match parse_init(word, &args) {
            Some(init) => Ok(init),
            None => {
                let found = format!("`{word}({})`", clipped(&args.join(", ")));
                fail(offset, ParseProblem::Expected { expected: "a first value with its numbers", found })
            }
        }
    }

    fn function(&mut self) -> Result<(Function, FunctionOffsets)> {
        let offset = self.offset;
        let name = self.name()?;
        self.mark('{', "`{`")?;
        let (function, offsets) = self.lines(name)?;
        Ok((function, FunctionOffsets { name: offset, ..offsets }))
    }

    /// The lines of a function up to its `}`.
    fn lines(&mut self, name: String) -> Result<(Function, FunctionOffsets)> {
        let mut offsets = FunctionOffsets::default();
        let (mut builder, mut names) = (Builder::new(), HashMap::new());
        let (mut results, mut updates) = (Vec::new(), Vec::new());
        while !self.takes_mark('}') {
            if self.takes_word("return") {
                offsets.results.push(self.offset);
                results.push(self.root(&names)?);
            } else if self.takes_word("update") {
                offsets.updates.push(self.offset);
                updates.push(self.root(&names)?);
            } else if let Token::Value(_) = self.token {
                let line = self.offset;
                let node = self.node(&mut builder, &mut names)?;
                if node.index() == offsets.nodes.len() {
                    offsets.nodes.push(line);
                }
            } else {
                return self.expected("a node, `return`, `update` or `}`");
            }
        }
        Ok((Function { name, graph: builder.finish(), results, updates }, offsets))
    }

    /// `loss = %37`, after `return` or `update`.
    fn root(&mut self, names: &HashMap<&'a str, NodeId>) -> Result<(String, NodeId)> {
        let name = self.name()?;
        self.mark('=', "`=`")?;
        Ok((name, self.operand(names)?))
    }

    /// `%2 = add %0, %1 : f32[B]`, perhaps with its origin.
    fn node(&mut self, builder: &mut Builder, names: &mut HashMap<&'a str, NodeId>) -> Result<NodeId> {
        let (name, offset) = self.value()?;
        if names.len() == MAX_NODES {
            return fail(offset, ParseProblem::TooManyNodes);
        }
        self.mark('=', "`=`")?;
        let (op_name, op_offset) = self.word("an op")?;
        let operands = self.operands(names)?;
        let attributes = self.attributes()?;
        self.mark(':', "`:`")?;
        let type_offset = self.offset;
        let declared = self.node_type()?;
        let origin = if self.takes_mark('@') { Some(Arc::new(self.origin()?)) } else { None };

        let op = match Op::parse(op_name, &attributes, &declared) {
            None => return unknown(op_offset, "op", op_name, ops::NAMES.iter().copied()),
            Some(op) => op,
        };
        let op_name =
            *ops::NAMES.iter().find(|&&known| known == op_name).expect("the op was found by its name");
        let attribute = |source| located(op_offset, ParseProblem::Attribute { op: op_name, source });
        let infer = |source| located(op_offset, ParseProblem::Infer { op: op_name, source });
        let op = op.map_err(attribute)?;
        let node = builder.within(origin, |builder| builder.try_push(op, &operands)).map_err(infer)?;
        let inferred = &builder.graph().node(node).ty;
        if *inferred != declared {
            let inferred = inferred.clone();
            return fail(type_offset, ParseProblem::TypeMismatch { declared, inferred });
        }
        match names.insert(name, node) {
            None => Ok(node),
            Some(_) => {
                let name = format!("%{}", clipped(name));
                fail(offset, ParseProblem::Redefined { what: "node", name })
            }
        }
    }

    fn operands(&mut self, names: &HashMap<&'a str, NodeId>) -> Result<Vec<NodeId>> {
        let mut operands = Vec::new();
        if let Token::Value(_) = self.token {
            operands.push(self.operand(names)?);
            while self.takes_mark(',') {
                self.check_list(operands.len())?;
                operands.push(self.operand(names)?);
            }
        }
        Ok(operands)
    }

    fn operand(&mut self, names: &HashMap<&'a str, NodeId>) -> Result<NodeId> {
        let (name, offset) = self.value()?;
        match names.get(name) {
            Some(&node) => Ok(node),
            None => fail(offset, ParseProblem::Undefined { name: clipped(name) }),
        }
    }

    fn attributes(&mut self) -> Result<Attributes> {
        let mut attributes = Attributes::default();
        if !self.takes_mark('{') {
            return Ok(attributes);
        }
        for (name, value, offset) in self.list('}', Self::attribute)? {
            if attributes.0.iter().any(|(known, _)| known == name) {
                return fail(offset, ParseProblem::Redefined { what: "attribute", name: clipped(name) });
            }
            attributes = attributes.with(name, value);
        }
        Ok(attributes)
    }

    fn attribute(&mut self) -> Result<(&'a str, Attribute, usize)> {
        let (name, offset) = self.word("an attribute")?;
        self.mark('=', "`=`")?;
        let value = match self.token {
            Token::Text(_) | Token::OpenText => Attribute::Text(self.text()?),
            Token::Mark('[') => {
                self.advance();
                Attribute::List(self.list(']', Self::integer)?)
            }
            Token::Mark('{') => Attribute::Body(Arc::new(self.body()?)),
            Token::Word(word @ ("true" | "false")) => {
                self.advance();
                Attribute::Flag(word == "true")
            }
            Token::Number(text) if text.bytes().all(|c| c.is_ascii_digit()) => {
                Attribute::Int(self.integer()?)
            }
            _ => Attribute::Float(self.float()?),
        };
        Ok((name, value, offset))
    }
}

/// Bodies.
impl Cursor<'_> {
    fn body(&mut self) -> Result<Function> {
        if self.depth == MAX_DEPTH {
            return fail(self.offset, ParseProblem::TooDeep);
        }
        self.advance();
        self.depth += 1;
        let (body, _) = self.lines(scan::BODY.to_owned())?;
        self.depth -= 1;
        Ok(body)
    }
}

/// Types.
impl Cursor<'_> {
    fn node_type(&mut self) -> Result<Type> {
        if self.takes_mark('(') {
            self.list(')', Self::tensor_type).map(Type::Tuple)
        } else {
            self.tensor_type().map(Type::Tensor)
        }
    }

    fn tensor_type(&mut self) -> Result<TensorType> {
        const DTYPES: [DType; 3] = [DType::F32, DType::I32, DType::Bool];
        let (word, offset) = self.word("a type, like f32[B, 10]")?;
        let Some(dtype) = DTYPES.into_iter().find(|dtype| dtype.name() == word) else {
            return unknown(offset, "element type", word, DTYPES.map(DType::name));
        };
        self.mark('[', "`[`")?;
        let shape: Shape = self.list(']', Self::dim)?.into_iter().collect();
        if shape.rank() > MAX_RANK || shape.elements().is_none() {
            return fail(offset, ParseProblem::TooLarge);
        }
        Ok(TensorType::new(dtype, shape))
    }

    fn dim(&mut self) -> Result<Dim> {
        let offset = self.offset;
        let dim = match self.token {
            Token::Word("B") => Some(Dim::Batch(1)),
            Token::Number(text) => match text.strip_suffix('B') {
                Some(multiple) => multiple.parse().ok().map(Dim::Batch),
                None => text.parse().ok().map(Dim::Static),
            },
            _ => None,
        };
        let within = |dim: &Dim| dim.at(1) <= MAX_ELEMENTS;
        match dim {
            None => self.expected("a dimension, like 10, B or 3B"),
            Some(dim) if within(&dim) => {
                self.advance();
                Ok(dim)
            }
            Some(_) => fail(offset, ParseProblem::TooLarge),
        }
    }
}

impl Offsets {
    /// Where in the text the place is.
    fn of(&self, place: &Place, module: &Module) -> usize {
        let function = |name: &String| {
            let index = module.functions.iter().rposition(|function| function.name == *name);
            &self.functions[index.expect("the verifier names functions of the module")]
        };
        match place {
            Place::State { index, .. } => self.states[*index],
            Place::Function { function: name } => function(name).name,
            Place::Node { function: name, node, .. } => function(name).nodes[node.index()],
            Place::Result { function: name, index, .. } => function(name).results[*index],
            Place::Update { function: name, index, .. } => function(name).updates[*index],
        }
    }
}
