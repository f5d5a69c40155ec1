//! `dlc dump` with where things come from.

use crate::folder::{Folder, NET};

const WIDE: &str = "< dense(40, 60, relu), dense(60, 30, tanh), dense(30, 10, softmax) >";

#[test]
fn a_graph_with_locations_is_text_that_parses() {
    let folder = Folder::new();
    let text = folder.dlc(&["dump", NET, "--locations"]).ok();
    let module = dl_ir::text::parse(&text).unwrap();
    assert_eq!(format!("{module:#}"), text);
    folder.write("step.dlir", &text);
    assert_eq!(folder.dlc(&["dump", "step.dlir", "--locations"]).ok(), text);
    let plain = folder.dlc(&["dump", "step.dlir"]).ok();
    assert_eq!(plain, folder.dlc(&["dump", NET]).ok());
    let watched =
        folder.dlc(&["dump", NET, "--function", "predict", "--print-after", "simplify", "--locations"]).ok();
    assert!(watched.contains("@ layer dense0 at 1:3"), "{watched}");
}

#[test]
fn every_stage_of_code_names_layers() {
    let folder = Folder::new();
    for stage in ["kernels", "clif", "asm"] {
        for lanes in ["4", "8"] {
            let dump = |more: &[&str]| {
                folder.dlc(&[&["dump", WIDE, "--stage", stage, "--lanes", lanes], more].concat()).ok()
            };
            let text = dump(&["--locations"]);
            for part in [
                "layer dense0 at 1:3",
                "layer dense1 at 1:24 vjp einsum",
                "layer dense2 at 1:45",
                "layer dense1, layer dense0",
            ] {
                let is_shown = stage != "kernels" || !part.contains(',');
                assert!(
                    !is_shown || text.contains(part),
                    "{part} is not in stage {stage} at {lanes} lanes:\n{text}"
                );
            }
            let plain = dump(&[]);
            assert!(!plain.contains("layer dense"), "{plain}");
            // Nothing but remarks is added.
            if stage == "kernels" {
                let without: Vec<&str> = text
                    .lines()
                    .filter(|line| !line.trim_start().starts_with("; %"))
                    .map(|line| line.split(" @ ").next().unwrap_or(line))
                    .collect();
                assert_eq!(without, plain.lines().collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn bytes_of_machine_code_have_ranges() {
    let folder = Folder::new();
    let text = folder.dlc(&["dump", WIDE, "--stage", "asm", "--lanes", "4", "--locations"]).ok();
    let range = |line: &str| -> Option<(usize, usize)> {
        let (start, end) = line.strip_prefix(';')?.split_once(" %")?.0.trim().split_once("..")?;
        Some((usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?))
    };
    let ranges: Vec<(usize, usize)> = text.lines().filter_map(range).collect();
    assert!(ranges.len() > 20 && ranges.iter().all(|(start, end)| start < end), "{ranges:?}");
}

#[test]
fn one_layer_is_shown_alone() {
    let folder = Folder::new();
    let dump = |args: &[&str]| {
        folder.dlc(&[&["dump", WIDE, "--function", "train_step", "--layer", "dense1"], args].concat())
    };
    let text = dump(&["--locations"]).ok();
    let nodes: Vec<&str> = text.lines().filter(|line| line.starts_with("  %")).collect();
    assert!(nodes.len() > 10 && nodes.iter().all(|node| node.contains("@ layer dense1 at 1:24")), "{text}");
    assert!(
        text.contains("vjp einsum")
            && text.contains("update dense1.weight")
            && !text.contains("update dense0"),
        "{text}"
    );
    let kernels = dump(&["--stage", "kernels"]).ok();
    let all = folder.dlc(&["dump", WIDE, "--stage", "kernels"]).ok();
    assert!(kernels.contains("dense1.weight") && !kernels.contains("dense0.weight,"), "{kernels}");
    assert!(kernels.len() < all.len());
    let memory = dump(&["--stage", "memory"]).ok();
    assert!(memory.contains("adam.m.dense1.weight") && !memory.contains("adam.m.dense0.weight"), "{memory}");
    for stage in ["clif", "asm"] {
        let heads = |text: &str| text.lines().filter(|line| line.starts_with("; k")).count();
        let (some, all) =
            (dump(&["--stage", stage]).ok(), folder.dlc(&["dump", WIDE, "--stage", stage]).ok());
        assert!(0 < heads(&some) && heads(&some) < heads(&all), "{stage}");
    }
    let error = folder.dlc(&["dump", WIDE, "--layer", "dense9"]).fails(2);
    assert!(error.contains("`dense9`") && error.contains("dense0, dense1, dense2"), "{error}");
}

#[test]
fn what_did_not_fuse_has_a_reason() {
    let folder = Folder::new();
    let why = |a: &str, b: &str| folder.dlc(&["dump", WIDE, "--why", a, b]);
    let text = why("dense0", "dense1").ok();
    for part in [
        "layer dense0 at 1:3",
        "goes through all of it in loops of its own",
        "one kernel: group product around",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    // As printed: the first product and what reads it.
    let graph = folder.dlc(&["dump", WIDE, "--function", "train_step"]).ok();
    let product =
        graph.lines().find(|line| line.contains("= einsum")).unwrap().trim().split(' ').next().unwrap();
    assert!(why(product, "%0").ok().contains("no kernel computes %0"), "{product}");
    assert!(why("%100000", "%0").fails(2).contains("there is no node %100000"));
    assert!(why("dense7", "%0").fails(2).contains("there is no layer `dense7`"));
}
