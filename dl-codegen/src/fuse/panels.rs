//! What fusion asks of fixed matrices, which lie in panels (see [`layout`](crate::layout)).

use dl_ir::graph::{Graph, NodeId};
use dl_ir::ops::Structure;
use dl_ir::types::DType;

use super::roles::{scatters, shape};
use crate::schedule::operands::{is_number, storage};

/// Whether a node's kernel finds whole rows where it needs them: those that it reduces, those of a product's left operand, and those that it
/// scatters elements to.
pub(super) fn finds_rows_whole(graph: &Graph, node: NodeId) -> bool {
    let operands = graph.operands(node);
    let steps_over_panels = match graph.op(node).structure() {
        Structure::Contract | Structure::Reduce => in_panels(graph, operands[0]),
        _ => scatters(graph.op(node)) && in_panels(graph, node),
    };
    !steps_over_panels
}

fn in_panels(graph: &Graph, node: NodeId) -> bool {
    let held = storage(graph, node);
    let is_f32 = graph.node(held).ty.as_tensor().is_some_and(|tensor| tensor.dtype == DType::F32);
    let fixed = shape(graph, held).as_fixed();
    is_f32 && !is_number(graph, held) && matches!(fixed.as_deref(), Some([_, .., cols]) if *cols > 1)
}

#[cfg(test)]
mod tests {
    use crate::fuse::fuse;
    use crate::target::Target;
    use crate::vector::Lanes;

    /// Fuses a function of x [B, 3] and a matrix w [3, 70].
    fn refused(nodes: &str) -> String {
        let text = format!(
            "dl 1\nstate w : f32[3, 70] parameter constant(1.0)\nfunction predict {{\n  %0 = input {{name=\"x\"}} : f32[B, 3]\n  \
             %1 = state {{name=\"w\"}} : f32[3, 70]\n{nodes}\n}}\n"
        );
        let module = dl_ir::text::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        fuse(&module.functions[0], Target { lanes: Lanes::L4 })
            .expect_err("rows in panels are not whole")
            .to_string()
    }

    #[test]
    fn kernels_that_need_whole_rows_refuse_panels() {
        let cases = [
            ("einsum", "  %2 = einsum %1, %0 {subscripts=\"ab,ca->bc\"} : f32[70, B]\n  return y = %2"),
            ("reduce_max", "  %2 = reduce_max %1 {axes=[1]} : f32[3]\n  return y = %2"),
            ("reduce_sum", "  %2 = reduce_sum %1 {axes=[0]} : f32[70]\n  return y = %2"),
            ("pad", "  %2 = pad %1 {low=[1, 4], high=[0, 0], interior=[0, 0]} : f32[4, 74]\n  return y = %2"),
        ];
        for (op, nodes) in cases {
            let expected = format!("no kernel computes {op} of this shape (node %2 of predict)");
            assert_eq!(refused(nodes), expected);
        }
    }
}
