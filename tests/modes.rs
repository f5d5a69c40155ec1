//! What training does that prediction does not: dropped elements, statistics of the batch, running ones.

#[path = "common/widths.rs"]
mod widths;

use dl::{Error, Network};
use dl_runtime::random::Stream;
use dl_runtime::tensor::Data;
use ndarray::{Array1, Array2, array};
use widths::widths;

/// Elements of an example of [`dropping`], and examples.
const WIDTH: usize = 100;
const EXAMPLES: usize = 40;

/// A network of nothing but these layers.
fn dropping(layers: &str, seed: u64, lanes: usize) -> Network {
    let text = format!("< input({WIDTH}), {layers} >");
    Network::parse(&text).expect("a network").seed(seed).lanes(lanes).build().expect("it compiles")
}

fn batch() -> (Array2<f32>, Array2<f32>) {
    (Array2::ones((EXAMPLES, WIDTH)), Array2::zeros((EXAMPLES, WIDTH)))
}

/// Which elements of a batch of ones get through: where the gradient of their squares is not zero.
fn mask(net: &mut Network) -> Vec<bool> {
    let (x, y) = batch();
    let gradients = net.gradients(&x, &y).expect("finite");
    gradients.x().expect("of real numbers").iter().map(|&gradient| gradient != 0.0).collect()
}

fn share(mask: &[bool]) -> f64 {
    mask.iter().filter(|&&kept| kept).count() as f64 / mask.len() as f64
}

fn step_count(net: &Network) -> [i32; 2] {
    ["random.step_low", "random.step_high"].map(|name| {
        let states = net.states();
        let (_, state) = states.iter().find(|(known, _)| known == name).expect("a state of the network");
        match state.data() {
            Data::I32(words) => words[0],
            other => panic!("steps are i32, not {}", other.type_name()),
        }
    })
}

/// The first dropout of a network draws from stream 2³¹, the next from the one after.
#[test]
fn masks_are_those_of_the_generator_at_every_width() {
    let (x, y) = batch();
    for seed in [0, 7 << 32 | 5] {
        for lanes in widths() {
            let mut net = dropping("dropout(0.3)", seed, lanes);
            for step in 0..3 {
                let stream = Stream::new(seed, 1 << 31, step);
                let expected: Vec<bool> =
                    (0..EXAMPLES * WIDTH).map(|element| stream.uniform(element as u64) >= 0.3).collect();
                assert_eq!(mask(&mut net), expected, "seed {seed}, step {step}, {lanes} lanes");
                net.train_step(&x, &y).expect("finite");
            }
        }
    }
}

#[test]
fn masks_keep_their_share_and_do_not_depend_on_each_other() {
    let of = |layers, seed| mask(&mut dropping(layers, seed, 4));
    let both = |a: &[bool], b: &[bool]| share(&a.iter().zip(b).map(|(&a, &b)| a && b).collect::<Vec<_>>());
    // Four standard deviations are 0.03.
    let (one, two) = (of("dropout(0.4)", 1), of("dropout(0.4), dropout(0.4)", 1));
    assert!(
        (share(&one) - 0.6).abs() < 0.03 && (share(&two) - 0.36).abs() < 0.03,
        "{} {}",
        share(&one),
        share(&two)
    );
    assert!((both(&one, &of("dropout(0.4)", 2)) - 0.36).abs() < 0.03, "seeds");
    let mut net = dropping("dropout(0.4)", 1, 4);
    let (x, y) = batch();
    net.train_step(&x, &y).expect("finite");
    assert!((both(&one, &mask(&mut net)) - 0.36).abs() < 0.03, "steps");
    assert_eq!(share(&of("dropout(0)", 1)), 1.0);
}

#[test]
fn what_is_kept_is_scaled_and_predictions_are_whole() {
    let mut net = dropping("dropout(0.75)", 3, 4);
    let (x, y) = batch();
    assert_eq!(net.predict(&x).expect("finite"), x.view().into_dyn());
    let loss = net.gradients(&x, &y).expect("finite").loss();
    let expected = 16.0 * share(&mask(&mut net));
    assert!((f64::from(loss) - expected).abs() < 1e-5 * expected, "{loss} {expected}");
    assert_eq!(net.evaluate(&x, &y).expect("finite").loss, 1.0);
}

#[test]
fn only_a_step_that_succeeds_counts() {
    let mut net = dropping("dropout(0.5)", 3, 4);
    let (x, y) = batch();
    let before = mask(&mut net);
    net.predict(&x).expect("finite");
    net.evaluate(&x, &y).expect("finite");
    assert!(
        net.train_step(Array2::from_elem((1, WIDTH), f32::NAN), Array2::<f32>::zeros((1, WIDTH))).is_err()
    );
    assert_eq!((mask(&mut net), step_count(&net)), (before.clone(), [0, 0]));
    net.train_step(&x, &y).expect("finite");
    assert_eq!(step_count(&net), [1, 0]);
    assert_ne!(mask(&mut net), before);
}

/// One step on four examples of one channel: mean 2, biased variance 2.5, unbiased 10/3.
#[test]
fn batch_norm_moves_its_running_statistics_in_training_only() {
    let text = "< input(1), batch_norm(1) >, optimizer = sgd(lr = 0)";
    let mut net = Network::parse(text).expect("a network").build().expect("it compiles");
    let (x, y) = (array![[0.0f32], [1.0], [3.0], [4.0]], array![[0.0f32], [0.0], [0.0], [0.0]]);
    let buffers = |net: &Network| {
        ["batch_norm0.running_mean", "batch_norm0.running_var"]
            .map(|name| net.parameter(name).expect("a buffer of the network")[0])
    };
    net.gradients(&x, &y).expect("finite");
    net.evaluate(&x, &y).expect("finite");
    assert_eq!(buffers(&net), [0.0, 1.0]);
    net.train_step(&x, &y).expect("finite");
    let [mean, variance] = buffers(&net);
    assert!((mean - 0.2).abs() < 1e-6 && (variance - (0.9 + 1.0 / 3.0)).abs() < 1e-6, "{mean} {variance}");
    let output = net.predict(&x).expect("finite")[[2, 0]];
    let expected = (3.0 - mean) / (variance + 1e-5).sqrt();
    assert!((output - expected).abs() < 1e-6, "{output} {expected}");
}

#[test]
fn batch_norm_needs_more_than_one_value() {
    let net = |text| Network::parse(text).expect("a network").build().expect("it compiles");
    let mut flat = net("< dense(3, 2), residual(< norm: batch_norm(2) >) >");
    let (x, y) = (Array2::<f32>::ones((1, 3)), Array2::<f32>::zeros((1, 2)));
    for error in [flat.train_step(&x, &y).map(drop), flat.gradients(&x, &y).map(drop)] {
        match error {
            Err(Error::SmallBatch { layer, expected: 2, found: 1 }) => assert_eq!(layer, "norm"),
            other => panic!("a batch of one value: {other:?}"),
        }
    }
    flat.predict(&x).expect("running statistics serve");
    flat.evaluate(&x, &y).expect("running statistics serve");
    let mut steps = net("< input(5, 2), batch_norm(2), flatten, dense(10, 2, softmax) >");
    let x = ndarray::Array3::from_shape_fn((1, 5, 2), |(_, t, c)| (t * t + c) as f32);
    steps.train_step(&x, Array1::<u8>::zeros(1)).expect("five values for each channel");
}
