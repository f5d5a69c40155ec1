//! Faults put into a compiler, as the command shows them.

use std::path::Path;

use dl_codegen::plan::{Piece, pack};
use dl_codegen::schedule::schedule;
use dl_codegen::stages::{STAGES, Stages};
use dl_codegen::vector::Lanes;
use dl_ir::module::Function;
use dl_ir::passes::Pass;
use serde_json::Value;
use tempfile::TempDir;

use super::*;

const NET: &str = "< dense(4, 6, tanh), dense(6, 6, tanh), dense(6, 1) >";

/// What the command finds on a network, then on the case that it writes.
fn found(compiler: &Compiler<'_>) -> [Report; 2] {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("case.dlir");
    let subject = SubjectArg::of(NET);
    let args = |output: &Path| Args {
        subject: SubjectArg::of(NET),
        batch: 3,
        seed: 0,
        output: output.to_owned(),
        json: true,
    };
    let first = search(compiler, &subject.read().unwrap(), &args(&output)).unwrap();
    let case = SubjectArg::of(output.to_str().unwrap()).read().unwrap();
    let again = search(compiler, &case, &args(&folder.path().join("again.dlir"))).unwrap();
    [first, again]
}

fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

fn compiler(stages: Stages) -> Compiler<'static> {
    Compiler { stages, ..Compiler::new(vec![Lanes::L4]) }
}

#[test]
fn a_wrong_pass_is_shown_with_its_case() {
    let forgets = Pass {
        name: "simplify",
        description: "forgets updates",
        run: |function| Function { updates: Vec::new(), ..function },
    };
    let found = found(&Compiler { passes: &[forgets], ..compiler(STAGES) });
    for report in &found {
        let json = json(report);
        assert_eq!(
            (&json["ok"], &json["wrong"]["stage"], &json["wrong"]["pass"]),
            (&false.into(), &"pass".into(), &"simplify".into())
        );
        assert!(report.error().unwrap().to_string().contains("`simplify`"));
    }
    assert!(found[0].to_string().starts_with("simplify is wrong: in train_step, "), "{}", found[0]);
}

#[test]
fn a_wrong_kernel_is_shown_with_its_layer_and_its_case() {
    let one_row_less = |graph: &_, group: &_, target| {
        let mut scheduled = schedule(graph, group, target);
        scheduled.kernel.tasks.of.per_example = scheduled.kernel.tasks.of.per_example.saturating_sub(1);
        scheduled
    };
    for report in found(&compiler(Stages { schedule: one_row_less, ..STAGES })) {
        let json = json(&report);
        assert_eq!(
            (&json["wrong"]["stage"], &json["wrong"]["lanes"]),
            (&"the kernel".into(), &4.into()),
            "{json}"
        );
        let text = report.to_string();
        assert!(text.starts_with("the kernel is wrong: in train_step at 4 lanes, %"), "{text}");
        assert!(text.contains("of layer dense"), "{text}");
        assert_eq!(report.error().unwrap().to_string(), "the kernel is wrong");
    }
}

#[test]
fn a_buffer_that_is_reused_too_early_is_shown_with_its_case() {
    let frees_early = |pieces: &[Piece]| {
        let shorter = |piece: &Piece| Piece { to: piece.from, ..*piece };
        pack(&pieces.iter().map(shorter).collect::<Vec<_>>())
    };
    for report in found(&compiler(Stages { pack: frees_early, ..STAGES })) {
        let json = json(&report);
        assert_eq!(json["wrong"]["stage"], "the plan", "{json}");
        assert!(
            report.to_string().contains("in the same place") || report.to_string().contains("over"),
            "{report}"
        );
    }
}
