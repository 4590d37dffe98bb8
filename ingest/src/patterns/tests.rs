use super::{
    Pattern, PatternId, PatternSettings, Patterns, WILDCARD,
    clusterer::{Changes, Clusterer},
    skeleton,
    skeleton::{Skeleton, TEXT_MAX_BYTES, TOKENS_MAX},
};
use event::Timestamp;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn assign(patterns: &Patterns, message: &str) -> PatternId {
    patterns.assign("shop", message, NOW).unwrap()
}

/// Templates by id.
fn templates(patterns: &Patterns) -> BTreeMap<PatternId, String> {
    patterns.all_patterns().into_iter().map(|pattern| (pattern.id, pattern.template)).collect()
}

fn texts(patterns: &Patterns) -> Vec<String> {
    let mut texts: Vec<_> = templates(patterns).into_values().collect();
    texts.sort();
    texts
}

#[test]
fn values_become_wildcards() {
    let check = |message: &str, expected: &str| assert_eq!(skeleton(message), expected);
    check(
        "Payment 4711 refused by Bank: timeout after 3000 ms",
        "Payment <*> refused by Bank: timeout after <*> ms",
    );
    check("GET /cart?id=7&x=y failed (status=502)", "GET <*> failed (status=<*>)");
    check("user=ann@shop.example ip=10.0.0.1", "user=<*> ip=<*>");
    check("worker-12 took blk_-1608 from blk_7", "worker-<*> took blk_<*> from blk_<*>");
    check("sent 1.5 KB, received 12 MB", "sent <*>, received <*>");
    check("retries: 1, 2, 3 4", "retries: <*>");
    check("an1 an22 an333 failed", "an<*> failed");
    check("logged in at Sun Nov 22 08:48:23 2026", "logged in at <*>");
    check("from 10.0.0.1 () user= state=[]", "from <*> (<*>) user=<*> state=[<*>]");
    check("say \"hello\" to 'ann'", "say \"hello\" to 'ann'");
    check("\t two   spaces \r\nat Foo.bar(Foo.java:3)", "two spaces");
    check("<*> stays <*>", "<*> stays <*>");
    check("12345", "<*>");
    check("é 5 ü", "é <*> ü");
    check("", "");
    check("  \n", "");
}

#[test]
fn long_messages_end_in_a_wildcard() {
    let words = skeleton(&"word ".repeat(200));
    assert_eq!(words.matches("word").count(), TOKENS_MAX - 1);
    assert!(words.ends_with("word <*>"), "{words}");
    let long = skeleton(&format!("begin {} end", "x".repeat(5_000)));
    assert_eq!(long, "begin <*>");
    let wide = skeleton(&"ü ".repeat(4_000));
    assert!(wide.len() <= TEXT_MAX_BYTES && wide.ends_with(WILDCARD), "{wide}");
}

#[test]
fn few_kinds_of_messages_are_few_patterns() {
    let patterns = Patterns::new(PatternSettings::default());
    for n in 0..500 {
        assign(&patterns, &format!("Payment {n} refused by bank-{}: timeout after {} ms", n % 7, n * 3));
        assign(&patterns, &format!("Order {n:08x} paid"));
        assign(&patterns, ["VM started", "VM stopped"][n % 2]);
    }
    let expected = [
        "Order <*> paid",
        "Payment <*> refused by bank-<*>: timeout after <*> ms",
        "VM started",
        "VM stopped",
    ];
    assert_eq!(texts(&patterns), expected);
}

#[test]
fn words_in_which_several_messages_differ_become_values() {
    let patterns = Patterns::new(PatternSettings::default());
    let names = ["ann", "ben", "cleo", "dan", "eve", "fay"];
    let ids: Vec<_> =
        names.iter().map(|name| assign(&patterns, &format!("login of {name} refused"))).collect();
    // The first four may still be different things.
    assert_eq!(ids[..4].iter().collect::<HashSet<_>>().len(), 4);
    assert_eq!([ids[4], ids[5]], [ids[0]; 2], "the oldest stays");
    assert_eq!(texts(&patterns), ["login of <*> refused"]);
    let aliases: BTreeSet<_> = patterns.all_patterns()[0].aliases.iter().copied().collect();
    assert_eq!(aliases, ids[1..4].iter().copied().collect());
    assert_eq!(assign(&patterns, "login of ben refused"), ids[0]);

    // In long messages one word is enough.
    let long = |name: &str| format!("the bank took back the payment of {name} without any reason");
    assert_eq!(assign(&patterns, &long("ann")), assign(&patterns, &long("ben")));
    assert_eq!(texts(&patterns)[1], long("<*>"));
}

#[test]
fn ids_depend_on_dataset_and_skeleton_alone() {
    let check = |dataset: &str, message: &str, expected: &str| {
        let id = Patterns::new(PatternSettings::default()).assign(dataset, message, NOW).unwrap();
        assert_eq!(id.to_string(), expected);
        assert_eq!(expected.parse::<PatternId>().unwrap(), id);
    };
    // Fixed for ever: they stand in stored events.
    check("shop", "Order 1 paid", "599654e45ed55596");
    check("shop", "Order 2 paid", "599654e45ed55596");
    check("", "Order 1 paid", "d63442a3d52fc8b0");
    for text in ["", "12", "g123456789abcdef", "0123456789ABCDEF", "0123456789abcdef0"] {
        assert!(text.parse::<PatternId>().is_err(), "{text}");
    }
}

#[test]
fn excluded_datasets_and_empty_messages_have_no_pattern() {
    let settings = PatternSettings { excluded_datasets: vec!["noise".into()], ..PatternSettings::default() };
    let patterns = Patterns::new(settings);
    assert_eq!(patterns.assign("noise", "Order 1 paid", NOW), None);
    assert_eq!(patterns.assign("shop", " - ...", NOW), None);
    assert!(patterns.all_patterns().is_empty());
}

#[test]
fn the_longest_unused_makes_room_and_comes_back_under_its_id() {
    let settings = PatternSettings { per_dataset_max: 3, datasets_max: 2, ..PatternSettings::default() };
    let patterns = Patterns::new(settings);
    let first = assign(&patterns, "one");
    for message in ["two words", "now three words", "one", "and now four words"] {
        assign(&patterns, message);
    }
    assert_eq!(texts(&patterns), ["and now four words", "now three words", "one"]);
    patterns.take_all_changes();
    assign(&patterns, "two words");
    let changes = patterns.take_changes(9);
    assert_eq!((changes.changed.len(), changes.gone.len()), (1, 1));
    for n in 0..300 {
        patterns.assign(&format!("small-{n}"), "one", NOW);
    }
    assert_eq!(patterns.all_patterns().len(), 4, "a flood of small datasets leaves the large one alone");
    let mut id = None;
    for _ in 0..200 {
        id = patterns.assign("small-1", "one", NOW);
    }
    assert_eq!(patterns.all_patterns().len(), 4, "the largest of them has the place of the smallest");
    patterns.take_changes(9);
    for _ in 0..200 {
        assert_eq!(patterns.assign("small-1", "one", NOW), id);
        patterns.assign("small-2", "one", NOW);
    }
    assert_eq!(patterns.all_patterns().len(), 2, "one in each of two datasets");
    assert_eq!(patterns.take_changes(9).gone.len(), 3, "those of the first dataset");
    assert_eq!(assign(&patterns, "one"), first);
}

/// Each would push the other out with every message, and with it what had been learned of its messages.
#[test]
fn datasets_that_are_as_large_do_not_push_each_other_out() {
    let patterns = Patterns::new(PatternSettings { datasets_max: 2, ..PatternSettings::default() });
    let mut writes = 0;
    for n in 0..20_000 {
        patterns.assign(["a", "b", "c", "d"][n % 4], &format!("Order {n} paid"), NOW);
        let changes = patterns.take_changes(9);
        writes += usize::from(!(changes.changed.is_empty() && changes.gone.is_empty()));
    }
    assert_eq!(writes, 2, "one for each that has a place");
    // One that sends alone has a place in the end, however much others had sent before.
    let found = |patterns: &Patterns| patterns.all_patterns().iter().any(|pattern| &*pattern.dataset == "c");
    assert!(!found(&patterns));
    let mut needed = 0;
    while !found(&patterns) {
        patterns.assign("c", "Order 1 paid", NOW);
        needed += 1;
        assert!(needed < 50_000);
    }
}

#[test]
fn of_more_datasets_than_allowed_the_largest_come_back() {
    let patterns = Patterns::new(PatternSettings::default());
    for (dataset, message) in [("a", "one"), ("b", "one"), ("b", "now two"), ("c", "one"), ("noise", "one")] {
        patterns.assign(dataset, message, NOW);
    }
    let settings =
        PatternSettings { datasets_max: 2, excluded_datasets: vec!["noise".into()], ..Default::default() };
    let again = Patterns::restored(settings, patterns.take_changes(9).changed);
    let datasets: BTreeSet<_> =
        again.all_patterns().iter().map(|pattern| pattern.dataset.to_string()).collect();
    assert_eq!(datasets, ["a", "b"].map(str::to_owned).into());
    assert_eq!(again.take_changes(9).gone.len(), 2, "the others are kept no longer");
}

#[test]
fn only_what_changed_is_kept() {
    let patterns = Patterns::new(PatternSettings::default());
    let at = |secs: i64| Timestamp::from_second(secs).unwrap();
    let changed = |all: bool| {
        let changes = if all { patterns.take_all_changes() } else { patterns.take_changes(1) };
        changes.changed.len()
    };
    patterns.assign("shop", "Order 1 paid", at(1_000));
    assert_eq!((changed(false), changed(false), changed(true)), (1, 0, 0));
    patterns.assign("shop", "Order 2 paid", at(1_059));
    assert_eq!((changed(false), changed(true)), (0, 0), "a minute is not over");
    patterns.assign("shop", "Order 3 paid", at(1_060));
    assert_eq!((changed(false), changed(true)), (0, 1));
    patterns.assign("shop", "Order 4 paid", at(999));
    let kept = patterns.take_all_changes().changed;
    assert_eq!((kept[0].first_seen, kept[0].last_seen), (at(999), at(1_060)));
    patterns.give_back(Changes { changed: kept, gone: Vec::new() });
    assert_eq!((changed(false), changed(false)), (1, 0), "what could not be kept is given again");
}

#[test]
fn what_was_kept_is_removed_although_it_came_again_in_between() {
    let patterns = Patterns::new(PatternSettings { per_dataset_max: 1, ..PatternSettings::default() });
    let one = assign(&patterns, "one");
    assert_eq!(patterns.take_changes(9).changed.len(), 1);
    assign(&patterns, "two words");
    assign(&patterns, "one");
    let changes = patterns.take_changes(0);
    assert!(changes.changed.is_empty() && changes.gone.is_empty(), "it is there, and kept as it was");
    assign(&patterns, "two words");
    assert_eq!(patterns.take_changes(9).gone, [one]);
}

#[test]
fn wildcards_in_messages_are_values() {
    let patterns = Patterns::new(PatternSettings::default());
    let id = assign(&patterns, "refused<*>");
    assert_eq!(assign(&patterns, "refused1.5 KB"), id);
    assert!(patterns.all_patterns()[0].matches("refused1.5 KB"));
}

#[test]
fn damaged_patterns_are_left_out() {
    let patterns = Patterns::new(PatternSettings::default());
    assign(&patterns, "Order 1 paid");
    let sound = patterns.all_patterns().remove(0);
    let check = |words: &[u16], skeleton: &str, expected: usize| {
        let damaged = Pattern { words: words.to_vec(), skeleton: skeleton.into(), ..sound.clone() };
        let restored = Patterns::restored(PatternSettings::default(), vec![damaged]);
        assert_eq!(restored.all_patterns().len(), expected, "{words:?} {skeleton:?}");
    };
    check(&sound.words, &sound.skeleton, 1);
    check(&[], "Order", 0);
    check(&[0], "Order", 0);
    check(&[0, 6], "Order", 0);
    check(&[3, 2], "Order", 0);
    check(&[0, 3, 2, 4], "Order", 0);
    check(&[1, 2], "üü", 0);
    check(&[0, 1].repeat(65), "Order", 0);
}

/// Messages that look like some, in few shapes, so that patterns meet.
fn message() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => "[a-d]",
        1 => "[a-c]{1,2}=[a-c0-9]{0,2}",
        1 => "[0-9]{1,3}",
        1 => "[(\"a-b:,.0-9/@<>*ü-]{1,5}",
    ];
    prop::collection::vec(word, 0..7).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn anything_is_read_within_bounds(message in any::<String>(), more in "\\PC{0,80}", times in 1_usize..40) {
        let message = format!("{message}{}", more.repeat(times));
        let mut skeleton = Skeleton::default();
        skeleton.read(&message);
        prop_assert!(skeleton.text.len() <= TEXT_MAX_BYTES);
        prop_assert!(skeleton.tokens.len() <= TOKENS_MAX);
        let mut end = 0;
        for token in &skeleton.tokens {
            prop_assert!(usize::from(token.start) >= end && token.end > token.start);
            end = usize::from(token.end);
            prop_assert!(!token.of(&skeleton.text).is_empty());
        }
    }

    #[test]
    fn memory_stays_bounded(messages in prop::collection::vec(message(), 0..300), max in 1_usize..6) {
        let mut clusterer = Clusterer::new("d".into(), max);
        let mut skeleton = Skeleton::default();
        for message in &messages {
            skeleton.read(message);
            clusterer.assign(&skeleton, NOW);
            prop_assert!(clusterer.is_sound(max));
        }
    }

    #[test]
    fn templates_match_their_messages(messages in prop::collection::vec(message(), 1..200)) {
        let patterns = Patterns::new(PatternSettings::default());
        for message in &messages {
            let Some(id) = patterns.assign("d", message, NOW) else { continue };
            let all = patterns.all_patterns();
            let pattern = all.iter().find(|pattern| pattern.id == id).unwrap();
            prop_assert!(pattern.matches(message), "{message:?} is not of {pattern:?}");
        }
    }

    #[test]
    fn a_message_keeps_its_id_while_nothing_is_forgotten(messages in prop::collection::vec(message(), 1..100)) {
        let patterns = Patterns::new(PatternSettings::default());
        let ids: Vec<_> = messages.iter().map(|message| patterns.assign("d", message, NOW)).collect();
        let all = patterns.all_patterns();
        let one = |id: Option<PatternId>| {
            let id = id?;
            all.iter().find(|pattern| pattern.id == id || pattern.aliases.contains(&id)).map(|pattern| pattern.id)
        };
        for (message, id) in messages.iter().zip(ids) {
            // A closer pattern may have come since; the older one still matches.
            let again = patterns.assign("d", message, NOW);
            prop_assert_eq!(again.is_some(), id.is_some());
            if let Some(old) = one(id) {
                let pattern = all.iter().find(|pattern| pattern.id == old).unwrap();
                prop_assert!(pattern.matches(message));
            }
        }
    }

    #[test]
    fn the_same_stream_gives_the_same_ids(messages in prop::collection::vec(message(), 0..150), max in 2_usize..40) {
        let settings = PatternSettings { per_dataset_max: max, ..PatternSettings::default() };
        let run = || {
            let patterns = Patterns::new(settings.clone());
            messages.iter().map(|message| patterns.assign("d", message, NOW)).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn a_restart_changes_nothing(
        messages in prop::collection::vec(message(), 0..120),
        more in prop::collection::vec(message(), 0..60),
        batch in 1_usize..20,
    ) {
        let patterns = Patterns::new(PatternSettings::default());
        let mut kept = BTreeMap::new();
        for (count, message) in messages.iter().enumerate() {
            patterns.assign("d", message, Timestamp::from_second(count as i64).unwrap());
            if count % batch == 0 {
                let changes = if count % 3 == 0 { patterns.take_all_changes() } else { patterns.take_changes(count % 5) };
                keep(&mut kept, changes);
            }
        }
        keep(&mut kept, patterns.take_changes(usize::MAX));
        let restored = Patterns::restored(PatternSettings::default(), kept.into_values().collect());
        prop_assert_eq!(templates(&restored), templates(&patterns));
        for message in &more {
            prop_assert_eq!(restored.assign("d", message, NOW), patterns.assign("d", message, NOW), "{}", message);
        }
    }
}

/// What a store does with changes.
fn keep(kept: &mut BTreeMap<PatternId, Pattern>, changes: Changes) {
    for id in changes.gone {
        kept.remove(&id);
    }
    kept.extend(changes.changed.into_iter().map(|pattern| (pattern.id, pattern)));
}
