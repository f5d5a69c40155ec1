//! Layers, graphs and kernels as one line of JSON.

use dl::inspect::{MemoryMap, View};
use dl_codegen::compile::Lowered;
use dl_codegen::locations::Locations;
use dl_codegen::plan::PlanStep;
use dl_ir::graph::NodeId;
use dl_ir::layers::CheckedLayer;
use dl_ir::module::{Function, Module};
use dl_ir::network::{LayerInfo, Network};
use dl_runtime::program::BufferId;
use serde_json::{Value, json};

/// Layers in order, loss and optimizer.
pub fn layers(network: &Network, locations: bool) -> String {
    let layer = |(layer, checked): (LayerInfo, &CheckedLayer)| {
        let mut value = json!({
            "name": layer.name,
            "kind": layer.kind,
            "arguments": layer.arguments,
            "input": layer.input,
            "output": layer.output,
            "parameters": layer.n_parameters,
        });
        let origin = checked.origin.as_ref().filter(|_| locations);
        add_origin(&mut value, origin.map(|origin| origin.source()));
        value
    };
    let layers: Vec<Value> = network.layer_infos().into_iter().zip(network.layers()).map(layer).collect();
    let (loss, optimizer) = (network.loss().name(), network.optimizer().to_string());
    line(&json!({ "input": network.input_shape(), "layers": layers, "loss": loss, "optimizer": optimizer }))
}

/// States and functions; types, attributes and origins as in text.
pub fn module(module: &Module, view: &View<'_>) -> String {
    let states =
        module.states.iter().map(|state| json!({ "name": state.name, "type": state.ty.to_string() }));
    let functions = module.functions.iter().map(|function| {
        let graph = &function.graph;
        let nodes = graph.ids().filter(|&id| view.shows(graph, id)).map(|id| {
            let node = graph.node(id);
            let attributes = node.op.attributes().0;
            let attributes =
                attributes.into_iter().map(|(name, value)| (name, Value::from(value.to_string())));
            let mut value = json!({
                "id": id.0,
                "op": node.op.name(),
                "operands": graph.operands(id).iter().map(|operand| operand.0).collect::<Vec<_>>(),
                "attributes": attributes.collect::<serde_json::Map<_, _>>(),
                "type": node.ty.to_string(),
            });
            add_origin(&mut value, view.location(graph.origin(id).map(AsRef::as_ref)));
            value
        });
        let named = |nodes: &[(String, NodeId)]| -> Vec<Value> {
            let shown = nodes.iter().filter(|(_, node)| view.shows(graph, *node));
            shown.map(|(name, node)| json!({ "name": name, "node": node.0 })).collect()
        };
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

/// Kernels, and what is launched in which step, on which buffers. Where one layer is shown alone, kernels of others are null: launches name
/// kernels by their position.
pub fn kernels(function: &Function, lowered: &Lowered, view: &View<'_>) -> String {
    let plan = &lowered.plan;
    let locations = Locations::new(function, lowered);
    let is_shown = |group: usize| view.shows_group(&locations, group);
    let node = |(name, origin)| {
        let mut value = json!({ "node": name });
        add_origin(&mut value, view.location(origin));
        value
    };
    let launch = |(group, buffers): &(usize, Vec<BufferId>)| {
        let buffers = buffers.iter().map(|buffer| plan.buffers[buffer.0 as usize].name.as_str());
        let mut value =
            json!({ "kernel": lowered.kernel_of[*group], "buffers": buffers.collect::<Vec<_>>() });
        if view.locations {
            value["nodes"] = locations.of_group(*group).map(node).collect();
        }
        value
    };
    let steps = plan.steps.iter().map(|step| match step {
        PlanStep::CheckFinite(buffer) => json!({ "check_finite": plan.buffers[buffer.0 as usize].name }),
        PlanStep::Launches(_) | PlanStep::Loop { .. } => {
            let (count, phases) = step.phases();
            let phases = phases.iter().map(|launches| {
                launches.iter().filter(|(group, _)| is_shown(*group)).map(launch).collect::<Vec<_>>()
            });
            json!({ "times": count, "phases": phases.collect::<Vec<_>>() })
        }
    });
    let shown = locations.kernels(is_shown);
    let kernels = lowered.kernels.iter().enumerate();
    let kernels = kernels.map(|(index, kernel)| shown.contains(&index).then(|| kernel.to_string()));
    line(&json!({
        "function": lowered.name,
        "lanes": lowered.target.lanes.count(),
        "kernels": kernels.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
    }))
}

/// What is alive when.
pub fn memory(map: &MemoryMap) -> String {
    line(&serde_json::to_value(map).expect("maps have names as keys"))
}

fn add_origin(value: &mut Value, origin: Option<String>) {
    if let Some(origin) = origin {
        value["origin"] = origin.into();
    }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}
