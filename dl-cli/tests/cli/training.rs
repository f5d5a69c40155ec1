//! `dlc init`, `predict`, `grad`, `train` and `eval`.

use crate::folder::{Folder, NET, floats};
use dl_runtime::tensor::Data;

#[test]
fn initial_weights_depend_on_the_seed_alone() {
    let folder = Folder::new();
    for (seed, output) in [("1", "a"), ("1", "b"), ("2", "c")] {
        assert_eq!(folder.dlc(&["init", NET, "--seed", seed, "--output", output]).ok(), "");
    }
    let contents = |name: &str| std::fs::read(folder.path(name)).unwrap();
    assert_eq!(contents("a"), contents("b"));
    assert_ne!(contents("a"), contents("c"));
    let weights = folder.tensors("a");
    let shapes: Vec<(&str, &[usize])> =
        weights.iter().map(|(name, tensor)| (name.as_str(), tensor.shape())).collect();
    let expected: [(&str, &[usize]); 4] = [
        ("dense0.bias", &[6]),
        ("dense0.weight", &[4, 6]),
        ("dense1.bias", &[3]),
        ("dense1.weight", &[6, 3]),
    ];
    assert_eq!(shapes, expected);
}

#[test]
fn predictions_are_probabilities() {
    let folder = Folder::new();
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    folder.write_data("d", 5, true);
    // Targets are not needed, nor is the exact shape.
    folder.write_tensors("x", &[("x", &[3, 2, 2], Data::from(vec![0.5f32; 12]))]);
    for (input, examples) in [("d", 5), ("x", 3)] {
        let args = ["predict", NET, "--weights", "w", "--input", input, "--output", "y"];
        assert_eq!(folder.dlc(&args).ok(), "");
        let y = &folder.tensors("y")["y"];
        assert_eq!(y.shape(), [examples, 3]);
        for row in floats(y).chunks(3) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5, "{row:?}");
        }
    }
}

#[test]
fn gradients_come_with_the_loss() {
    let folder = Folder::new();
    // y = wx + b with w = 2, b = 0.5 at x = 1, 3; targets 2, 7: errors 0.5, -0.5.
    let net = "< dense(1, 1) >, loss = mse, optimizer = sgd(lr = 0.1)";
    folder.write_tensors(
        "w",
        &[
            ("dense0.weight", &[1, 1], Data::from(vec![2.0f32])),
            ("dense0.bias", &[1], Data::from(vec![0.5f32])),
        ],
    );
    folder.write_tensors(
        "b",
        &[("x", &[2, 1], Data::from(vec![1.0f32, 3.0])), ("y", &[2, 1], Data::from(vec![2.0f32, 7.0]))],
    );
    folder.dlc(&["grad", net, "--weights", "w", "--input", "b", "--output", "g"]).ok();
    let gradients = folder.tensors("g");
    let found: Vec<(&str, &[usize], &[f32])> =
        gradients.iter().map(|(name, tensor)| (name.as_str(), tensor.shape(), floats(tensor))).collect();
    let expected: [(&str, &[usize], &[f32]); 4] = [
        ("grad.dense0.bias", &[1], &[0.0]),
        ("grad.dense0.weight", &[1, 1], &[-1.0]),
        ("grad.x", &[2, 1], &[1.0, -1.0]),
        ("loss", &[1], &[0.25]),
    ];
    assert_eq!(found, expected);
}

#[test]
fn training_learns_and_evaluation_tells() {
    let folder = Folder::new();
    folder.write_data("d", 50, true);
    let net = &format!("{NET}, optimizer = adam(lr = 0.05)");
    let train = |args: &[&str]| {
        folder.dlc(&[&["train", net, "--data", "d", "--batch-size", "8", "--json"], args].concat()).json()
    };
    let trained = train(&["--epochs", "10", "--output", "w"]);
    assert_eq!((&trained["epochs"], &trained["steps"]), (&10.into(), &70.into()));
    assert!(trained["train_loss"].as_f64().unwrap() < 0.1, "{trained}");
    assert_eq!(trained["test_accuracy"], 1.0);

    let evaluated = folder.dlc(&["eval", net, "--weights", "w", "--data", "d", "--json"]).json();
    assert_eq!((&evaluated["part"], &evaluated["examples"]), (&"test".into(), &50.into()));
    assert_eq!((&evaluated["loss"], &evaluated["accuracy"]), (&trained["test_loss"], &1.0.into()));

    // It goes on from weights.
    let more = train(&["--epochs", "1", "--weights", "w"]);
    assert!(more["train_loss"].as_f64().unwrap() < 0.1, "{more}");
    let text = folder.dlc(&["train", net, "--data", "d", "--epochs", "1"]);
    assert_eq!(text.stderr, "");
    assert!(text.ok().contains("test accuracy"));
}

#[test]
fn training_depends_on_seed_and_order_only() {
    let folder = Folder::new();
    folder.write_data("d", 20, false);
    let weights = |output: &str, args: &[&str]| {
        let shared = ["train", NET, "--data", "d", "--epochs", "2", "--batch-size", "6", "--output", output];
        folder.dlc(&[&shared[..], args].concat()).ok();
        std::fs::read(folder.path(output)).unwrap()
    };
    let first = weights("a", &["--threads", "1", "--lanes", "4"]);
    assert_eq!(first, weights("b", &["--threads", "3"]));
    assert_ne!(first, weights("c", &["--seed", "1"]));
    assert_ne!(first, weights("d2", &["--no-shuffle"]));
}

#[test]
fn without_a_test_part_evaluation_says_so() {
    let folder = Folder::new();
    folder.write_data("d", 300, false);
    folder.dlc(&["init", NET, "--output", "w"]).ok();
    let ran = folder.dlc(&["eval", NET, "--weights", "w", "--data", "d", "--json"]);
    assert!(ran.stderr.contains("no test part"), "{}", ran.stderr);
    let all = ran.json();
    assert_eq!((&all["part"], &all["examples"]), (&"train".into(), &300.into()));
    // More examples than fit into a batch: the mean is over examples, not over batches.
    let loss = folder.dlc(&["grad", NET, "--weights", "w", "--input", "d", "--output", "g"]);
    loss.ok();
    let whole = f64::from(floats(&folder.tensors("g")["loss"])[0]);
    assert!((all["loss"].as_f64().unwrap() - whole).abs() < 1e-6 * whole, "{all}, {whole}");
    let trained = folder.dlc(&["train", NET, "--data", "d", "--epochs", "1", "--json"]).json();
    assert!(trained["test_loss"].is_null() && trained["test_accuracy"].is_null(), "{trained}");
}

#[test]
fn files_hold_networks_by_name() {
    let folder = Folder::new();
    folder.write("one.dl", "// a comment\nnetwork!{ < dense(4, 6, relu), dense(6, 3, softmax) > }");
    folder.write("two.dl", "network!(Small < dense(2, 1) >);\nnetwork!(Large < dense(20, 1) >);");
    let parameters = |net: &str| folder.dlc(&["summary", net, "--json"]).json()["parameters"].as_u64();
    assert_eq!(parameters("one.dl"), Some(51));
    assert_eq!(parameters("two.dl#Small"), Some(3));
    assert_eq!(parameters("two.dl#Large"), Some(21));
    let error = folder.dlc(&["summary", "two.dl"]).fails(1);
    assert!(error.contains("Small") && error.contains("Large"), "{error}");
    let error = folder.dlc(&["summary", "two.dl#Medium"]).fails(1);
    assert!(error.contains("Medium") && error.contains("Small"), "{error}");
    folder.write("odd#name.dl", NET);
    assert_eq!(parameters("odd#name.dl"), Some(51));
}
