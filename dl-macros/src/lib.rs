//! The `network!` macro of `dl`. It is thin: parsing, checks and compilation are dl-ir's.
#![warn(missing_docs)]
#![forbid(unsafe_code)]

use dl_ir::network::{Network, NetworkItem};
use dl_ir::{build, passes};
use proc_macro2::{Ident, Literal, TokenStream, TokenTree};
use quote::quote;

/// A neural network, compiled as far as it goes without knowing the CPU: parsed, checked, differentiated and optimised.
///
/// Without a name it is an expression, a `dl::Builder`:
///
/// ```ignore
/// let mut net = network!(< dense(784, 128, relu), dense(128, 10, softmax) >).build()?;
/// ```
///
/// With a name it is an item, a type with the methods of `dl::Network`; it cannot stand where an expression belongs:
///
/// ```ignore
/// network!(pub Digits < dense(784, 128, relu), dense(128, 10, softmax) >);
/// let mut net = Digits::builder().seed(1).build()?;
/// ```
#[proc_macro]
pub fn network(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let tokens = TokenStream::from(tokens);
    let is_item = begins_as_item(&tokens);
    let expanded = match Network::from_tokens(tokens) {
        Ok(item) => expand(&item),
        Err(mistakes) if is_item => mistakes.to_compile_errors().collect(),
        Err(mistakes) => {
            // A block, since several macro calls in a row are no expression.
            let mistakes = mistakes.to_compile_errors();
            quote!({ #(#mistakes)* })
        }
    };
    expanded.into()
}

/// Whether something stands before the list of layers: a name, perhaps a misspelt one.
fn begins_as_item(tokens: &TokenStream) -> bool {
    match tokens.clone().into_iter().next() {
        Some(TokenTree::Punct(first)) => first.as_char() != '<',
        Some(_) => true,
        None => false,
    }
}

fn expand(item: &NetworkItem) -> TokenStream {
    let network = &item.network;
    let module = build::module(network, &network.target_types()[0]);
    let module = passes::optimize(module, |_, _| ()).expect("passes keep modules valid");
    let text = Literal::string(&network.to_string());
    let module = Literal::string(&module.to_string());
    let Some(name) = &item.name else {
        return quote! { ::dl::Builder::<::dl::Network>::embedded(#text, #module) };
    };
    let (attributes, visibility) = (&item.attributes, &item.visibility);
    let name = Ident::new(&name.text, name.span);
    quote! { ::dl::__network_item!(#attributes #visibility #name, #text, #module); }
}
