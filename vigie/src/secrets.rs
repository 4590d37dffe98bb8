//! Passwords that the service makes up itself.

use crate::config::Secret;
use rand::{Rng, RngExt};

/// Letters and digits that cannot be mistaken for each other on a screen.
const ALPHABET: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A random password of five groups of four: 100 bits, easy to read out and to type.
pub(crate) fn generate_password() -> Secret {
    let mut random = rand::rng();
    let groups: Vec<String> = (0..5).map(|_| group(&mut random)).collect();
    Secret::from(groups.join("-"))
}

fn group(random: &mut impl Rng) -> String {
    (0..4).map(|_| char::from(ALPHABET[random.random_range(0..ALPHABET.len())])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_readable_and_differ() {
        let (first, second) = (generate_password(), generate_password());
        assert_eq!(first.expose().len(), 24);
        assert!(first.expose().bytes().all(|b| b == b'-' || ALPHABET.contains(&b)));
        assert_ne!(first.expose(), second.expose());
    }
}
