//! Removes from a program what no store needs, and numbers the rest. Prefetches stay.

use rustc_hash::FxHashMap;

use super::{Carried, Inst, Loop, Program, Section, Value};

/// The same program without instructions, carried values and loops that no store depends on. Adjacent straight
/// sections become one, and values are numbered in the order in which the program defines them.
pub fn prune(program: Program) -> Program {
    let mut live = vec![false; program.n_values as usize];
    let mut kept: Vec<Section> = Vec::new();
    for section in program.sections.into_iter().rev() {
        match section {
            Section::Straight(mut insts) => {
                keep_live(&mut insts, &mut live);
                if let Some(Section::Straight(later)) = kept.last_mut() {
                    insts.append(later);
                    *later = insts;
                } else if !insts.is_empty() {
                    kept.push(Section::Straight(insts));
                }
            }
            Section::Loop(body) => kept.extend(prune_loop(body, &mut live).map(Section::Loop)),
        }
    }
    kept.reverse();
    renumber(Program { n_values: 0, sections: kept, ..program })
}

/// The loop with what is needed after it or stored by it; `None` if that is nothing.
fn prune_loop(mut body: Loop, live: &mut [bool]) -> Option<Loop> {
    // A carried value is needed if its result is, or if a needed one's `next` depends on its `param`. Liveness only
    // grows, so this ends.
    loop {
        let n_live = live.iter().filter(|live| **live).count();
        for carried in &body.carried {
            if is_needed(carried, live) {
                live[carried.next.0 as usize] = true;
            }
        }
        keep_live(&mut body.body.clone(), live);
        if live.iter().filter(|live| **live).count() == n_live {
            break;
        }
    }
    body.carried.retain(|carried| is_needed(carried, live));
    keep_live(&mut body.body, live);
    for carried in &body.carried {
        live[carried.init.0 as usize] = true;
    }
    (!body.carried.is_empty() || !body.body.is_empty()).then_some(body)
}

fn is_needed(carried: &Carried, live: &[bool]) -> bool {
    live[carried.result.0 as usize] || live[carried.param.0 as usize]
}

/// Removes instructions that nothing live needs, from the last to the first, and marks what the others need.
fn keep_live(insts: &mut Vec<Inst>, live: &mut [bool]) {
    let mut kept = Vec::with_capacity(insts.len());
    for inst in std::mem::take(insts).into_iter().rev() {
        if inst.result.is_none_or(|result| live[result.0 as usize]) {
            for operand in inst.op.operands() {
                live[operand.0 as usize] = true;
            }
            kept.push(inst);
        }
    }
    kept.reverse();
    *insts = kept;
}

/// Numbers values in the order in which the program defines them.
fn renumber(mut program: Program) -> Program {
    let mut names = Names::default();
    for section in &mut program.sections {
        match section {
            Section::Straight(insts) => names.insts(insts),
            Section::Loop(body) => {
                for carried in &mut body.carried {
                    carried.init = names.used(carried.init);
                    carried.param = names.define(carried.param);
                }
                names.insts(&mut body.body);
                for carried in &mut body.carried {
                    carried.next = names.used(carried.next);
                    carried.result = names.define(carried.result);
                }
            }
        }
    }
    program.n_values = names.0.len() as u32;
    program
}

/// New names by old ones.
#[derive(Default)]
struct Names(FxHashMap<Value, Value>);

impl Names {
    fn define(&mut self, old: Value) -> Value {
        let new = Value(self.0.len() as u32);
        self.0.insert(old, new);
        new
    }

    fn used(&self, old: Value) -> Value {
        self.0[&old]
    }

    fn insts(&mut self, insts: &mut [Inst]) {
        for Inst { result, op, .. } in insts {
            *op = op.map_operands(|operand| self.used(operand));
            *result = result.map(|old| self.define(old));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::{Address, Count, Lanes, Op, ProgramBuilder};

    const HERE: Address = Address { arg: 0, offset: 0, step: 0 };

    #[test]
    fn a_program_that_stores_nothing_is_empty() {
        let mut b = ProgramBuilder::new(Lanes::L8);
        b.arg();
        let x = b.load(HERE);
        let x = b.begin_loop(Count::Static(4), &[x])[0];
        let next = b.sqrt(x);
        b.end_loop(&[next]);
        let program = b.finish();
        assert_eq!((program.sections, program.n_values), (vec![], 0));
    }

    #[test]
    fn carried_values_are_kept_for_each_other() {
        let mut b = ProgramBuilder::new(Lanes::L8);
        b.arg();
        let x = b.load(HERE);
        // `a` feeds `b`, which is stored; `c` feeds only itself.
        let params = b.begin_loop(Count::Static(4), &[x, x, x]);
        let [a, total, c] = params[..] else { panic!("three params") };
        let next = [b.sqrt(a), b.add(total, a), b.mul(c, c)];
        let results = b.end_loop(&next);
        b.store(HERE, results[1]);
        let program = b.finish();
        let Some(Section::Loop(body)) = program.sections.get(1) else { panic!("a loop: {program:?}") };
        assert_eq!(body.carried.len(), 2);
        let ops: Vec<&Op> = body.body.iter().map(|inst| &inst.op).collect();
        let [a, total] = [Value(1), Value(2)];
        assert_eq!(ops, [&Op::Sqrt(a), &Op::Add(total, a)]);
        assert_eq!(program.n_values, 7);
    }
}
