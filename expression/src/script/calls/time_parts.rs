//! The parts of a date, under the names of java.time and those that 7.x keeps of Joda.

use super::super::names::{Constant, Method};
use super::super::value::Val;
use jiff::Zoned;

/// The part that a method asks for; `None` for methods that ask for none.
pub(super) fn part<'a>(date: &Zoned, method: Method) -> Option<Val<'a>> {
    let seconds = i32::from(date.hour()) * 3_600 + i32::from(date.minute()) * 60 + i32::from(date.second());
    let milliseconds = date.subsec_nanosecond() / 1_000_000;
    let year = i32::from(date.year());
    let number = match method {
        Method::GetYear => year,
        // Before the year 1 the count runs backwards.
        Method::GetYearOfEra => year_of_era(year),
        Method::GetYearOfCentury => year_of_era(year) % 100,
        Method::GetCenturyOfEra => year_of_era(year) / 100,
        Method::GetEra => i32::from(year > 0),
        Method::GetMonthValue | Method::GetMonthOfYear => i32::from(date.month()),
        Method::GetDayOfMonth => i32::from(date.day()),
        Method::GetDayOfYear => i32::from(date.day_of_year()),
        // On doc values Elasticsearch 7 gives the number, 1 for Monday.
        Method::GetDayOfWeek => i32::from(date.weekday().to_monday_one_offset()),
        Method::GetHour | Method::GetHourOfDay => i32::from(date.hour()),
        Method::GetMinute | Method::GetMinuteOfHour => i32::from(date.minute()),
        Method::GetSecond | Method::GetSecondOfMinute => i32::from(date.second()),
        Method::GetNano => date.subsec_nanosecond(),
        Method::GetMillisOfSecond => milliseconds,
        Method::GetMinuteOfDay => seconds / 60,
        Method::GetSecondOfDay => seconds,
        Method::GetMillisOfDay => seconds * 1_000 + milliseconds,
        Method::GetWeekOfWeekyear => i32::from(date.date().iso_week_date().week()),
        Method::GetWeekyear => i32::from(date.date().iso_week_date().year()),
        Method::GetMonth => return Some(Val::Constant(Constant::Month(date.month()))),
        Method::GetDayOfWeekEnum => {
            return Some(Val::Constant(Constant::DayOfWeek(date.weekday().to_monday_one_offset())));
        }
        _ => return None,
    };
    Some(Val::Int(number))
}

fn year_of_era(year: i32) -> i32 {
    if year > 0 { year } else { 1 - year }
}
