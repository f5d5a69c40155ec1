//! Networks with mistakes, as rustc shows them. The gallery of all mistakes is in `dl-ir/tests/errors`; these show that each lands under the
//! right token of the source.
//!
//! `TRYBUILD=overwrite cargo test -p dl-macros --test ui` rewrites what is expected; read the difference before you commit it.

#[test]
fn mistakes_are_shown_under_their_tokens() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
