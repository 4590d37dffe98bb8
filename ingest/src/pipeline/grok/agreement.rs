//! The quick ways through a pattern say what the exact search says.

use super::{Exact, Flavour, Grok, Steps, Values, stock, with_slots};
use event::Object;

impl Grok {
    /// What matches by the exact search alone.
    fn exactly(&self, text: &str) -> Result<Option<(usize, Values)>, String> {
        let exact = Exact::compile(&self.expressions)?;
        with_slots(self.expressions.iter(), |slots| {
            let found = exact.search(&self.expressions, text, 0, slots, &mut Steps::of(text))?;
            let Some((index, expression)) =
                found.and_then(|index| Some((index, self.expressions.get(index)?)))
            else {
                return Ok(None);
            };
            Ok(Some((index, expression.values(text, slots)?)))
        })
    }

    /// # Panics
    /// The two do not say the same thing.
    fn agree(&self, text: &str) {
        let Ok(quick) = self.matches(text) else { return };
        let Ok(exact) = self.exactly(text) else { return };
        let quick = quick.map(|found| (found.index, found.values));
        assert_eq!(quick, exact, "the quick way is the first, of {text:?}");
        assert_eq!(self.is_match(text), exact.is_some());
    }
}

/// # Panics
/// The quick way and the exact search differ in what these patterns, if they are some, find in a text.
pub(crate) fn check_grok(patterns: &[String], text: &str) {
    for flavour in [Flavour::Legacy, Flavour::Ecs] {
        if let Ok(grok) = Grok::compile(patterns, &Object::new(), flavour) {
            grok.agree(text);
        }
    }
}

/// As [`check_grok`], for a stock pattern by its place.
///
/// # Panics
/// They differ.
pub(crate) fn check_grok_stock(place: usize, text: &str) {
    let names: Vec<&str> = stock::all(Flavour::Ecs).map(|(name, _)| name).collect();
    let name = names[place % names.len()];
    check_grok(&[format!("%{{{name}:it}}")], text);
}
