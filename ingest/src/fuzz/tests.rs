use super::{TARGETS, Target};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed, TestError, TestRunner},
};

/// Inputs of one target in an ordinary test; more with `PROPTEST_CASES` in the environment.
const CASES: u32 = 300;

/// Bytes as a fuzzer begins with, and words that the target knows.
fn inputs(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec());
    let part = prop_oneof![
        4 => word,
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[ -~]{0,8}".prop_map(String::into_bytes),
    ];
    (any::<u8>(), prop::collection::vec(part, 0..24))
        .prop_map(|(first, parts)| std::iter::once(first).chain(parts.concat()).collect())
}

/// What a target says of the smallest input on which something does not hold.
fn fault(Target { name, run, words }: &Target) -> Option<String> {
    let config = Config::default();
    // The same inputs each time: what a test says must not depend on luck. More of them are others each time.
    let rng_seed = if config.cases > CASES { config.rng_seed } else { RngSeed::Fixed(1) };
    let config = Config { cases: config.cases.max(CASES), failure_persistence: None, rng_seed, ..config };
    let result = TestRunner::new(config).run(&inputs(words), |bytes| {
        run(&bytes);
        Ok(())
    });
    match result {
        Ok(()) => None,
        Err(TestError::Fail(why, bytes)) => Some(format!("{name}: {why}, of \"{}\"", bytes.escape_ascii())),
        Err(error) => Some(format!("{name}: {error}")),
    }
}

#[test]
fn every_target_holds_for_a_moment() {
    let faults: Vec<String> = TARGETS.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_target_holds_for_nothing() {
    for target in TARGETS {
        (target.run)(b"");
        (target.run)(b"\0");
    }
}

#[test]
fn every_target_is_one_of_the_fuzzer_too() {
    for target in TARGETS {
        let file = format!("{}/../fuzz/fuzz_targets/{}.rs", env!("CARGO_MANIFEST_DIR"), target.name);
        assert!(std::path::Path::new(&file).exists(), "there is no {file}");
    }
}
