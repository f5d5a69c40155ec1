//! Training steps of burn on the CPU. Usage: burn-peer CASE SECONDS; prints a line of JSON.
use burn::{
    module::Module,
    nn::{
        conv::{Conv2d, Conv2dConfig},
        loss::CrossEntropyLossConfig,
        pool::{MaxPool2d, MaxPool2dConfig},
        Linear, LinearConfig, Lstm, LstmConfig,
    },
    optim::{AdamConfig, GradientsParams, ModuleOptimizer, RmsPropConfig, SgdConfig},
    tensor::{activation::relu, Device, Distribution, Int, Tensor},
};
use std::hint::black_box;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

trait Net: Module {
    fn new(d: &Device) -> Self;
    /// `x` is `[batch, 784]`; networks that need another shape reshape it (a view).
    fn fwd(&self, x: Tensor<2>) -> Tensor<2>;
}

#[derive(Module, Debug)]
struct Softmax {
    d: Linear,
}
impl Net for Softmax {
    fn new(d: &Device) -> Self {
        Self { d: LinearConfig::new(784, 10).init(d) }
    }
    fn fwd(&self, x: Tensor<2>) -> Tensor<2> {
        self.d.forward(x)
    }
}

#[derive(Module, Debug)]
struct Mlp128 {
    a: Linear,
    b: Linear,
}
impl Net for Mlp128 {
    fn new(d: &Device) -> Self {
        Self { a: LinearConfig::new(784, 128).init(d), b: LinearConfig::new(128, 10).init(d) }
    }
    fn fwd(&self, x: Tensor<2>) -> Tensor<2> {
        self.b.forward(relu(self.a.forward(x)))
    }
}

#[derive(Module, Debug)]
struct Mlp512 {
    a: Linear,
    b: Linear,
    c: Linear,
}
impl Net for Mlp512 {
    fn new(d: &Device) -> Self {
        Self {
            a: LinearConfig::new(784, 512).init(d),
            b: LinearConfig::new(512, 512).init(d),
            c: LinearConfig::new(512, 10).init(d),
        }
    }
    fn fwd(&self, x: Tensor<2>) -> Tensor<2> {
        self.c.forward(relu(self.b.forward(relu(self.a.forward(x)))))
    }
}

#[derive(Module, Debug)]
struct Cnn {
    c1: Conv2d,
    c2: Conv2d,
    c3: Conv2d,
    p: MaxPool2d,
    d1: Linear,
    d2: Linear,
}
impl Net for Cnn {
    fn new(d: &Device) -> Self {
        let c = |i, o| Conv2dConfig::new([i, o], [3, 3]).init(d);
        Self {
            c1: c(1, 32),
            c2: c(32, 64),
            c3: c(64, 64),
            p: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            d1: LinearConfig::new(64, 64).init(d),
            d2: LinearConfig::new(64, 10).init(d),
        }
    }
    fn fwd(&self, x: Tensor<2>) -> Tensor<2> {
        let b = x.dims()[0];
        let x = x.reshape([b, 1, 28, 28]);
        let x = self.p.forward(relu(self.c1.forward(x)));
        let x = self.p.forward(relu(self.c2.forward(x)));
        let x = self.p.forward(relu(self.c3.forward(x)));
        self.d2.forward(relu(self.d1.forward(x.reshape([b, 64]))))
    }
}

#[derive(Module, Debug)]
struct LstmNet {
    l: Lstm,
    d: Linear,
}
impl Net for LstmNet {
    fn new(d: &Device) -> Self {
        Self { l: LstmConfig::new(28, 128, true).init(d), d: LinearConfig::new(128, 10).init(d) }
    }
    fn fwd(&self, x: Tensor<2>) -> Tensor<2> {
        let b = x.dims()[0];
        let (_, s) = self.l.forward(x.reshape([b, 28, 28]), None);
        self.d.forward(s.hidden)
    }
}

/// Measures a network and prints its line.
fn case<N: Net>(seconds: f64, b: usize, mut opt: ModuleOptimizer, lr: f64) {
    let plain = Device::flex();
    let dev = plain.clone().autodiff();
    let mut net = Some(N::new(&dev));
    let x = Tensor::<2>::random([b, 784], Distribution::Normal(0.0, 1.0), &dev);
    let y: Vec<i64> = (0..b as i64).map(|i| i * 7 % 10).collect();
    let y = Tensor::<1, Int>::from_ints(y.as_slice(), &dev);
    let ce = CrossEntropyLossConfig::new().init(&dev);
    let step_us = measure::step_us(seconds, || {
        let m = net.take().expect("it is put back after each step");
        let l = ce.forward(m.fwd(x.clone()), y.clone());
        let g = GradientsParams::from_grads(l.backward(), &m);
        net = Some(opt.step(lr, m, g));
        l.into_scalar::<f32>()
    });
    let m = net.expect("it is put back after each step").valid();
    let x1 = Tensor::<2>::random([1, 784], Distribution::Normal(0.0, 1.0), &plain);
    let predict = || black_box(m.fwd(x1.clone()).into_data().try_to_vec::<f32>().expect("it is f32"))[0];
    measure::report("0.22.1", step_us, measure::predict1_us(seconds, predict));
}

fn main() {
    let (name, seconds) = measure::case();
    let adam = || AdamConfig::new().with_epsilon(1e-8).init();
    let rmsprop = || RmsPropConfig::new().with_momentum(0.0).init();
    match name.as_str() {
        "softmax784-10_b100_sgd" => case::<Softmax>(seconds, 100, SgdConfig::new().init(), 0.1),
        "mlp784-128-10_b32_adam" => case::<Mlp128>(seconds, 32, adam(), 1e-3),
        "mlp784-128-10_b128_adam" => case::<Mlp128>(seconds, 128, adam(), 1e-3),
        "mlp784-512-512-10_b128_rmsprop" => case::<Mlp512>(seconds, 128, rmsprop(), 1e-3),
        "cnn_seed1_b32_adam" => case::<Cnn>(seconds, 32, adam(), 1e-3),
        "lstm28x28-128-10_b128_adam" => case::<LstmNet>(seconds, 128, adam(), 1e-3),
        _ => panic!("burn has no case `{name}`"),
    }
}
