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
