use super::{TARGETS, Target, in_tests};
use proptest::prelude::*;

/// Inputs of one target in an ordinary test.
const CASES: u32 = 300;

/// What a target says of the smallest input on which something does not hold. The first byte is the one by which many targets
/// choose what they do.
fn fault(Target { name, run, words }: &Target) -> Option<String> {
    let parts = in_tests::parts(words, 4, (6, "[ -~]{0,8}"), 24);
    let inputs =
        (any::<u8>(), parts).prop_map(|(first, parts)| std::iter::once(first).chain(parts).collect());
    in_tests::fault(name, *run, &inputs, CASES)
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
    TARGETS.iter().for_each(|target| in_tests::assert_is_fuzzed(target.name));
}
