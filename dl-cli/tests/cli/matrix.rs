//! Every stage of every function in every format: each says which layer things come from and where that stands, or is refused with what
//! to do instead.

use dl::Function;

use crate::folder::{Folder, Ran};

/// Layers at 2:3 and 3:3.
const LINES: &str = "<\n  dense(4, 6, relu),\n  dense(6, 3, softmax)\n>";

const FORMATS: [&str; 4] = ["text", "dot", "json", "svg"];

const STAGES: [&str; 8] = ["layers", "forward", "training", "optimized", "kernels", "memory", "clif", "asm"];

/// What an error must have one of: an alternative.
const WAYS_OUT: [&str; 4] = ["leave --", "leave it out", "show it", "without --stage"];

/// Whether there is such a picture, graph or line of JSON.
fn has_format(stage: &str, format: &str) -> bool {
    match stage {
        "clif" | "asm" => format == "text",
        "memory" => format != "dot",
        _ => true,
    }
}

#[track_caller]
fn is_refused(what: &str, ran: Ran) {
    let error = ran.fails(2);
    assert!(WAYS_OUT.iter().any(|way| error.contains(way)), "{what} is refused with no way out: {error}");
}

/// Runs every combination on a subject of which `is_known` says which stages it has.
fn all_combinations(folder: &Folder, subject: &str, functions: &[Function], is_known: impl Fn(&str) -> bool) {
    for stage in STAGES {
        for format in FORMATS {
            for function in functions {
                let what = format!("{stage} {format} {}", function.name());
                let function: &[&str] =
                    if stage == "layers" { &[] } else { &["--function", function.name()] };
                let dump = |more: &[&str]| {
                    let shared = ["dump", subject, "--stage", stage, "--format", format, "--lanes", "4"];
                    folder.dlc(&[&shared, function, more].concat())
                };
                if !is_known(stage) || !has_format(stage, format) {
                    is_refused(&what, dump(&["--locations"]));
                    continue;
                }
                let located = dump(&["--locations"]).ok();
                // What is in between there are gradients, which are inputs.
                if stage == "memory" && format != "text" && function == ["--function", "apply_gradients"] {
                    assert!(located.contains("grad.dense1.weight") && located.contains("input"), "{located}");
                    continue;
                }
                for part in ["layer dense0 at 2:3", "layer dense1 at 3:3"] {
                    assert!(located.contains(part), "{what} says nothing of {part}:\n{located}");
                }
                if stage == "layers" {
                    is_refused(&what, dump(&["--layer", "dense1"]));
                    break;
                }
                let alone = dump(&["--locations", "--layer", "dense1"]).ok();
                assert!(
                    alone.contains("layer dense1 at 3:3") && alone.len() < located.len(),
                    "{what}:\n{alone}"
                );
                let is_graph = ["forward", "training", "optimized"].contains(&stage);
                assert!(!is_graph || !alone.contains("dense0 at"), "{what}:\n{alone}");
            }
        }
    }
}

#[test]
fn all_of_a_network_is_located_or_refused() {
    let folder = Folder::new();
    folder.write("net.dl", LINES);
    all_combinations(&folder, "net.dl", &Function::ALL, |_| true);
}

#[test]
fn all_of_a_module_is_located_or_refused() {
    let folder = Folder::new();
    folder.write("net.dl", LINES);
    folder.dlc(&["dump", "net.dl", "--locations", "--output", "net.dlir"]).ok();
    let functions = [Function::TrainStep, Function::Vjp];
    all_combinations(&folder, "net.dlir", &functions, |stage| {
        !["layers", "forward", "training"].contains(&stage)
    });
    // Text without origins cannot be located.
    folder.dlc(&["dump", "net.dl", "--output", "plain.dlir"]).ok();
    for option in [&["--locations"][..], &["--layer", "dense1"]] {
        let error = folder.dlc(&[&["dump", "plain.dlir"], option].concat()).fails(2);
        assert!(error.contains("printed with --locations"), "{error}");
    }
}

#[test]
fn what_is_seldom_asked_together_is_answered_or_refused() {
    let folder = Folder::new();
    folder.write("net.dl", LINES);
    folder.dlc(&["dump", "net.dl", "--stage", "training", "--locations", "--output", "net.dlir"]).ok();
    for subject in ["net.dl", "net.dlir"] {
        let dump = |args: &[&str]| {
            folder.dlc(&[&["dump", subject, "--function", "train_step", "--lanes", "4"], args].concat())
        };
        let why = dump(&["--why", "dense0", "dense1"]);
        if subject == "net.dlir" {
            // No pass has been there, and what a file holds is taken as it is.
            assert!(why.fails(1).contains("`dlc opt` runs the passes"));
            folder.dlc(&["opt", subject, "--locations", "--output", "done.dlir"]).ok();
            let done = folder.dlc(&["dump", "done.dlir", "--why", "dense0", "dense1"]).ok();
            assert!(done.contains("layer dense1 at 3:3") && done.contains("two kernels"), "{done}");
        } else {
            let why = why.ok();
            assert!(why.contains("layer dense1 at 3:3") && why.contains("two kernels"), "{why}");
        }
        let after = dump(&["--print-after", "simplify", "--locations", "--layer", "dense1"]).ok();
        assert!(after.contains("pass simplify") && !after.contains("dense0 at"), "{after}");
        let all = dump(&["--print-after", "all", "--locations"]).ok();
        assert!(all.contains("; after place-views") && all.contains("layer dense0 at 2:3"), "{all}");
        let diff = dump(&["--diff", "orient-contractions"]).ok();
        assert!(diff.contains("changes train_step") && diff.contains("+   %"), "{diff}");
        for format in ["dot", "json", "svg"] {
            for more in
                [&["--why", "dense0", "dense1"][..], &["--diff", "simplify"], &["--print-after", "all"]]
            {
                is_refused(&format!("{more:?} {format}"), dump(&[more, &["--format", format]].concat()));
            }
        }
        for stage in ["layers", "kernels"] {
            is_refused(stage, folder.dlc(&["dump", subject, "--stage", stage, "--diff", "simplify"]));
        }
    }
}

#[test]
fn graphs_that_are_printed_parse_again() {
    let folder = Folder::new();
    folder.write("net.dl", "< input(5, 4), lstm(4, 3, return_sequences = true), attention(3, 1), flatten, dense(15, 2, softmax) >");
    for stage in ["forward", "training", "optimized"] {
        for function in [Function::TrainStep, Function::Predict, Function::ApplyGradients] {
            let function = function.name();
            for locations in [&[][..], &["--locations"]] {
                let dump = |subject: &str, stage: &[&str]| {
                    folder.dlc(&[&["dump", subject, "--function", function], stage, locations].concat()).ok()
                };
                let printed = dump("net.dl", &["--stage", stage]);
                folder.write("again.dlir", &printed);
                assert_eq!(dump("again.dlir", &[]), printed, "{stage} {function} {locations:?}");
            }
        }
    }
}

#[test]
fn mistyped_names_get_a_suggestion() {
    let folder = Folder::new();
    folder.write("net.dl", "< input(2, 2), flatten, dense(4, 6, relu), dropout(0.5), dense(6, 3, softmax) >");
    let dump = |args: &[&str]| folder.dlc(&[&["dump", "net.dl"], args].concat()).fails(2);
    let cases: &[(&[&str], &str)] = &[
        (&["--layer", "dens1"], "did you mean `dense1`?"),
        (&["--why", "dense0", "dense_1"], "did you mean `dense1`?"),
        (&["--function", "trainstep"], "did you mean `train_step`?"),
        (&["--diff", "simplfy"], "'simplify'"),
        (&["--stage", "kernel"], "'kernels'"),
        (&["--format", "svgg"], "'svg'"),
        (&["--location"], "'--locations'"),
        // It is there, but has no nodes.
        (&["--function", "predict", "--layer", "dropout0"], "nothing here comes from layer `dropout0`"),
    ];
    for (args, part) in cases {
        let error = dump(args);
        assert!(error.contains(part), "{args:?}: {error}");
    }
}
