//! Training steps of candle on the CPU. Usage: candle-peer CASE SECONDS; prints a line of JSON.
use candle_core::{backprop::GradStore, DType, Device, Module, Result, Tensor, Var};
use candle_nn::{
    conv2d, func, linear, loss, lstm, seq, Activation, AdamW, Optimizer, ParamsAdamW, Sequential, VarBuilder,
    VarMap, RNN, SGD,
};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `x` is `[batch, 784]`; networks that need another shape reshape it (a view).
fn mlp(sizes: &[usize], vb: VarBuilder) -> Result<Sequential> {
    let mut network = seq();
    for (index, pair) in sizes.windows(2).enumerate() {
        if index > 0 {
            network = network.add(Activation::Relu);
        }
        network = network.add(linear(pair[0], pair[1], vb.pp(format!("dense{index}")))?);
    }
    Ok(network)
}

fn cnn(vb: VarBuilder) -> Result<Sequential> {
    let mut network = seq().add_fn(|x| x.reshape(((), 1, 28, 28)));
    for (index, [from, to]) in [[1, 32], [32, 64], [64, 64]].into_iter().enumerate() {
        let conv = conv2d(from, to, 3, Default::default(), vb.pp(format!("conv{index}")))?;
        network = network.add(conv).add(Activation::Relu).add_fn(max_pool);
    }
    Ok(network.add_fn(|x| x.flatten_from(1)).add(mlp(&[64, 64, 10], vb)?))
}

/// As reductions: the gradient of candle's own `max_pool2d` is a quarter of what it should be where one of four is the
/// largest, and is misplaced where a row or column is left over.
fn max_pool(x: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = x.dims4()?;
    let (h, w) = (h / 2, w / 2);
    x.narrow(2, 0, 2 * h)?.narrow(3, 0, 2 * w)?.reshape((b, c, h, 2, w, 2))?.max(5)?.max(3)
}

fn lstm_network(vb: VarBuilder) -> Result<Sequential> {
    let lstm = lstm(28, 128, Default::default(), vb.pp("lstm"))?;
    let last = func(move |x| {
        let states = lstm.seq(&x.reshape(((), 28, 28))?)?;
        Ok(states[27].h().clone())
    });
    Ok(seq().add(last).add(linear(128, 10, vb.pp("dense"))?))
}

/// RMSprop without momentum, which candle lacks.
struct RmsProp {
    /// Parameters, and means of the squares of their gradients.
    vars: Vec<(Var, Var)>,
    lr: f64,
}

impl Optimizer for RmsProp {
    type Config = f64;

    fn new(vars: Vec<Var>, lr: f64) -> Result<Self> {
        let with_square = |var: Var| Ok((var.clone(), Var::from_tensor(&var.zeros_like()?)?));
        Ok(RmsProp { vars: vars.into_iter().map(with_square).collect::<Result<_>>()?, lr })
    }

    fn step(&mut self, grads: &GradStore) -> Result<()> {
        for (var, square) in &self.vars {
            let Some(g) = grads.get(var) else { continue };
            square.set(&((square.as_tensor() * 0.99)? + (g.sqr()? * 0.01)?)?)?;
            var.set(&(var.as_tensor() - ((g / (square.sqrt()? + 1e-8)?)? * self.lr)?)?)?;
        }
        Ok(())
    }

    fn learning_rate(&self) -> f64 {
        self.lr
    }

    fn set_learning_rate(&mut self, lr: f64) {
        self.lr = lr;
    }
}

/// Measures a network and prints its line.
fn case<O: Optimizer>(
    seconds: f64,
    b: usize,
    network: impl Fn(VarBuilder) -> Result<Sequential>,
    config: O::Config,
) -> Result<()> {
    let (vars, device) = (VarMap::new(), Device::Cpu);
    let trained = network(VarBuilder::from_varmap(&vars, DType::F32, &device))?;
    let mut optimizer = O::new(vars.all_vars(), config)?;
    let x = Tensor::randn(0f32, 1.0, (b, 784), &device)?;
    let y: Vec<u32> = (0..b as u32).map(|i| i * 7 % 10).collect();
    let y = Tensor::new(y, &device)?;
    let mut step = || {
        let loss = loss::cross_entropy(&trained.forward(&x)?, &y)?;
        optimizer.backward_step(&loss)?;
        loss.to_scalar::<f32>()
    };
    let step_us = measure::step_us(seconds, || step().expect("candle knows each op and its gradient"));
    // The same weights, as tensors that no gradient is asked of.
    let weights = vars.data().lock().expect("no thread has panicked");
    let weights = weights.iter().map(|(name, var)| (name.clone(), var.as_detached_tensor())).collect();
    let network = network(VarBuilder::from_tensors(weights, DType::F32, &device))?;
    let x1 = Tensor::randn(0f32, 1.0, (1, 784), &device)?;
    let predict = || Ok::<_, candle_core::Error>(network.forward(&x1)?.to_vec2::<f32>()?[0][0]);
    let predict1_us = measure::predict1_us(seconds, || predict().expect("candle knows each op"));
    measure::report("0.11.1", step_us, predict1_us);
    Ok(())
}

fn main() -> Result<()> {
    let (name, seconds) = measure::case();
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        // Most operations run on one thread, and with the cores at hand, sharing the others costs more than it gives.
        std::env::set_var("RAYON_NUM_THREADS", "1");
    }
    let adam = ParamsAdamW { weight_decay: 0.0, ..Default::default() };
    match name.as_str() {
        "softmax784-10_b100_sgd" => case::<SGD>(seconds, 100, |vb| mlp(&[784, 10], vb), 0.1),
        "mlp784-128-10_b32_adam" => case::<AdamW>(seconds, 32, |vb| mlp(&[784, 128, 10], vb), adam),
        "mlp784-128-10_b128_adam" => case::<AdamW>(seconds, 128, |vb| mlp(&[784, 128, 10], vb), adam),
        "mlp784-512-512-10_b128_rmsprop" => {
            case::<RmsProp>(seconds, 128, |vb| mlp(&[784, 512, 512, 10], vb), 1e-3)
        }
        "cnn_seed1_b32_adam" => case::<AdamW>(seconds, 32, cnn, adam),
        "lstm28x28-128-10_b128_adam" => case::<AdamW>(seconds, 128, lstm_network, adam),
        _ => panic!("candle has no case `{name}`"),
    }
}
