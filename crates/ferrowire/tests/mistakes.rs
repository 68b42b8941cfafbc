//! The compiler's errors for common mistakes of node authors. They depend on the Rust version;
//! after updating it, regenerate them with `TRYBUILD=overwrite cargo test -p ferrowire --test
//! mistakes` and review them.

#[test]
fn the_usual_mistakes_are_named_with_what_to_write() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
