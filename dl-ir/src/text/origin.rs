//! Parses where nodes come from.

use super::ParseProblem;
use super::cursor::{Cursor, Result, fail, unknown};
use super::lexer::{Token, clipped};
use crate::graph::NodeId;
use crate::ops;
use crate::origin::{Origin, Part, Place, Rule};
use crate::passes::PIPELINE;

const PARTS: [&str; 5] = ["layer", "input", "loss", "optimizer", "random"];

impl Cursor<'_> {
    /// `layer dense0 at 1:3 vjp max %4 pass simplify`, after `@`.
    pub(super) fn origin(&mut self) -> Result<Origin> {
        let mut origin = Origin::of(self.part()?);
        if self.takes_word("vjp") {
            let (name, offset) = self.word("an op")?;
            let Some(op) = ops::NAMES.iter().copied().find(|&known| known == name) else {
                return unknown(offset, "op", name, ops::NAMES.iter().copied());
            };
            origin.rule = Rule::Vjp { op, node: self.node_id()? };
        } else if self.takes_word("trains") {
            origin.rule = Rule::Update { parameter: self.name()?.into() };
        }
        while self.takes_word("pass") {
            let (name, offset) = self.kebab()?;
            let mut passes = PIPELINE.iter().map(|pass| pass.name);
            let Some(pass) = passes.find(|&known| known == name) else {
                return unknown(offset, "pass", &name, PIPELINE.iter().map(|pass| pass.name));
            };
            if origin.passes.contains(&pass) {
                return fail(offset, ParseProblem::Redefined { what: "pass", name: pass.to_owned() });
            }
            origin.passes.push(pass);
        }
        Ok(origin)
    }

    fn part(&mut self) -> Result<Part> {
        let (word, offset) = self.word("a part of a network")?;
        match word {
            "layer" => {
                let name = self.name()?.into();
                let place = if self.takes_word("at") { Some(self.place()?) } else { None };
                Ok(Part::Layer { name, place })
            }
            "input" => Ok(Part::Input),
            "loss" => Ok(Part::Loss),
            "optimizer" => Ok(Part::Optimizer),
            "random" => Ok(Part::Random),
            _ => unknown(offset, "part of a network", word, PARTS),
        }
    }

    /// `1:3`
    fn place(&mut self) -> Result<Place> {
        let line = self.small("a line")?;
        self.mark(':', "`:`")?;
        Ok(Place { line, column: self.small("a column")? })
    }

    fn small(&mut self, expected: &'static str) -> Result<u32> {
        let Token::Number(text) = self.token else { return self.expected(expected) };
        let Ok(number) = text.parse() else { return self.expected(expected) };
        self.advance();
        Ok(number)
    }

    fn node_id(&mut self) -> Result<NodeId> {
        let (name, offset) = self.value()?;
        let found = || ParseProblem::Expected {
            expected: "the number of a node",
            found: format!("`%{}`", clipped(name)),
        };
        name.parse().map(NodeId).or_else(|_| fail(offset, found()))
    }

    /// `split-reductions`: a word, and what the lexer takes for negative numbers.
    fn kebab(&mut self) -> Result<(String, usize)> {
        let (word, begin) = self.word("the name of a pass")?;
        let mut name = word.to_owned();
        while let Token::Number(part) = self.token
            && part.starts_with('-')
            && self.offset == begin + name.len()
        {
            name += part;
            self.advance();
        }
        Ok((name, begin))
    }
}
