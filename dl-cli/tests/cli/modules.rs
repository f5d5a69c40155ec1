//! Modules as text, into `dlc dump` and `dlc opt`.

use crate::folder::{Folder, NET};
use dl_ir::passes::PIPELINE;

/// A folder with the module of a network before and after passes, and what they are.
fn with_modules() -> (Folder, String, String) {
    let folder = Folder::new();
    let built = folder.dlc(&["dump", NET, "--stage", "training"]).ok();
    let optimized = folder.dlc(&["dump", NET, "--function", "train_step"]).ok();
    folder.write("built.dlir", &built);
    folder.write("optimized.dlir", &optimized);
    (folder, built, optimized)
}

#[test]
fn what_is_printed_is_read_again() {
    let (folder, built, optimized) = with_modules();
    assert_eq!(folder.dlc(&["dump", "built.dlir"]).ok(), built);
    assert_eq!(folder.dlc(&["dump", "built.dlir", "--stage", "optimized"]).ok(), optimized);
    assert_ne!(built, optimized);
    for stage in ["kernels", "memory", "clif", "asm"] {
        let dump = |subject: &str| folder.dlc(&["dump", subject, "--stage", stage, "--lanes", "4"]).ok();
        assert_eq!(dump("optimized.dlir"), dump(NET), "{stage}");
    }
    for format in ["json", "dot"] {
        let dump = |args: &[&str]| folder.dlc(&[&["dump", "--format", format], args].concat()).ok();
        assert_eq!(dump(&["built.dlir"]), dump(&[NET, "--stage", "training"]), "{format}");
    }
}

#[test]
fn passes_run_in_the_order_given() {
    let (folder, built, optimized) = with_modules();
    let opt = |args: &[&str]| folder.dlc(&[&["opt", "built.dlir"], args].concat()).ok();
    assert_eq!(opt(&[]), optimized);
    let one_by_one: Vec<&str> = PIPELINE.iter().flat_map(|pass| ["--pass", pass.name]).collect();
    assert_eq!(opt(&one_by_one), optimized);
    let simplified = opt(&["--pass", "simplify"]);
    assert!(simplified != built && simplified != optimized, "{simplified}");
    // A network is as good as its module.
    let of_network = folder.dlc(&["opt", NET, "--function", "train_step", "--pass", "simplify"]).ok();
    assert_eq!(of_network, simplified);
    assert_eq!(opt(&["--output", "out.dlir"]), "");
    assert_eq!(std::fs::read_to_string(folder.path("out.dlir")).unwrap(), optimized);
}

#[test]
fn passes_are_described() {
    let list = Folder::new().dlc(&["opt", "--list"]).ok();
    let lines: Vec<&str> = list.lines().skip(1).collect();
    assert_eq!(lines.len(), PIPELINE.len());
    for (line, pass) in lines.iter().zip(PIPELINE) {
        assert!(line.starts_with(pass.name) && line.ends_with(pass.description), "{line}");
    }
}

#[test]
fn one_function_is_picked() {
    let (folder, ..) = with_modules();
    folder.write("all.dlir", folder.dlc(&["dump", NET]).ok());
    let text = folder.dlc(&["dump", "all.dlir", "--function", "vjp"]).ok();
    assert_eq!(text, folder.dlc(&["dump", NET, "--function", "vjp"]).ok());
    let kernels = folder.dlc(&["dump", "all.dlir", "--function", "evaluate", "--stage", "kernels"]).ok();
    assert!(kernels.starts_with("; evaluate for "), "{kernels}");
    let missing = folder.dlc(&["dump", "built.dlir", "--function", "vjp"]).fails(2);
    assert!(missing.contains("no function `vjp`; there are: train_step"), "{missing}");
    let missing = folder.dlc(&["dump", NET, "--function", "train"]).fails(2);
    assert!(missing.contains("predict, evaluate"), "{missing}");
}

#[test]
fn wrong_text_is_shown_with_its_place() {
    let folder = Folder::new();
    let fails = |text: &str| {
        folder.write("m.dlir", text);
        folder.dlc(&["dump", "m.dlir"]).fails(1)
    };
    let wrong = fails("dl 1\nfunction f {\n  %0 = ad : f32[]\n}\n");
    assert!(wrong.starts_with("error: m.dlir: line 3, column 8: unknown op `ad`"), "{wrong}");
    let wrong = fails("dl 1\nfunction f {\n  %0 = state {name=\"w\"} : f32[]\n  return y = %0\n}\n");
    assert!(wrong.contains("m.dlir") && !wrong.contains("bug in dl"), "{wrong}");
    assert!(folder.dlc(&["dump", "none.dlir"]).fails(1).contains("cannot read none.dlir"));
    assert!(folder.dlc(&["opt", "n.dlir"]).fails(1).contains("did you mean m.dlir?"));
    assert!(folder.dlc(&["opt"]).fails(2).contains("NET"));
}

#[test]
fn modules_are_no_networks() {
    let (folder, ..) = with_modules();
    let refused = folder.dlc(&["summary", "built.dlir"]).fails(1);
    assert!(refused.contains("built.dlir holds a module"), "{refused}");
    for stage in ["layers", "forward", "training"] {
        let refused = folder.dlc(&["dump", "built.dlir", "--stage", stage]).fails(2);
        assert!(refused.contains("are of networks, not of modules"), "{refused}");
    }
}
