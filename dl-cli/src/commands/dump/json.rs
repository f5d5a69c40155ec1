//! Layers, graphs and kernels as one line of JSON.

use dl::inspect::MemoryMap;
use dl_codegen::compile::Lowered;
use dl_codegen::plan::PlanStep;
use dl_ir::graph::NodeId;
use dl_ir::module::Module;
use dl_ir::network::Network;
use dl_runtime::program::BufferId;
use serde_json::{Value, json};

/// Layers in order, loss and optimizer.
pub fn layers(network: &Network) -> String {
    let layer = |layer: dl_ir::network::LayerInfo| {
        json!({
            "name": layer.name,
            "kind": layer.kind,
            "arguments": layer.arguments,
            "input": layer.input,
            "output": layer.output,
            "parameters": layer.n_parameters,
        })
    };
    let layers: Vec<Value> = network.layer_infos().into_iter().map(layer).collect();
    let (loss, optimizer) = (network.loss().name(), network.optimizer().to_string());
    line(&json!({ "input": network.input_shape(), "layers": layers, "loss": loss, "optimizer": optimizer }))
}

/// States and functions; types and attributes as in text.
pub fn module(module: &Module) -> String {
    let states =
        module.states.iter().map(|state| json!({ "name": state.name, "type": state.ty.to_string() }));
    let functions = module.functions.iter().map(|function| {
        let graph = &function.graph;
        let nodes = graph.ids().map(|id| {
            let node = graph.node(id);
            let attributes = node.op.attributes().0;
            let attributes =
                attributes.into_iter().map(|(name, value)| (name, Value::from(value.to_string())));
            json!({
                "id": id.0,
                "op": node.op.name(),
                "operands": graph.operands(id).iter().map(|operand| operand.0).collect::<Vec<_>>(),
                "attributes": attributes.collect::<serde_json::Map<_, _>>(),
                "type": node.ty.to_string(),
            })
        });
        json!({
            "name": function.name,
            "nodes": nodes.collect::<Vec<_>>(),
            "results": named(&function.results),
            "updates": named(&function.updates),
        })
    });
    line(&json!({
        "network": module.network,
        "states": states.collect::<Vec<_>>(),
        "functions": functions.collect::<Vec<_>>(),
    }))
}

/// Kernels, and what is launched in which step, on which buffers.
pub fn kernels(lowered: &Lowered) -> String {
    let plan = &lowered.plan;
    let launch = |(group, buffers): &(usize, Vec<BufferId>)| {
        let buffers = buffers.iter().map(|buffer| plan.buffers[buffer.0 as usize].name.as_str());
        json!({ "kernel": lowered.kernel_of[*group], "buffers": buffers.collect::<Vec<_>>() })
    };
    let steps = plan.steps.iter().map(|step| match step {
        PlanStep::CheckFinite(buffer) => json!({ "check_finite": plan.buffers[buffer.0 as usize].name }),
        PlanStep::Launches(_) | PlanStep::Loop { .. } => {
            let (count, phases) = step.phases();
            let phases = phases.iter().map(|launches| launches.iter().map(launch).collect::<Vec<_>>());
            json!({ "times": count, "phases": phases.collect::<Vec<_>>() })
        }
    });
    line(&json!({
        "function": lowered.name,
        "lanes": lowered.target.lanes.count(),
        "kernels": lowered.kernels.iter().map(|kernel| kernel.to_string()).collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    }))
}

/// What is alive when.
pub fn memory(map: &MemoryMap) -> String {
    line(&serde_json::to_value(map).expect("maps have names as keys"))
}

fn named(nodes: &[(String, NodeId)]) -> Vec<Value> {
    nodes.iter().map(|(name, node)| json!({ "name": name, "node": node.0 })).collect()
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
