use super::super::super::{
    dates::{DatePrinter, time_zone},
    number_format::NumberFormat,
    scalar::Scalar,
};
use super::super::Key;
use super::Finish;
use crate::{
    StoreError,
    logs::{
        dsl::aggregations::ValuesSource,
        embedded::mapping::{DateFormats, Family},
    },
};
use event::Object;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// How values are written beside the plain ones.
#[derive(Debug, Clone)]
pub(in super::super) enum ValueFormat {
    /// Not at all.
    Plain,
    Dates(DatePrinter),
    Numbers(NumberFormat),
    /// `true` and `false`.
    Booleans,
}

impl ValueFormat {
    /// The text of a number (a date in milliseconds).
    pub(in super::super) fn text(&self, value: f64) -> Option<String> {
        match self {
            Self::Plain => None,
            // A mean of dates is a date, to the millisecond.
            Self::Dates(printer) => Some(printer.print((value as i64).saturating_mul(1_000_000))),
            Self::Numbers(format) => Some(format.print(value)),
            Self::Booleans => Some((value != 0.0).to_string()),
        }
    }

    /// Adds a value, and its text if there is one.
    pub(in super::super) fn put(&self, out: &mut Object, name: &str, value: Option<f64>) {
        out.insert(name.to_owned(), value.map_or(Value::Null, super::super::super::scalar::number));
        if let Some(text) = value.filter(|value| value.is_finite()).and_then(|value| self.text(value)) {
            out.insert(format!("{name}_as_string"), Value::String(text));
        }
    }

    /// A key and the text that names it.
    pub(super) fn key(&self, key: &Key) -> (Value, String, bool) {
        let plain = |value: Value| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (value, text, false)
        };
        match (self, key) {
            (_, Key::Boolean(truth)) => (json!(u8::from(*truth)), truth.to_string(), true),
            (Self::Dates(printer), Key::Date(millis)) => {
                (json!(millis), printer.print(millis.saturating_mul(1_000_000)), true)
            }
            (_, Key::Date(millis)) => {
                (json!(millis), DatePrinter::iso().print(millis.saturating_mul(1_000_000)), true)
            }
            (_, Key::Text(text)) => plain(json!(text)),
            (Self::Plain, key) => {
                plain(key.to_scalar().map_or(Value::Null, |scalar: Scalar| scalar.to_json(None)))
            }
            (format, key) => match key.as_f64() {
                Some(number) => {
                    let value = key.to_scalar().map_or(Value::Null, |scalar| scalar.to_json(None));
                    let text = format.text(number).unwrap_or_else(|| value.to_string());
                    (value, text, true)
                }
                None => plain(key.to_scalar().map_or(Value::Null, |scalar| scalar.to_json(None))),
            },
        }
    }
}

impl Finish<'_, '_> {
    /// How the values of a source are written: as the request says, or as the field's mapping does.
    pub(super) fn format(&self, source: &ValuesSource) -> Result<ValueFormat, StoreError> {
        let field = self.field(&source.field);
        let family = field.as_ref().map(|field| field.family());
        let is_date =
            family == Some(Family::Date) || family.is_none() && source.value_type.as_deref() == Some("date");
        if is_date {
            return self.dates(source);
        }
        Ok(match (family, &source.format) {
            (Some(Family::Boolean), _) => ValueFormat::Booleans,
            (None, _) if source.value_type.as_deref() == Some("boolean") => ValueFormat::Booleans,
            (Some(Family::Integer | Family::Unsigned | Family::Float) | None, Some(format)) => {
                NumberFormat::new(format).map_or(ValueFormat::Plain, ValueFormat::Numbers)
            }
            _ => ValueFormat::Plain,
        })
    }

    /// As [`Self::format`], where the values are dates whatever the field.
    pub(super) fn dates(&self, source: &ValuesSource) -> Result<ValueFormat, StoreError> {
        let zone = source.time_zone.as_deref().map_or(Ok(TimeZone::UTC), time_zone)?;
        if let Some(format) = &source.format {
            return DatePrinter::new(Some(format), zone).map(ValueFormat::Dates);
        }
        let field = self.field(&source.field);
        let own = field.as_ref().and_then(|field| field.mapping.format.as_ref()).map(DateFormats::as_str);
        // A format of the mapping that can be read need not be one that can be written.
        let printer = DatePrinter::new(own, zone.clone()).or_else(|_| DatePrinter::new(None, zone));
        printer.map(ValueFormat::Dates)
    }
}
