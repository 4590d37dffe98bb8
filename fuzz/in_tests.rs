//! How the rooms ask their fuzz targets in ordinary tests: part of the test code of each, by `#[path]`.

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestError, TestRunner},
};
use std::path::Path;

/// Words of a target, bytes and text in any order, at most `most` of them one behind another.
pub(crate) fn parts(
    words: &'static [&'static str],
    word_weight: u32,
    (bytes, text): (usize, &'static str),
    most: usize,
) -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let part = prop_oneof![
        word_weight => word,
        1 => prop::collection::vec(any::<u8>(), 0..bytes),
        1 => text.prop_map(String::into_bytes),
    ];
    prop::collection::vec(part, 0..most).prop_map(|parts| parts.concat())
}

/// What a target says of the smallest input on which something does not hold, of `cases` inputs; more with `PROPTEST_CASES` in
/// the environment.
pub(crate) fn fault(
    name: &str,
    run: fn(&[u8]),
    inputs: &impl Strategy<Value = Vec<u8>>,
    cases: u32,
) -> Option<String> {
    let config = Config::default();
    // The same inputs each time: what a test says must not depend on luck. More of them are others each time.
    let rng_seed = if config.cases > cases { config.rng_seed } else { RngSeed::Fixed(1) };
    let config = Config { cases: config.cases.max(cases), failure_persistence: None, rng_seed, ..config };
    let result = TestRunner::new(config).run(inputs, |bytes| {
        run(&bytes);
        Ok(())
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(why, bytes)) => Some(format!("{name}: {why}, of \"{}\"", bytes.escape_ascii())),
        Err(error) => Some(format!("{name}: {error}")),
    }
}

/// Fails unless the fuzzer has a target of that name too.
pub(crate) fn assert_is_fuzzed(name: &str) {
    let file = format!("{}/../fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
    assert!(Path::new(&file).exists(), "there is no {file}");
}
