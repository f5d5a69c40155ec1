//! Elementwise kernels over a flat space: blocks of 16 elements, in long runs.

use dl_ir::graph::Graph;
use dl_runtime::program::Blocks;

use super::evaluate::{Along, Evaluator, Place, Tile};
use super::operands::{Binding, extent, first_element, stored_elements};
use super::{KernelBuilder, offset, operands_in_order};
use crate::fuse::{Class, Group};
use crate::kernel::{Arg, Index, Kernel, Stmt, Term};
use crate::target::Target;
use crate::vector::{Count, Program, ProgramBuilder};

/// Elements in a block: a task. Every buffer has room for whole blocks.
const BLOCK: usize = 16;
/// Blocks in a run, which one program call computes.
const RUN: usize = 64;

/// The kernel of a group whose members all have an element at each point.
pub fn schedule(graph: &Graph, group: &Group, bindings: &[Binding], target: Target) -> Kernel {
    // All tensors of the space have its shape, and so its layout: the padding of panels is computed along.
    let elements = stored_elements(graph, group.outputs[0], target);
    let mut kernel = KernelBuilder::new(graph, bindings, target);
    let args = bindings.iter().enumerate().map(|(buffer, binding)| {
        let offset = match *binding {
            Binding::Read(node, Class::Scalar) => offset(4 * first_element(graph, node), &[]),
            _ => offset(0, &[(0, 4)]),
        };
        Arg::Pointer { buffer, offset }
    });
    let args: Vec<Arg> = args.collect();
    let tiles = [RUN, 1].map(|blocks| {
        let program = kernel.program(program(graph, group, bindings, target, blocks));
        (BLOCK * blocks, vec![Stmt::Run { program, args: args.clone() }])
    });
    // The last block may be short: it is computed whole.
    let ends = vec![Index::term(Term::End, BLOCK as i64)];
    kernel.for_each(0, Index::term(Term::Begin, BLOCK as i64), ends, tiles);
    kernel.finish(Blocks { of: extent(elements), size: BLOCK })
}

fn program(graph: &Graph, group: &Group, bindings: &[Binding], target: Target, blocks: usize) -> Program {
    let tile = Tile::new(operands_in_order(graph, bindings, target), BLOCK);
    let mut e = Evaluator::new(graph, group, bindings, ProgramBuilder::new(target.lanes), tile);
    for binding in bindings {
        // Ahead of the loop, once.
        if let &Binding::Read(node, Class::Scalar) = binding {
            e.value(node, Class::Scalar, Place::default());
        }
    }
    if blocks > 1 {
        e.b.begin_loop(Count::Static(blocks as u32), &[]);
        e.enter_loop(Along::Columns(BLOCK), None);
    }
    for vector in 0..e.n_vectors() {
        for &output in &group.outputs {
            e.write(output, Class::Full, Place { vector, ..Place::default() });
        }
    }
    if blocks > 1 {
        e.leave_loop();
        e.b.end_loop(&[]);
    }
    e.b.finish()
}
