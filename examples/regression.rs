//! How far does a car go on a gallon? Regression on a table of numbers: `cargo run --release --example regression`.

use std::error::Error;
use std::path::Path;

use dl::network;
use ndarray::{Array1, Array2, Axis};

network! {
    /// From what is known about a car to its miles per gallon.
    Consumption < dense(9, 32, relu), dense(32, 32, relu), dense(32, 1) >,
    loss = mse,
    optimizer = adamw(lr = 0.005, weight_decay = 0.1)
}

const STEPS: usize = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let (x, y) = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/auto_mpg/auto_mpg.csv"))?;
    // The cars are in the order of their years: every fifth is kept for the test.
    let (test, train): (Vec<usize>, Vec<usize>) = (0..y.len()).partition(|row| row % 5 == 0);
    let rows = |rows: &[usize]| (x.select(Axis(0), rows), y.select(Axis(0), rows));
    let ((x_train, y_train), (x_test, y_test)) = (rows(&train), rows(&test));

    // Columns get mean 0 and variance 1, by what is known in training.
    let mean = x_train.mean_axis(Axis(0)).ok_or("no rows")?;
    let deviation = x_train.std_axis(Axis(0), 0.0);
    let standard = |x: &Array2<f32>| (x - &mean) / &deviation;

    let mut net = Consumption::builder().seed(1).build()?;
    let (x_train, x_test) = (standard(&x_train), standard(&x_test));
    for _ in 0..STEPS {
        net.train_step(&x_train, &y_train)?;
    }

    let error = |predicted: &Array1<f32>| (predicted - &y_test).mapv(f32::abs).mean().unwrap_or(f32::NAN);
    let predicted = net.predict(&x_test)?.index_axis(Axis(1), 0).to_owned().into_dimensionality()?;
    let constant = Array1::from_elem(y_test.len(), y_train.mean().ok_or("no rows")?);
    println!(
        "mean absolute error on {} cars not seen in training: {:.2} miles per gallon; the mean of the others is off by {:.2}",
        y_test.len(),
        error(&predicted),
        error(&constant)
    );
    Ok(())
}

/// A table whose first column is the target, and whose last is a category from 1 to 3, which becomes three columns.
fn read(path: &Path) -> Result<(Array2<f32>, Array1<f32>), Box<dyn Error>> {
    let text = std::fs::read_to_string(path)?;
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let numbers = line.split(',').map(str::parse).collect::<Result<Vec<f32>, _>>()?;
        let [mpg, features @ .., origin] = &numbers[..] else { return Err("a row is too short".into()) };
        y.push(*mpg);
        x.extend_from_slice(features);
        x.extend([1.0, 2.0, 3.0].map(|category| f32::from(u8::from(category == *origin))));
    }
    Ok((Array2::from_shape_vec((y.len(), x.len() / y.len()), x)?, Array1::from_vec(y)))
}
