//! `date_index_name`: chooses the index by a time.
//!
//! Elasticsearch writes a date-math expression and resolves it when it indexes; here the name is resolved at once.

use super::super::document::{Field, TIMESTAMP};
use super::super::time_format::TimeFormat;
use super::date::{Zone, check_locale, formats};
use super::{Compiler, DefinitionError, Document, Failure, Flow, Options, Processor};
use arc_swap::ArcSwapOption;
use event::Timestamp;
use expression::{Escape, Template, display_text};
use jiff::{RoundMode, Unit, Zoned, ZonedRound, tz::TimeZone};
use std::sync::Arc;

#[derive(Clone, Copy)]
enum Rounding {
    Year,
    Month,
    Week,
    To(Unit),
}

struct DateIndexName {
    field: Field,
    /// The field is the event's own time, in the form in which that is written: what is known of it holds.
    is_event_time: bool,
    prefix: Option<Template>,
    rounding: Rounding,
    formats: Vec<TimeFormat>,
    zone: Zone,
    name_format: TimeFormat,
    /// The name depends on the time alone.
    fixed: Option<LastName>,
}

/// The name that was made last, and of which time: most events are of the same day as the one before.
#[derive(Default)]
struct LastName(ArcSwapOption<(Timestamp, Arc<str>)>);

impl LastName {
    fn name(&self, time: Timestamp, make: impl FnOnce() -> Arc<str>) -> Arc<str> {
        if let Some(last) = self.0.load().as_deref().filter(|(known, _)| *known == time) {
            return Arc::clone(&last.1);
        }
        let name = make();
        self.0.store(Some(Arc::new((time, Arc::clone(&name)))));
        name
    }
}

pub(super) fn build(options: &mut Options, _: &mut Compiler) -> Result<Box<dyn Processor>, DefinitionError> {
    let rounding = match options.text("date_rounding")?.as_str() {
        "y" => Rounding::Year,
        "M" => Rounding::Month,
        "w" => Rounding::Week,
        "d" => Rounding::To(Unit::Day),
        "h" => Rounding::To(Unit::Hour),
        "m" => Rounding::To(Unit::Minute),
        "s" => Rounding::To(Unit::Second),
        other => {
            return Err(
                options.error("date_rounding", format!("unknown unit \"{other}\": y, M, w, d, h, m, s"))
            );
        }
    };
    let texts = options.optional_texts("date_formats")?;
    let texts = texts.unwrap_or_else(|| vec!["yyyy-MM-dd'T'HH:mm:ss.SSSXX".to_owned()]);
    let name_format = options.optional_text("index_name_format")?.unwrap_or_else(|| "yyyy-MM-dd".to_owned());
    let name_formats = formats(options, "index_name_format", &[name_format])?;
    check_locale(options)?;
    let field = options.field("field")?;
    let formats = formats(options, "date_formats", &texts)?;
    let (prefix, zone) = (options.optional_text("index_name_prefix")?, Zone::take(options)?);
    let is_fixed = matches!(zone, Zone::Fixed(_)) && !prefix.as_deref().is_some_and(Template::is_template);
    let prefix = prefix
        .map(|text| Template::parse(&text).map_err(|e| options.error("index_name_prefix", e.to_string())));
    Ok(Box::new(DateIndexName {
        is_event_time: field.name() == TIMESTAMP && formats.first() == Some(&TimeFormat::Iso8601),
        field,
        prefix: prefix.transpose()?,
        fixed: is_fixed.then(LastName::default),
        rounding,
        formats,
        zone,
        name_format: name_formats
            .into_iter()
            .next()
            .ok_or_else(|| options.error("index_name_format", "format is empty"))?,
    }))
}

impl Processor for DateIndexName {
    fn apply(&self, document: &mut Document<'_>) -> Result<Flow, Failure> {
        let zone = self.zone.resolve(document)?;
        let time = self.time(document, &zone)?;
        let rounded = round(time, &zone, self.rounding)
            .map_err(|e| Failure::argument(format!("cannot round date [{time}]: {e}")))?;
        document.event.metadata.index = Some(match &self.fixed {
            Some(fixed) => fixed.name(rounded, || self.name(document, rounded, &zone)),
            None => self.name(document, rounded, &zone),
        });
        Ok(Flow::Continue)
    }
}

impl DateIndexName {
    /// The name of the index of a rounded time.
    fn name(&self, document: &Document<'_>, rounded: Timestamp, zone: &TimeZone) -> Arc<str> {
        let prefix =
            self.prefix.as_ref().map(|prefix| prefix.render(document, Escape::None)).unwrap_or_default();
        format!("{prefix}{}", self.name_format.write(rounded, zone)).into()
    }

    fn time(&self, document: &Document<'_>, zone: &TimeZone) -> Result<Timestamp, Failure> {
        if let (true, Some(time)) = (self.is_event_time, document.event.metadata.timestamp) {
            return Ok(time);
        }
        let text = display_text(&*document.require(&self.field)?);
        let now = || document.now();
        let time = self.formats.iter().find_map(|format| format.read(&text, zone, &now));
        time.ok_or_else(|| Failure::argument(format!("unable to parse date [{text}]")))
    }
}

fn round(time: Timestamp, zone: &TimeZone, rounding: Rounding) -> Result<Timestamp, jiff::Error> {
    if let (Rounding::To(Unit::Day), true) = (&rounding, *zone == TimeZone::UTC) {
        let nanos = time.as_nanosecond();
        return Timestamp::from_nanosecond(nanos - nanos.rem_euclid(24 * 60 * 60 * 1_000_000_000));
    }
    let local: Zoned = time.to_zoned(zone.clone());
    let day = local.date();
    let start = match rounding {
        Rounding::To(unit) => {
            return Ok(local.round(ZonedRound::new().smallest(unit).mode(RoundMode::Floor))?.timestamp());
        }
        Rounding::Year => day.first_of_year(),
        Rounding::Month => day.first_of_month(),
        Rounding::Week => {
            let since_monday = i64::from(day.weekday().to_monday_zero_offset());
            day.checked_sub(jiff::Span::new().days(since_monday))?
        }
    };
    Ok(start.to_zoned(zone.clone())?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fails, run_all};
    use serde_json::json;

    #[test]
    fn names_the_index() {
        let check = |rounding: &str, format: &str, expected: &str| {
            let processors = json!([
                {"date_index_name": {"field": "d", "index_name_prefix": "shop-", "date_rounding": rounding,
                    "date_formats": ["ISO8601"], "index_name_format": format}},
                {"set": {"field": "i", "copy_from": "_index"}},
            ]);
            let document = run_all(processors, json!({"d": "2026-11-21T23:30:00Z"})).unwrap();
            assert_eq!(document["i"], expected);
        };
        check("d", "yyyy.MM.dd", "shop-2026.11.21");
        check("M", "yyyy-MM-dd", "shop-2026-11-01");
        check("y", "yyyy-MM-dd", "shop-2026-01-01");
        check("w", "yyyy-MM-dd", "shop-2026-11-16");
        check("h", "yyyy-MM-dd-HH-mm", "shop-2026-11-21-23-00");
        let options = json!({"field": "d", "date_rounding": "q"});
        check_fails(
            "date_index_name",
            options,
            json!({}),
            "pipeline \"test\", processor 1 (date_index_name)",
        );
    }
}
