//! `dlc summary` and `dlc dump`.

use crate::folder::{Folder, NET};
use serde_json::{Value, json};

#[test]
fn a_summary_has_layers_arithmetic_and_memory() {
    let folder = Folder::new();
    let text = folder.dlc(&["summary", NET]).ok();
    for part in ["dense(4, 6, relu)", "dense1", "51", "cross_entropy", "adam(lr = 0.001)", "arena"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let json = folder.dlc(&["summary", NET, "--batch", "10", "--json"]).json();
    assert_eq!(json["parameters"], 4 * 6 + 6 + 6 * 3 + 3);
    assert_eq!(json["layers"][1]["name"], "dense1");
    assert_eq!(json["layers"][1]["output"], json!([3]));
    assert_eq!(
        json["layers"][0]["flops"],
        json!({ "predict": 2 * 10 * 4 * 6, "train_step": 2 * 2 * 10 * 4 * 6 })
    );
    assert_eq!(json["layers"][1]["activation_bytes"], 4 * 10 * 3);
    assert_eq!(json["flops"]["predict"], 2 * 10 * (4 * 6 + 6 * 3));
    assert_eq!(json["flops"]["train_step"], 2 * 10 * (2 * 4 * 6 + 3 * 6 * 3));
}

#[test]
fn the_arena_is_as_large_as_promised() {
    let folder = Folder::new();
    for batch in ["1", "40"] {
        let promised = folder.dlc(&["summary", NET, "--batch", batch, "--json"]).json();
        let measured = folder.dlc(&["bench", NET, "--batch", batch, "--seconds", "0", "--json"]).json();
        assert_eq!(promised["memory"]["arena_bytes"], measured["arena_bytes"], "batch {batch}");
        assert_eq!(promised["flops"]["train_step"], measured["flops"], "batch {batch}");
    }
}

#[test]
fn layers_inside_layers_count() {
    let folder = Folder::new();
    let json = folder
        .dlc(&["summary", "< dense(4, 4), residual(< dense(4, 4) >) >", "--batch", "1", "--json"])
        .json();
    let flops = |layer: usize| json["layers"][layer]["flops"]["predict"].as_u64().unwrap();
    assert_eq!((flops(0), flops(1)), (32, 32));
    assert_eq!(json["flops"]["predict"], flops(0) + flops(1));
}

#[test]
fn memory_is_shown_step_by_step() {
    let folder = Folder::new();
    let summary =
        |args: &[&str]| folder.dlc(&[&["summary", NET, "--memory", "--batch", "20"], args].concat());
    let json = summary(&["--json"]).json();
    let alive: Vec<u64> =
        json["alive_bytes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    let peak = json["peak"].as_u64().unwrap() as usize;
    assert_eq!(json["capacity"], 32, "in sixteens");
    assert_eq!(alive[peak], *alive.iter().max().unwrap());
    assert!(alive[peak] <= json["scratch_bytes"].as_u64().unwrap(), "{json}");
    // Buffers that are alive at once do not overlap, and all lie in what is reserved.
    let buffers = json["buffers"].as_array().unwrap();
    let number = |buffer: &Value, name: &str| buffer[name].as_u64().unwrap();
    for (index, one) in buffers.iter().enumerate() {
        let end = |buffer: &Value| number(buffer, "offset") + number(buffer, "bytes");
        assert!(end(one) <= number(&json, "scratch_bytes"));
        for other in &buffers[..index] {
            let apart_in_time =
                number(one, "last") < number(other, "first") || number(other, "last") < number(one, "first");
            let apart = end(one) <= number(other, "offset") || end(other) <= number(one, "offset");
            assert!(apart_in_time || apart, "{one} {other}");
        }
    }
    let text = summary(&["--svg", "map.svg"]).ok();
    assert!(text.contains("peak") && text.contains("dense0") && text.contains('█'), "{text}");
    let svg = std::fs::read_to_string(folder.path("map.svg")).unwrap();
    assert_eq!(svg, folder.dlc(&["dump", NET, "--stage", "memory", "--format", "svg", "--batch", "20"]).ok());
    assert_eq!(svg.matches("<rect").count(), buffers.len() + 1, "{svg}");
    assert!(folder.dlc(&["dump", NET, "--stage", "memory", "--format", "dot"]).fails(2).contains("memory"));
    assert_eq!(
        folder.dlc(&["dump", NET, "--stage", "memory", "--format", "json", "--batch", "20"]).json(),
        json
    );
}

#[test]
fn every_stage_shows_what_it_makes() {
    let folder = Folder::new();
    let cases = [
        ("layers", "dense0: dense(4, 6, relu) -> [6]"),
        ("forward", "function predict {"),
        ("training", "update dense0.weight"),
        ("optimized", "function evaluate {"),
        ("kernels", "product around"),
        ("memory", "adam.m.dense0.weight"),
        ("clif", "function u0:0"),
        ("asm", "ret"),
    ];
    for (stage, part) in cases {
        let text = folder.dlc(&["dump", NET, "--stage", stage]).ok();
        assert!(text.contains(part), "{part} is not in stage {stage}:\n{text}");
    }
}

#[test]
fn a_graph_is_text_that_parses() {
    let folder = Folder::new();
    let text = folder.dlc(&["dump", NET]).ok();
    assert_eq!(folder.dlc(&["dump", NET, "--stage", "optimized"]).ok(), text);
    let module = dl_ir::text::parse(&text).unwrap();
    assert_eq!(module.functions.len(), dl::Function::ALL.len());
    let one = folder.dlc(&["dump", NET, "--function", "gradients"]).ok();
    assert_eq!(dl_ir::text::parse(&one).unwrap().functions, [module.function("gradients").unwrap().clone()]);
}

#[test]
fn a_graph_is_json_and_dot_too() {
    let folder = Folder::new();
    let dump = |format: &str| folder.dlc(&["dump", NET, "--stage", "forward", "--format", format]);
    let text = dl_ir::text::parse(&dump("text").ok()).unwrap();
    let n_nodes = text.functions[0].graph.n_nodes();
    let json = dump("json").json();
    let nodes = json["functions"][0]["nodes"].as_array().unwrap();
    assert_eq!((nodes.len(), &nodes[0]["op"]), (n_nodes, &Value::from("input")));
    assert_eq!(nodes[0]["type"], "f32[B, 4]");
    let dot = dump("dot").ok();
    let labels = dot.lines().filter(|line| line.contains("[label=\"%")).count();
    assert!(dot.starts_with("digraph") && dot.ends_with("}\n") && labels == n_nodes, "{dot}");
    let layers = folder.dlc(&["dump", NET, "--stage", "layers", "--format", "json"]).json();
    assert_eq!(layers["layers"][0]["arguments"], "4, 6, relu");
    let layers = folder.dlc(&["dump", NET, "--stage", "layers", "--format", "dot"]).ok();
    assert!(layers.contains("\"dense0\" -> \"dense1\""), "{layers}");
}

#[test]
fn every_stage_before_machine_code_is_a_picture() {
    let folder = Folder::new();
    let block = "residual(< dense(4, 4, relu), dense(4, 4, relu) >)";
    folder.write("deep.dl", format!("< dense(4, 4), {block}, {block}, {block}, dense(4, 2, softmax) >"));
    let dump = |args: &[&str]| folder.dlc(&[&["dump", "deep.dl", "--format", "svg"], args].concat()).ok();
    let texts = |svg: &str| svg.lines().filter(|line| line.starts_with("<text")).count();
    let layers = dump(&["--stage", "layers"]);
    assert!(layers.starts_with("<svg xmlns=") && layers.ends_with("</svg>\n"), "{layers}");
    for part in ["residual0", "3 times", "2 times", "dense(4, 4, relu)", "[4]", "adam(lr = 0.001)"] {
        assert!(layers.contains(part), "{part} is not in\n{layers}");
    }
    assert!(!layers.contains("residual1"), "equal layers are drawn once");
    for function in dl::Function::ALL {
        let svg = dump(&["--function", function.name()]);
        assert!(texts(&svg) > 3 && !svg.contains("NaN"), "{svg}");
        assert!(dump(&["--stage", "kernels", "--function", function.name()]).contains(">step 0: k"));
    }
    let training = dump(&["--stage", "training"]);
    assert!(training.contains("dense0, backward") && training.contains("return loss"), "{training}");
    // Updates of all parameters are alike.
    let is_update = |line: &&str| line.contains("class=\"title\"") && line.ends_with("trained</text>");
    assert_eq!(training.lines().filter(is_update).count(), 2, "weights and biases: {training}");
    assert!(training.contains(">also dense1.weight, trained<"), "{training}");
}

#[test]
fn kernels_are_json_and_dot_too() {
    let folder = Folder::new();
    let dump = |format: &str| folder.dlc(&["dump", NET, "--stage", "kernels", "--format", format]);
    let json = dump("json").json();
    assert_eq!(json["function"], "train_step");
    assert!(json["steps"][0]["phases"][0][0]["kernel"].is_u64(), "{json}");
    let dot = dump("dot").ok();
    assert!(dot.starts_with("digraph") && dot.contains("step 0: k") && dot.contains(" -> "), "{dot}");
}

#[test]
fn passes_can_be_watched() {
    let folder = Folder::new();
    let all = folder.dlc(&["dump", NET, "--print-after", "all"]).ok();
    for pass in dl_ir::passes::PIPELINE {
        assert!(all.contains(&format!("; after {}\n", pass.name)), "{}", pass.name);
    }
    let one = folder.dlc(&["dump", NET, "--function", "predict", "--print-after", "simplify"]).ok();
    let module = dl_ir::text::parse(&one).unwrap();
    assert_eq!((module.functions.len(), one.matches("; after").count()), (1, 1));
}

#[test]
fn what_a_pass_changes_is_shown_and_nothing_else() {
    let folder = Folder::new();
    let diff = |pass: &str| {
        folder.dlc(&["dump", NET, "--stage", "optimized", "--function", "train_step", "--diff", pass]).ok()
    };
    let shown = diff("simplify");
    let changed = |sign: char| shown.lines().filter(|line| line.starts_with(sign)).count();
    assert!(shown.starts_with("; simplify changes train_step: from "), "{shown}");
    assert!(changed('-') > changed('+') && changed('+') > 0, "{shown}");
    // Numbers shift behind each change; that is none.
    let all = folder.dlc(&["dump", NET, "--function", "train_step", "--print-after", "simplify"]).ok();
    assert!(2 * changed('+') < all.lines().count(), "{shown}");
    assert!(!shown.contains('\u{1b}'), "no colours where nobody looks: {shown}");
    assert_eq!(diff("prune-scans"), "; prune-scans changes nothing\n");
}

#[test]
fn a_dump_goes_to_a_file() {
    let folder = Folder::new();
    assert_eq!(folder.dlc(&["dump", NET, "--output", "d"]).ok(), "");
    let written = std::fs::read_to_string(folder.path("d")).unwrap();
    assert_eq!(written, folder.dlc(&["dump", NET]).ok());
    assert_eq!(folder.names(), ["d"]);
}

#[test]
fn what_does_not_go_together_is_wrong_usage() {
    let folder = Folder::new();
    let usage = |args: &[&str]| folder.dlc(&[&["dump", NET], args].concat()).fails(2);
    assert!(usage(&["--stage", "asm", "--format", "dot"]).contains("--format"));
    assert!(usage(&["--stage", "clif", "--format", "svg"]).contains("--format"));
    assert!(usage(&["--stage", "layers", "--function", "predict"]).contains("--function"));
    assert!(usage(&["--stage", "kernels", "--print-after", "all"]).contains("--print-after"));
    assert!(usage(&["--diff", "simplify", "--format", "dot"]).contains("--diff"));
    assert!(usage(&["--diff", "all"]).contains("simplify"));
    assert!(usage(&["--print-after", "nothing"]).contains("simplify"));
    assert!(usage(&["--stage", "nothing"]).contains("optimized"));
}

#[test]
fn a_summary_says_when_memory_is_beyond_the_budget() {
    let folder = Folder::new();
    let net = format!("{NET}, budget(arena = 1_000)");
    let ran = folder.dlc(&["summary", &net]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("all (arena)"), "{}", ran.stdout);
    assert!(ran.stderr.contains("but its budget is 1000"), "{}", ran.stderr);
    let ran = folder.dlc(&["summary", &net, "--memory"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.contains("alive at the peak"), "{}", ran.stdout);
    assert!(ran.stderr.contains("`dlc summary --memory` shows all of it"), "{}", ran.stderr);
    assert!(folder.dlc(&["init", &net, "--output", "w"]).fails(1).contains("but its budget is 1000"));
    folder.dlc(&["summary", &format!("{NET}, budget(arena = 100_000)")]).ok();
}
