//! The two tokens: the access token (JWT, RFC 7519, HS256) that a request carries, and the refresh token, a random
//! value that is exchanged for new ones.

use crate::secret::Secret;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const ISSUER: &str = "vigie";
const AUDIENCE: &str = "vigie-api";
/// No token of ours is longer; what is longer is not looked at.
const ACCESS_MAX_BYTES: usize = 2_048;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    /// The account.
    pub(crate) sub: String,
    /// The session.
    pub(crate) sid: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Makes and reads access tokens. Signed with a key of its own, derived from the service's secret.
pub(crate) struct AccessTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    life_secs: u32,
}

impl AccessTokens {
    pub(crate) fn new(secret: &Secret, life_secs: u32) -> Self {
        let key = secret.derive("vigie 2026 access tokens HS256");
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Times are held against our own clock below, which tests can set.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            encoding: EncodingKey::from_secret(&key),
            decoding: DecodingKey::from_secret(&key),
            validation,
            life_secs,
        }
    }

    /// Seconds that an access token is valid.
    pub(crate) fn life_secs(&self) -> u32 {
        self.life_secs
    }

    /// A token for this account and session.
    pub(crate) fn issue(
        &self,
        user: &str,
        session: &str,
        now: Timestamp,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let iat = now.as_second();
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.to_owned(),
            sid: session.to_owned(),
            jti: Uuid::new_v4().to_string(),
            iat,
            nbf: iat,
            exp: iat + i64::from(self.life_secs),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
    }

    /// What the token says, if it is ours, whole, and valid now.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > ACCESS_MAX_BYTES {
            return None;
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).ok()?.claims;
        let now = now.as_second();
        (claims.nbf <= now && now < claims.exp).then_some(claims)
    }
}

/// A random value of 256 bits that is shown once and kept as a digest only.
pub(crate) struct OpaqueToken {
    /// What the client gets.
    pub(crate) text: String,
    /// What we keep.
    pub(crate) digest: String,
}

impl OpaqueToken {
    pub(crate) fn random() -> Self {
        let bytes: [u8; 32] = rand::random();
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let digest = Self::digest_of(&text).unwrap_or_default();
        Self { text, digest }
    }

    /// The digest of a token that a client sent; `None` if it cannot be one of ours.
    pub(crate) fn digest_of(text: &str) -> Option<String> {
        (text.len() == 43).then(|| hex::encode(Sha256::digest(text.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn tokens() -> AccessTokens {
        AccessTokens::new(&Secret::new(*b"an example of thirty-two bytes!!"), 1_800)
    }

    fn segment(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn valid_for_its_life_and_no_longer() {
        let token = tokens().issue("u", "s", at(1_000)).unwrap();
        let check =
            |second, valid| assert_eq!(tokens().read(&token, at(second)).is_some(), valid, "{second}");
        check(999, false);
        check(1_000, true);
        check(2_799, true);
        check(2_800, false);
        let claims = tokens().read(&token, at(1_000)).unwrap();
        assert_eq!((claims.sub.as_str(), claims.sid.as_str()), ("u", "s"));
    }

    #[test]
    fn other_keys_algorithms_and_claims_are_refused() {
        let now = at(1_000);
        let token = tokens().issue("u", "s", now).unwrap();
        let (head, rest) = token.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        let other = AccessTokens::new(&Secret::new(*b"another one of thirty-two bytes!"), 1_800);
        let check = |token: &str| assert!(tokens().read(token, now).is_none(), "{token}");
        check(&other.issue("u", "s", now).unwrap());
        check(&format!("{}.{body}.", segment(r#"{"alg":"none","typ":"JWT"}"#)));
        check(&format!("{}.{body}.{signature}", segment(r#"{"alg":"HS512","typ":"JWT"}"#)));
        check(&format!("{head}.{}.{signature}", segment(r#"{"sub":"admin"}"#)));
        check(&format!("{head}.{body}."));
        check("");
        check("..");
        check(&"x".repeat(10_000));
        let sign = |claims: serde_json::Value| {
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &tokens().encoding).unwrap()
        };
        let good = serde_json::json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "u", "sid": "s", "jti": "j",
            "iat": 1_000, "nbf": 1_000, "exp": 2_000});
        assert!(tokens().read(&sign(good.clone()), now).is_some());
        for (claim, value) in [("iss", "other"), ("aud", "other"), ("exp", "never")] {
            let mut bad = good.clone();
            bad[claim] = value.into();
            check(&sign(bad));
        }
        for claim in ["iss", "aud", "exp", "nbf", "sid", "sub"] {
            let mut bad = good.clone();
            bad.as_object_mut().unwrap().remove(claim);
            check(&sign(bad));
        }
    }

    #[test]
    fn opaque_tokens_are_kept_as_digests() {
        let token = OpaqueToken::random();
        assert_eq!(token.text.len(), 43);
        assert_eq!(OpaqueToken::digest_of(&token.text), Some(token.digest.clone()));
        assert!(!token.digest.contains(&token.text));
        assert_ne!(OpaqueToken::random().text, token.text);
        assert_eq!(OpaqueToken::digest_of("short"), None);
    }
}
