//! The functions of a network.

use std::fmt;

use dl_ir::build;

/// A function of a network: each is compiled when it is first needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Function {
    /// A step of training.
    TrainStep,
    /// The outputs in inference mode.
    Predict,
    /// The loss and the number of right predictions in inference mode.
    Evaluate,
    /// The loss and its gradients in training mode.
    Gradients,
    /// The outputs in training mode.
    Forward,
    /// Gradients for a given cotangent of the outputs.
    Vjp,
    /// The optimizer's update from given gradients.
    ApplyGradients,
}

impl Function {
    /// All of them, in the order of the module.
    pub const ALL: [Function; 7] = [
        Function::TrainStep,
        Function::Predict,
        Function::Evaluate,
        Function::Gradients,
        Function::Forward,
        Function::Vjp,
        Function::ApplyGradients,
    ];

    /// Its name in the module: `train_step`.
    pub fn name(self) -> &'static str {
        build::FUNCTIONS[self as usize]
    }

    /// Whether examples, targets and cotangents must be finite: where gradients or statistics come of them.
    pub(crate) fn is_training(self) -> bool {
        !matches!(self, Function::Predict | Function::Evaluate)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_those_of_the_module() {
        let names = ["train_step", "predict", "evaluate", "gradients", "forward", "vjp", "apply_gradients"];
        assert_eq!(Function::ALL.map(Function::name), names);
        assert_eq!(names, build::FUNCTIONS);
    }
}
