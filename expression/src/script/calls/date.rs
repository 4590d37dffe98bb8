//! Dates: `ZonedDateTime` (with what 7.x keeps of Joda), `Instant`, `ZoneId` and the enums about them.

use super::super::error::RunError;
use super::super::eval::null_access;
use super::super::machine::{Machine, Ran};
use super::super::names::{Constant, DAYS, Function, MONTHS, Method, TextStyle, Unit};
use super::super::number::Num;
use super::super::value::Val;
use super::Arguments;
use super::time_parts;
use event::Timestamp;
use jiff::{
    RoundMode, Span, Zoned, ZonedDifference, ZonedRound,
    tz::{Offset, TimeZone},
};
use std::rc::Rc;

impl<'a> Machine<'a> {
    pub(super) fn call_date(
        &mut self,
        base: &Val<'a>,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let found = match base {
            Val::Date(date) => self.on_date(date, method, arguments, at)?,
            Val::Instant(instant) => self.on_instant(*instant, method, arguments, at)?,
            Val::Zone(zone) if method == Method::GetId => Some(Val::text(zone_text(zone))),
            Val::Constant(constant) => self.on_constant(*constant, method, arguments, at)?,
            _ => None,
        };
        found.ok_or_else(|| self.no_member(base, method.name(), at))
    }

    fn on_date(
        &mut self,
        date: &Rc<Zoned>,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Option<Val<'a>>> {
        if let Some(value) = time_parts::part(date, method) {
            return Ok(Some(value));
        }
        let first = arguments.first();
        if let Some(span) = self.span(method, first, at)? {
            let moved = date.checked_add(span).map_err(|_| out_of_range(at))?;
            return Ok(Some(Val::Date(Rc::new(moved))));
        }
        Ok(Some(match method {
            Method::ToInstant => Val::Instant(date.timestamp()),
            Method::ToEpochSecond => Val::Long(date.timestamp().as_second()),
            Method::GetMillis => Val::Long(date.timestamp().as_millisecond()),
            Method::GetZone => Val::Zone(Rc::new(date.time_zone().clone())),
            Method::IsAfter => Val::Bool(date.timestamp() > self.time(first, at)?),
            Method::IsBefore => Val::Bool(date.timestamp() < self.time(first, at)?),
            Method::IsEqual => Val::Bool(date.timestamp() == self.time(first, at)?),
            Method::CompareTo => Val::Int(date.timestamp().cmp(&self.time(first, at)?) as i32),
            Method::WithZoneSameInstant => Val::Date(Rc::new(date.with_time_zone(self.zone(first, at)?))),
            Method::WithZoneSameLocal => {
                let moved = date.datetime().to_zoned(self.zone(first, at)?);
                Val::Date(Rc::new(moved.map_err(|_| out_of_range(at))?))
            }
            Method::TruncatedTo => {
                let unit = self.jiff_unit(first, at)?;
                let round = ZonedRound::new().smallest(unit).mode(RoundMode::Trunc);
                Val::Date(Rc::new(date.round(round).map_err(|_| wrong_unit(at))?))
            }
            _ => return Ok(None),
        }))
    }

    fn on_instant(
        &mut self,
        instant: Timestamp,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Option<Val<'a>>> {
        let first = arguments.first();
        if let Some(span) = self.span(method, first, at)? {
            let moved = instant.checked_add(span).map_err(|_| out_of_range(at))?;
            return Ok(Some(Val::Instant(moved)));
        }
        Ok(Some(match method {
            Method::ToEpochMilli => Val::Long(instant.as_millisecond()),
            Method::GetEpochSecond => Val::Long(instant.as_second()),
            Method::GetNano => Val::Int(instant.subsec_nanosecond()),
            Method::IsAfter => Val::Bool(instant > self.time(first, at)?),
            Method::IsBefore => Val::Bool(instant < self.time(first, at)?),
            Method::CompareTo => Val::Int(instant.cmp(&self.time(first, at)?) as i32),
            Method::AtZone => Val::Date(Rc::new(instant.to_zoned(self.zone(first, at)?))),
            _ => return Ok(None),
        }))
    }

    fn on_constant(
        &mut self,
        constant: Constant,
        method: Method,
        arguments: &Arguments<'a>,
        at: u32,
    ) -> Ran<Option<Val<'a>>> {
        Ok(match (constant, method) {
            (Constant::DayOfWeek(number) | Constant::Month(number), Method::GetValue) => {
                Some(Val::Int(i32::from(number)))
            }
            (Constant::DayOfWeek(_) | Constant::Month(_), Method::GetDisplayName) => {
                let Val::Constant(Constant::TextStyle(style)) = arguments.first() else {
                    return Err(self.cannot_cast(arguments.first(), "TextStyle", at));
                };
                Some(Val::text(display_name(constant.text().1, *style)))
            }
            (Constant::Unit(unit), Method::Between) => {
                let (from, to) = (self.zoned(arguments.first(), at)?, self.zoned(arguments.second(), at)?);
                Some(Val::Long(between(unit, &from, &to).ok_or_else(|| out_of_range(at))?))
            }
            _ => None,
        })
    }

    pub(super) fn date_function(
        &mut self,
        function: Function,
        first: &Val<'a>,
        second: &Val<'a>,
        at: u32,
    ) -> Ran<Val<'a>> {
        let count = |value: &Val<'a>| match Num::of(value) {
            Some(Num::Int(number)) => Ok(i64::from(number)),
            Some(Num::Long(number)) => Ok(number),
            _ => Err(self.cannot_cast(value, "long", at)),
        };
        let text = |value: &Val<'a>| match value {
            Val::Text(text) => Ok(text.clone()),
            Val::Null => Err(null_access("parse", at)),
            other => Err(self.cannot_cast(other, "string", at)),
        };
        let unreadable = |text: &str| {
            let reason = format!("Text '{}' could not be parsed", text.chars().take(50).collect::<String>());
            RunError::boxed("date_time_parse_exception", at, reason)
        };
        Ok(match function {
            Function::OfEpochMilli => {
                Val::Instant(Timestamp::from_millisecond(count(first)?).map_err(|_| out_of_range(at))?)
            }
            Function::OfEpochSecond => {
                Val::Instant(Timestamp::from_second(count(first)?).map_err(|_| out_of_range(at))?)
            }
            Function::InstantParse => {
                let text = text(first)?;
                Val::Instant(text.parse().map_err(|_| unreadable(&text))?)
            }
            Function::DateParse => {
                let text = text(first)?;
                Val::Date(Rc::new(parse_date(&text).ok_or_else(|| unreadable(&text))?))
            }
            Function::DateOfInstant => {
                Val::Date(Rc::new(self.time(first, at)?.to_zoned(self.zone(second, at)?)))
            }
            _ => Val::Zone(Rc::new(self.zone(first, at)?)),
        })
    }

    /// A date or an instant as a point in time.
    fn time(&self, value: &Val<'a>, at: u32) -> Ran<Timestamp> {
        match value {
            Val::Date(date) => Ok(date.timestamp()),
            Val::Instant(instant) => Ok(*instant),
            other => Err(self.cannot_cast(other, "date", at)),
        }
    }

    fn zoned(&self, value: &Val<'a>, at: u32) -> Ran<Zoned> {
        match value {
            Val::Date(date) => Ok(Zoned::clone(date)),
            other => Ok(self.time(other, at)?.to_zoned(TimeZone::UTC)),
        }
    }

    /// A zone or its name.
    fn zone(&self, value: &Val<'a>, at: u32) -> Ran<TimeZone> {
        match value {
            Val::Zone(zone) => Ok(TimeZone::clone(zone)),
            Val::Text(name) => find_zone(name).ok_or_else(|| {
                let name: String = name.chars().take(50).collect();
                RunError::boxed("zone_rules_exception", at, format!("Unknown time-zone ID: {name}"))
            }),
            other => Err(self.cannot_cast(other, "zone", at)),
        }
    }

    fn jiff_unit(&self, value: &Val<'a>, at: u32) -> Ran<jiff::Unit> {
        let Val::Constant(Constant::Unit(unit)) = value else {
            return Err(self.cannot_cast(value, "ChronoUnit", at));
        };
        Ok(match unit {
            Unit::Nanos => jiff::Unit::Nanosecond,
            Unit::Millis => jiff::Unit::Millisecond,
            Unit::Seconds => jiff::Unit::Second,
            Unit::Minutes => jiff::Unit::Minute,
            Unit::Hours => jiff::Unit::Hour,
            Unit::Days => jiff::Unit::Day,
            Unit::Weeks | Unit::Months | Unit::Years => return Err(wrong_unit(at)),
        })
    }

    /// What a `plus…` or `minus…` moves by; `None` for other methods.
    fn span(&self, method: Method, amount: &Val<'a>, at: u32) -> Ran<Option<Span>> {
        use Method::{
            MinusDays, MinusHours, MinusMillis, MinusMinutes, MinusMonths, MinusNanos, MinusSeconds,
            MinusWeeks, MinusYears, PlusDays, PlusHours, PlusMillis, PlusMinutes, PlusMonths, PlusNanos,
            PlusSeconds, PlusWeeks, PlusYears,
        };
        let (unit, sign) = match method {
            PlusYears => (Span::try_years as fn(Span, i64) -> Result<Span, jiff::Error>, 1),
            MinusYears => (Span::try_years as _, -1),
            PlusMonths => (Span::try_months as _, 1),
            MinusMonths => (Span::try_months as _, -1),
            PlusWeeks => (Span::try_weeks as _, 1),
            MinusWeeks => (Span::try_weeks as _, -1),
            PlusDays => (Span::try_days as _, 1),
            MinusDays => (Span::try_days as _, -1),
            PlusHours => (Span::try_hours as _, 1),
            MinusHours => (Span::try_hours as _, -1),
            PlusMinutes => (Span::try_minutes as _, 1),
            MinusMinutes => (Span::try_minutes as _, -1),
            PlusSeconds => (Span::try_seconds as _, 1),
            MinusSeconds => (Span::try_seconds as _, -1),
            PlusMillis => (Span::try_milliseconds as _, 1),
            MinusMillis => (Span::try_milliseconds as _, -1),
            PlusNanos => (Span::try_nanoseconds as _, 1),
            MinusNanos => (Span::try_nanoseconds as _, -1),
            _ => return Ok(None),
        };
        let amount = match Num::of(amount) {
            Some(Num::Int(amount)) => i64::from(amount),
            Some(Num::Long(amount)) => amount,
            _ => return Err(self.cannot_cast(amount, "long", at)),
        };
        unit(Span::new(), amount.wrapping_mul(sign)).map(Some).map_err(|_| out_of_range(at))
    }
}

fn out_of_range(at: u32) -> Box<RunError> {
    RunError::boxed("date_time_exception", at, "the date is out of range")
}

fn wrong_unit(at: u32) -> Box<RunError> {
    RunError::boxed("unsupported_temporal_type_exception", at, "Unit is too large to be used for truncation")
}

fn find_zone(name: &str) -> Option<TimeZone> {
    match name {
        "Z" | "UTC" | "GMT" => return Some(TimeZone::UTC),
        _ => {}
    }
    if let Some(offset) = name.strip_prefix(['+', '-']) {
        let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
        let seconds = hours
            .parse::<i32>()
            .ok()?
            .checked_mul(60)?
            .checked_add(minutes.parse().ok()?)?
            .checked_mul(60)?;
        let seconds = if name.starts_with('-') { -seconds } else { seconds };
        return Offset::from_seconds(seconds).ok().map(TimeZone::fixed);
    }
    TimeZone::get(name).ok()
}

/// `2026-11-21T09:16:16.807Z`, with an offset, or with a zone in brackets.
fn parse_date(text: &str) -> Option<Zoned> {
    if text.ends_with(']') {
        return text.parse().ok();
    }
    let time: Timestamp = text.parse().ok()?;
    let at = text.rfind(['+', '-', 'Z', 'z'])?;
    Some(time.to_zoned(find_zone(&text[at..])?))
}

/// `strict_date_time`: three digits of fraction at least.
pub(in super::super) fn date_text(date: &Zoned) -> String {
    let fraction = fraction_text(date.subsec_nanosecond(), 3);
    let offset = date.offset().seconds();
    let time = date.strftime("%Y-%m-%dT%H:%M:%S");
    if offset == 0 {
        return format!("{time}{fraction}Z");
    }
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs() / 60);
    format!("{time}{fraction}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Java's `Instant.toString`: as many groups of three digits as are needed.
pub(in super::super) fn instant_text(instant: Timestamp) -> String {
    let fraction = fraction_text(instant.subsec_nanosecond(), 0);
    format!("{}{fraction}Z", instant.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn fraction_text(nanoseconds: i32, least: usize) -> String {
    let digits = format!("{:09}", nanoseconds.rem_euclid(1_000_000_000));
    let needed = match nanoseconds {
        0 => 0,
        n if n % 1_000_000 == 0 => 3,
        n if n % 1_000 == 0 => 6,
        _ => 9,
    };
    match needed.max(least) {
        0 => String::new(),
        length => format!(".{}", &digits[..length]),
    }
}

pub(in super::super) fn zone_text(zone: &TimeZone) -> String {
    match (zone.iana_name(), zone.to_fixed_offset()) {
        (Some("UTC"), _) => "Z".to_owned(),
        (Some(name), _) => name.to_owned(),
        (None, Ok(offset)) if offset.seconds() == 0 => "Z".to_owned(),
        (None, Ok(offset)) => {
            let minutes = offset.seconds().unsigned_abs() / 60;
            let sign = if offset.seconds() < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        (None, Err(_)) => String::new(),
    }
}

/// `Monday`, `Mon`, `M` of `MONDAY`.
fn display_name(name: &str, style: TextStyle) -> String {
    let known = DAYS.contains(&name) || MONTHS.contains(&name);
    let length = match style {
        TextStyle::Full => name.len(),
        TextStyle::Short => 3,
        TextStyle::Narrow => 1,
    };
    let part = name.get(..length.min(name.len())).filter(|_| known).unwrap_or(name);
    let (first, rest) = part.split_at(1.min(part.len()));
    format!("{first}{}", rest.to_lowercase())
}

/// Whole units from one time to the other; `None` beyond what can be counted.
fn between(unit: Unit, from: &Zoned, to: &Zoned) -> Option<i64> {
    let nanoseconds = to.timestamp().as_nanosecond() - from.timestamp().as_nanosecond();
    let whole = |per: i128| i64::try_from(nanoseconds / per).ok();
    let calendar = |unit: jiff::Unit| from.until(ZonedDifference::new(to).largest(unit)).ok();
    match unit {
        Unit::Nanos => whole(1),
        Unit::Millis => whole(1_000_000),
        Unit::Seconds => whole(1_000_000_000),
        Unit::Minutes => whole(60_000_000_000),
        Unit::Hours => whole(3_600_000_000_000),
        Unit::Days => calendar(jiff::Unit::Day).map(|span| i64::from(span.get_days())),
        Unit::Weeks => calendar(jiff::Unit::Day).map(|span| i64::from(span.get_days() / 7)),
        Unit::Months => calendar(jiff::Unit::Month).map(|span| i64::from(span.get_months())),
        Unit::Years => calendar(jiff::Unit::Year).map(|span| i64::from(span.get_years())),
    }
}
