//! `dlc check`, `verify` and `bench`.

use crate::folder::{Folder, NET};

#[test]
fn networks_pass_all_checks() {
    let folder = Folder::new();
    for net in [
        NET,
        "< dense(3, 5, tanh), dense(5, 1, sigmoid) >",
        "< dense(3, 2) >, loss = huber, optimizer = sgd(lr = 0.1)",
        "< dense(6, 18), batch_norm(18), relu, dropout(0.3), layer_norm(18), dense(18, 3, softmax) >",
    ] {
        let found = folder.dlc(&["check", net, "--batch", "3", "--json"]).json();
        assert_eq!(found["ok"], true, "{found}");
        let compiled = found["compiled"].as_array().unwrap();
        // Four functions at one width at least.
        assert!(compiled.len() >= 4 && compiled.len().is_multiple_of(4), "{found}");
        let stages = &found["stages"];
        assert_eq!(stages["passes"].as_array().unwrap().len(), dl_ir::passes::PIPELINE.len(), "{found}");
        for part in ["layer dense0", "loss"] {
            let mut kernels = stages["kernels"].as_array().unwrap().iter();
            assert!(
                kernels.any(|kernels| kernels["part"] == part && kernels["lanes"] == 4),
                "{part} of {found}"
            );
        }
        assert!(compiled.iter().any(|comparison| comparison["relative"].as_f64().unwrap() > 0.0), "{found}");
    }
    let found = folder.dlc(&["check", NET, "--json"]).json();
    let gradients = found["gradients"].as_array().unwrap().iter();
    let names: Vec<&str> = gradients.map(|comparison| comparison["gradient"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["grad.dense0.bias", "grad.dense0.weight", "grad.dense1.bias", "grad.dense1.weight", "grad.x"]
    );
    let text = folder.dlc(&["check", NET]).ok();
    assert!(text.ends_with("all within tolerance\n"), "{text}");
    assert!(text.contains("Passes against") && text.contains("Kernels by their interpreter"), "{text}");
}

#[test]
fn passes_and_stages_are_right_one_by_one() {
    let folder = Folder::new();
    for net in [NET, "< dense(6, 18), batch_norm(18), relu, dropout(0.3), dense(18, 3, softmax) >"] {
        let found = folder.dlc(&["bisect", net, "--json"]).json();
        assert_eq!((&found["ok"], &found["wrong"]), (&true.into(), &serde_json::Value::Null), "{found}");
        assert_eq!(found["passes"].as_array().unwrap().len(), dl_ir::passes::PIPELINE.len());
        assert_eq!(found["lanes"][0], 4);
    }
    folder.dlc(&["dump", NET, "--function", "train_step", "--output", "step.dlir"]).ok();
    let text = folder.dlc(&["bisect", "step.dlir"]).ok();
    assert!(text.contains("kernels, plans and machine code compute the same, at 4"), "{text}");
    assert!(!folder.path("bisect.dlir").exists());
}

#[test]
fn training_gives_the_same_bits() {
    let folder = Folder::new();
    let args = ["verify", NET, "--steps", "6", "--batch", "9", "--threads", "1,3", "--json"];
    let found = folder.dlc(&args).json();
    assert_eq!(found["same"], true);
    let runs = found["runs"].as_array().unwrap();
    let threads: Vec<u64> = runs[..2].iter().map(|run| run["threads"].as_u64().unwrap()).collect();
    assert_eq!((threads, &runs[0]["lanes"]), (vec![1, 3], &4.into()));
    // The hash is one of what was trained.
    let hash = |args: &[&str]| folder.dlc(args).json()["runs"][0]["hash"].as_str().unwrap().to_owned();
    assert_ne!(hash(&args), hash(&[&args[..], &["--seed", "1"]].concat()));
    assert_ne!(
        hash(&args),
        hash(&["verify", NET, "--steps", "7", "--batch", "9", "--threads", "1", "--json"])
    );
}

#[test]
fn measurements_have_the_names_of_the_contract() {
    let folder = Folder::new();
    let args = ["bench", NET, "--batch", "4", "--threads", "1", "--lanes", "4", "--seconds", "0", "--json"];
    let found = folder.dlc(&args).json();
    for key in ["step_us", "predict1_us", "predict_us", "compile_ms", "flops", "arena_bytes"] {
        assert!(found[key].as_f64().unwrap() > 0.0, "{key} of {found}");
    }
    let has_peak = found.get("peak_rss_mb").is_some_and(|peak| peak.as_f64().unwrap() > 1.0);
    assert_eq!(has_peak, std::path::Path::new("/proc/self/status").exists());
    assert_eq!((&found["batch"], &found["threads"], &found["lanes"]), (&4.into(), &1.into(), &4.into()));
    assert!(found.get("origins_percent").is_none(), "{found}");
    let found = folder.dlc(&[&args[..], &["--origins"]].concat()).json();
    assert!(found["origins_percent"].is_f64(), "{found}");
    assert!(folder.dlc(&["bench", NET, "--seconds", "0"]).ok().contains("train_step"));
}
