//! What the compiler tells the authors of nodes about the usual mistakes. The messages are those
//! of the Rust version that the repository is built with; after a change of either, write them
//! anew with `TRYBUILD=overwrite cargo test -p ferrowire --test mistakes` and read them.

#[test]
fn the_usual_mistakes_are_named_with_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
