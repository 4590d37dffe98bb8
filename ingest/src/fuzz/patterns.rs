//! Patterns of messages: as many as allowed, each fits what it was given for, and what is kept of them is all there is.

use crate::patterns::{Changes, Pattern, PatternId, PatternSettings, Patterns};
use event::Timestamp;
use std::collections::{BTreeMap, HashSet};

/// Messages of one input.
const MESSAGES_MAX: usize = 400;

pub(super) fn patterns(data: &[u8]) {
    let (first, rest) = data.split_first().unwrap_or((&0, &[]));
    let max = usize::from(first % 40) + 1;
    let settings = PatternSettings { per_dataset_max: max, ..PatternSettings::default() };
    let patterns = Patterns::new(settings.clone());
    let mut kept = BTreeMap::new();
    for (number, message) in String::from_utf8_lossy(rest).split('\n').take(MESSAGES_MAX).enumerate() {
        let Some(id) = patterns.assign("d", message, Timestamp::UNIX_EPOCH) else { continue };
        let found = patterns.find(&HashSet::from([id]));
        assert!(
            matches!(&found[..], [pattern] if pattern.id == id && pattern.matches(message)),
            "{message:?} is not of {found:?}"
        );
        assert!(patterns.all_patterns().len() <= max);
        if number % 3 == 0 {
            keep(&mut kept, patterns.take_changes(number % 5));
        }
    }
    keep(&mut kept, patterns.take_all_changes());
    let restored = Patterns::restored(settings, kept.into_values().collect());
    assert_eq!(templates(&restored), templates(&patterns));
}

/// What a store does with changes.
fn keep(kept: &mut BTreeMap<PatternId, Pattern>, changes: Changes) {
    for id in changes.gone {
        kept.remove(&id);
    }
    kept.extend(changes.changed.into_iter().map(|pattern| (pattern.id, pattern)));
}

fn templates(patterns: &Patterns) -> BTreeMap<PatternId, String> {
    patterns.all_patterns().into_iter().map(|pattern| (pattern.id, pattern.template)).collect()
}
