//! The known name that was most likely meant.

use crate::closest::closest;

/// What other frameworks say, and what is said here.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("activation", "act"),
    ("average_pooling2d", "avg_pool2d"),
    ("averagepooling2d", "avg_pool2d"),
    ("avgpool2d", "avg_pool2d"),
    ("batch_normalization", "batch_norm"),
    ("batchnorm", "batch_norm"),
    ("batchnorm1d", "batch_norm"),
    ("batchnorm2d", "batch_norm"),
    ("batchnormalization", "batch_norm"),
    ("bce", "binary_cross_entropy"),
    ("bceloss", "binary_cross_entropy"),
    ("bcewithlogitsloss", "binary_cross_entropy"),
    ("binary_crossentropy", "binary_cross_entropy"),
    ("bn", "batch_norm"),
    ("categorical_crossentropy", "cross_entropy"),
    ("categoricalcrossentropy", "cross_entropy"),
    ("ce", "cross_entropy"),
    ("conv", "conv2d"),
    ("convolution", "conv2d"),
    ("convolution2d", "conv2d"),
    ("criterion", "loss"),
    ("crossentropyloss", "cross_entropy"),
    ("decay", "weight_decay"),
    ("embed", "embedding"),
    ("embedding_dim", "dim"),
    ("epsilon", "eps"),
    ("fc", "dense"),
    ("filters", "cout"),
    ("fully_connected", "dense"),
    ("global_average_pooling2d", "global_avg_pool2d"),
    ("globalaveragepooling2d", "global_avg_pool2d"),
    ("globalavgpool2d", "global_avg_pool2d"),
    ("glorot", "glorot_uniform"),
    ("he", "he_uniform"),
    ("hidden", "h"),
    ("hidden_size", "h"),
    ("in_channels", "cin"),
    ("in_features", "in"),
    ("initializer", "init"),
    ("input_dim", "vocab"),
    ("is_causal", "causal"),
    ("kaiming", "he_uniform"),
    ("kaiming_normal", "he_normal"),
    ("kaiming_uniform", "he_uniform"),
    ("kernel", "k"),
    ("kernel_initializer", "init"),
    ("kernel_size", "k"),
    ("l1", "mae"),
    ("l1loss", "mae"),
    ("l2", "mse"),
    ("layer_normalization", "layer_norm"),
    ("layernorm", "layer_norm"),
    ("layernormalization", "layer_norm"),
    ("learning_rate", "lr"),
    ("logistic", "sigmoid"),
    ("max_pooling2d", "max_pool2d"),
    ("maxpool", "max_pool2d"),
    ("maxpool2d", "max_pool2d"),
    ("maxpooling2d", "max_pool2d"),
    ("mean_absolute_error", "mae"),
    ("mean_squared_error", "mse"),
    ("mha", "attention"),
    ("mseloss", "mse"),
    ("multi_head_attention", "attention"),
    ("multihead_attention", "attention"),
    ("multiheadattention", "attention"),
    ("n_heads", "heads"),
    ("num_embeddings", "vocab"),
    ("num_heads", "heads"),
    ("optim", "optimizer"),
    ("out_channels", "cout"),
    ("out_features", "out"),
    ("output_dim", "dim"),
    ("pool_size", "k"),
    ("rate", "p"),
    ("return_sequence", "return_sequences"),
    ("self_attention", "attention"),
    ("skip", "residual"),
    ("smooth_l1", "huber"),
    ("sparse_categorical_crossentropy", "cross_entropy"),
    ("strides", "stride"),
    ("swish", "silu"),
    ("units", "h"),
    ("units", "out"),
    ("use_bias", "bias"),
    ("use_causal_mask", "causal"),
    ("vocab_size", "vocab"),
    ("xavier", "glorot_uniform"),
    ("xavier_normal", "glorot_normal"),
    ("xavier_uniform", "glorot_uniform"),
];

/// The name in `known` that `found` most likely stands for: another framework's, or one with a slip.
pub(crate) fn suggest(found: &str, known: &[&'static str]) -> Option<&'static str> {
    let found = found.to_lowercase();
    let elsewhere = OTHER_NAMES.iter().find(|(other, here)| *other == found && known.contains(here));
    elsewhere.map(|(_, here)| *here).or_else(|| closest(&found, known.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_names_from_elsewhere_are_understood() {
        let known = ["dense", "relu", "leaky_relu", "silu"];
        for (found, meant) in [
            ("Dense", "dense"),
            ("ReLU", "relu"),
            ("LeakyReLU", "leaky_relu"),
            ("swish", "silu"),
            ("fc", "dense"),
        ] {
            assert_eq!(suggest(found, &known), Some(meant), "{found}");
        }
        assert_eq!(suggest("transformer", &known), None);
        assert_eq!(suggest("fc", &["relu"]), None);
    }
}
