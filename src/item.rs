//! What `network!` makes of a named network.

/// Defines the type of a named network: a newtype of [`Network`](crate::Network) with the same methods. Written by `network!`, with the
/// network's text and its optimised module.
#[doc(hidden)]
#[macro_export]
macro_rules! __network_item {
    ($(#[$attribute:meta])* $visibility:vis $name:ident, $text:literal, $module:literal) => {
        $(#[$attribute])*
        #[derive(Debug)]
        $visibility struct $name($crate::Network);

        #[allow(dead_code)]
        impl $name {
            /// A builder of this network.
            $visibility fn builder() -> $crate::Builder<Self> {
                $crate::Builder::embedded($text, $module)
            }

            /// The network with default options.
            ///
            /// # Errors
            /// See [`Builder::build`]($crate::Builder::build).
            $visibility fn new() -> $crate::Result<Self> {
                Self::builder().build()
            }

            /// See [`Network::train_step`]($crate::Network::train_step).
            ///
            /// # Errors
            /// As there.
            $visibility fn train_step(&mut self, x: impl $crate::tensor::Examples, y: impl $crate::tensor::Targets) -> $crate::Result<f32> {
                self.0.train_step(x, y)
            }

            /// See [`Network::predict`]($crate::Network::predict).
            ///
            /// # Errors
            /// As there.
            $visibility fn predict(&mut self, x: impl $crate::tensor::Examples) -> $crate::Result<$crate::ndarray::ArrayViewD<'_, f32>> {
                self.0.predict(x)
            }

            /// See [`Network::forward`]($crate::Network::forward).
            ///
            /// # Errors
            /// As there.
            $visibility fn forward(&mut self, x: impl $crate::tensor::Examples) -> $crate::Result<$crate::ndarray::ArrayViewD<'_, f32>> {
                self.0.forward(x)
            }

            /// See [`Network::evaluate`]($crate::Network::evaluate).
            ///
            /// # Errors
            /// As there.
            $visibility fn evaluate(&mut self, x: impl $crate::tensor::Examples, y: impl $crate::tensor::Targets) -> $crate::Result<$crate::Evaluation> {
                self.0.evaluate(x, y)
            }

            /// See [`Network::gradients`]($crate::Network::gradients).
            ///
            /// # Errors
            /// As there.
            $visibility fn gradients(&mut self, x: impl $crate::tensor::Examples, y: impl $crate::tensor::Targets) -> $crate::Result<$crate::Gradients> {
                self.0.gradients(x, y)
            }

            /// See [`Network::vjp`]($crate::Network::vjp).
            ///
            /// # Errors
            /// As there.
            $visibility fn vjp(&mut self, x: impl $crate::tensor::Examples, dy: impl $crate::tensor::Targets) -> $crate::Result<$crate::Gradients> {
                self.0.vjp(x, dy)
            }

            /// See [`Network::apply_gradients`]($crate::Network::apply_gradients).
            ///
            /// # Errors
            /// As there.
            $visibility fn apply_gradients<'a, N, A, D>(&mut self, gradients: impl ::core::iter::IntoIterator<Item = (N, A)>) -> $crate::Result<()>
            where
                N: ::core::convert::AsRef<str>,
                A: ::core::convert::Into<$crate::ndarray::ArrayView<'a, f32, D>>,
                D: $crate::ndarray::Dimension,
            {
                self.0.apply_gradients(gradients)
            }

            /// See [`Network::set_learning_rate`]($crate::Network::set_learning_rate).
            ///
            /// # Errors
            /// As there.
            $visibility fn set_learning_rate(&mut self, learning_rate: f64) -> $crate::Result<()> {
                self.0.set_learning_rate(learning_rate)
            }

            /// See [`Network::parameter`]($crate::Network::parameter).
            ///
            /// # Errors
            /// As there.
            $visibility fn parameter(&self, name: &str) -> $crate::Result<$crate::ndarray::ArrayD<f32>> {
                self.0.parameter(name)
            }

            /// See [`Network::parameters`]($crate::Network::parameters).
            $visibility fn parameters(&self) -> ::std::vec::Vec<(::std::string::String, $crate::ndarray::ArrayD<f32>)> {
                self.0.parameters()
            }

            /// See [`Network::set_parameter`]($crate::Network::set_parameter).
            ///
            /// # Errors
            /// As there.
            $visibility fn set_parameter<'a, D: $crate::ndarray::Dimension>(&mut self, name: &str, value: impl ::core::convert::Into<$crate::ndarray::ArrayView<'a, f32, D>>) -> $crate::Result<()> {
                self.0.set_parameter(name, value)
            }

            /// See [`Network::save`]($crate::Network::save).
            ///
            /// # Errors
            /// As there.
            $visibility fn save(&self, path: impl ::core::convert::AsRef<::std::path::Path>) -> $crate::Result<()> {
                self.0.save(path)
            }

            /// See [`Network::load`]($crate::Network::load).
            ///
            /// # Errors
            /// As there.
            $visibility fn load(&mut self, path: impl ::core::convert::AsRef<::std::path::Path>) -> $crate::Result<()> {
                self.0.load(path)
            }

            /// See [`Network::save_checkpoint`]($crate::Network::save_checkpoint).
            ///
            /// # Errors
            /// As there.
            $visibility fn save_checkpoint(&self, path: impl ::core::convert::AsRef<::std::path::Path>) -> $crate::Result<()> {
                self.0.save_checkpoint(path)
            }

            /// See [`Network::resume`]($crate::Network::resume).
            ///
            /// # Errors
            /// As there.
            $visibility fn resume(&mut self, path: impl ::core::convert::AsRef<::std::path::Path>) -> $crate::Result<()> {
                self.0.resume(path)
            }
        }

        impl ::core::convert::From<$crate::Network> for $name {
            fn from(network: $crate::Network) -> Self {
                $name(network)
            }
        }

        impl ::core::ops::Deref for $name {
            type Target = $crate::Network;

            fn deref(&self) -> &$crate::Network {
                &self.0
            }
        }

        impl ::core::ops::DerefMut for $name {
            fn deref_mut(&mut self) -> &mut $crate::Network {
                &mut self.0
            }
        }
    };
}
