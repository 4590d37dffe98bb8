use super::payment::Payment;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What shall happen to a payment. Ordered: the worse, the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing speaks against it.
    Allow,
    /// A person should look at it.
    Review,
    /// It should be refused.
    Block,
}

impl Verdict {
    /// Its name as in events and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Review => "review",
            Self::Block => "block",
        }
    }

    /// The verdict of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Allow, Self::Review, Self::Block].into_iter().find(|verdict| verdict.as_str() == name)
    }
}

/// One measured value that a rule compared, so that a person can check the rule by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Name of the feature, as in [`VerdictRecord::features`], or path of the event's field.
    pub feature: String,
    /// What was found: a number or a text.
    pub value: serde_json::Value,
    /// What it was compared with, where the rule has a threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// Why the score is not 0: one rule that fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable name of the rule, `velocity_card` for example.
    pub code: String,
    /// The sentence for a person, values filled in.
    pub message: String,
    /// Points of this rule, 0 to 100, before they are combined (see [`super::combine_points`]).
    pub contribution: f64,
    /// The values compared.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A rule that could not be evaluated, and why. It speaks neither for nor against the payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedRule {
    /// Name of the rule.
    pub code: String,
    /// Which field or history was missing.
    pub why: String,
}

/// What turned out to be true about a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LabelValue {
    /// It was fraud.
    Fraud,
    /// It was honest.
    Legitimate,
}

impl LabelValue {
    /// Its name as in events and answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fraud => "fraud",
            Self::Legitimate => "legitimate",
        }
    }
}

/// A label, known from a moment on: features of payments before `at` never see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// What it turned out to be.
    pub value: LabelValue,
    /// Since when that is known.
    pub at: Timestamp,
}

/// A label that somebody gives to a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewLabel {
    /// Which payment.
    pub transaction_id: String,
    /// What it turned out to be.
    pub label: LabelValue,
    /// Since when that is known; the time of the call if absent.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// Where the payment's event is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentRef {
    /// Index.
    pub index: String,
    /// `_id` of the document.
    pub id: String,
}

/// The history's entry for one payment: the verdict, all it rests on, and what became of the payment later.
///
/// Verdict, score, reasons, features and `payment` are fixed by the first event of the `transaction_id`; only
/// `status`, `status_at`, `declined_at`, `label` and `changed_at` change afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// The payment; unique in the history.
    pub transaction_id: String,
    /// Where its event is stored.
    pub document: DocumentRef,
    /// What shall happen.
    pub verdict: Verdict,
    /// 0 (nothing speaks against it) to 100, two decimals.
    pub score: f64,
    /// Why, largest contribution first.
    pub reasons: Vec<Reason>,
    /// Codes of the rules that fired, in the order of `reasons`.
    pub rules: Vec<String>,
    /// Rules that could not be evaluated.
    #[serde(default)]
    pub skipped: Vec<SkippedRule>,
    /// Every feature that was known and not 0, by name: what the rules saw.
    #[serde(default)]
    pub features: BTreeMap<String, f64>,
    /// Version of the rule thresholds in force ([`super::FraudConfig::version`]).
    pub rules_version: String,
    /// The facts of the payment as read from its event.
    pub payment: Payment,
    /// Latest status: `approved`, `declined`, `refunded`, `chargeback`, or what the shop calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Event time of the latest status.
    pub status_at: Timestamp,
    /// Since when the payment counts as declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined_at: Option<Timestamp>,
    /// What it turned out to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Label>,
    /// When the verdict was given, by the clock of the service.
    pub assessed_at: Timestamp,
    /// When the service last heard something new of the payment, by its clock.
    pub changed_at: Timestamp,
}
