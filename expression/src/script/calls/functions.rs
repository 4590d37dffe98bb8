//! Functions of classes: `Math`, parsing, `Instant`, moving functions.

use super::super::error::RunError;
use super::super::eval::null_access;
use super::super::machine::{Machine, Ran};
use super::super::names::{Function, TypeName};
use super::super::number::Num;
use super::super::value::{Text, Val};
use super::number::compare;

impl<'a> Machine<'a> {
    pub(super) fn function(&mut self, function: Function, arguments: &[Val<'a>], at: u32) -> Ran<Val<'a>> {
        use Function::{
            BooleanOf, DateOfInstant, DateParse, DoubleCompare, DoubleIsFinite, DoubleIsInfinite,
            DoubleIsNan, DoubleOf, DoubleText, Ewma, FloatOf, Holt, HoltWinters, InstantParse,
            IntegerCompare, IntegerOf, IntegerText, IsNull, Join, LinearWeightedAvg, LongCompare, LongOf,
            LongText, NonNull, ObjectsEquals, OfEpochMilli, OfEpochSecond, ParseBoolean, ParseDouble,
            ParseFloat, ParseInt, ParseLong, TextOf, UnweightedAvg, WindowMax, WindowMin, WindowStdDev,
            WindowSum, ZoneOf,
        };
        let null = Val::Null;
        let first = arguments.first().unwrap_or(&null);
        let second = arguments.get(1).unwrap_or(&null);
        match function {
            ParseInt | IntegerOf | ParseLong | LongOf => self.parse_integer(function, arguments, at),
            ParseFloat | FloatOf | ParseDouble | DoubleOf => self.parse_double(function, first, at),
            ParseBoolean | BooleanOf => Ok(match first {
                Val::Bool(value) => Val::Bool(*value),
                Val::Text(text) => Val::Bool(text.eq_ignore_ascii_case("true")),
                _ => Val::Bool(false),
            }),
            IntegerText | LongText | DoubleText | TextOf => {
                let text = self.text_of(first, at)?;
                Ok(Val::text(text))
            }
            IntegerCompare | LongCompare | DoubleCompare => {
                Ok(Val::Int(compare(self.number(first, at)?, self.number(second, at)?)))
            }
            DoubleIsNan => Ok(Val::Bool(self.double(first, at)?.is_nan())),
            DoubleIsInfinite => Ok(Val::Bool(self.double(first, at)?.is_infinite())),
            DoubleIsFinite => Ok(Val::Bool(self.double(first, at)?.is_finite())),
            Join => self.join(first, second, at),
            ObjectsEquals => Ok(Val::Bool(self.equal(first, second, at)?)),
            IsNull => Ok(Val::Bool(matches!(first, Val::Null))),
            NonNull => Ok(Val::Bool(!matches!(first, Val::Null))),
            OfEpochMilli | OfEpochSecond | InstantParse | DateParse | DateOfInstant | ZoneOf => {
                self.date_function(function, first, second, at)
            }
            WindowMax | WindowMin | WindowSum | WindowStdDev | UnweightedAvg | LinearWeightedAvg | Ewma
            | Holt | HoltWinters => self.moving_function(function, arguments, at),
            _ => self.math(function, arguments, at),
        }
    }

    pub(super) fn number(&self, value: &Val<'a>, at: u32) -> Ran<Num> {
        Num::of(value).ok_or_else(|| self.cannot_cast(value, "number", at))
    }

    pub(super) fn double(&self, value: &Val<'a>, at: u32) -> Ran<f64> {
        self.number(value, at).map(Num::double)
    }

    fn math(&mut self, function: Function, arguments: &[Val<'a>], at: u32) -> Ran<Val<'a>> {
        let numbers = arguments.iter().map(|value| self.number(value, at)).collect::<Ran<Vec<_>>>()?;
        let [a, rest @ ..] = numbers.as_slice() else { return Ok(Val::Null) };
        let b = rest.first().copied().unwrap_or(*a);
        match function {
            Function::Abs => {
                return Ok(match a {
                    Num::Int(value) => Val::Int(value.wrapping_abs()),
                    Num::Long(value) => Val::Long(value.wrapping_abs()),
                    Num::Float(value) => Val::Float(value.abs()),
                    Num::Double(value) => Val::Double(value.abs()),
                });
            }
            Function::Max | Function::Min => return Ok(extreme(function == Function::Max, *a, b)),
            Function::Round => {
                return Ok(match a {
                    Num::Int(value) => Val::Int(*value),
                    Num::Long(value) => Val::Long(*value),
                    Num::Float(value) => Val::Int((f64::from(*value) + 0.5).floor() as i32),
                    // A half goes up, also below zero.
                    Num::Double(value) => Val::Long(round(*value)),
                });
            }
            Function::Haversin => {
                let degrees: Vec<f64> = numbers.iter().map(|number| number.double()).collect();
                return Ok(Val::Double(haversine_km(&degrees)));
            }
            _ => {}
        }
        Ok(Val::Double(real(function, a.double(), b.double())))
    }

    fn join(&mut self, separator: &Val<'a>, list: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        if self.length(list).is_none() {
            return Err(self.cannot_cast(list, "list", at));
        }
        let separator = self.text_of(separator, at)?;
        let mut out = String::new();
        for (index, item) in self.items(list, at)?.into_iter().enumerate() {
            out.push_str(if index == 0 { "" } else { &separator });
            let before = out.len();
            self.push_text(&mut out, &item, 0, at)?;
            self.charge(out.len() - before + separator.len(), at)?;
        }
        self.made_text(out, at)
    }

    fn parse_integer(&mut self, function: Function, arguments: &[Val<'a>], at: u32) -> Ran<Val<'a>> {
        let null = Val::Null;
        let (first, radix) = (arguments.first().unwrap_or(&null), arguments.get(1));
        let int = matches!(function, Function::ParseInt | Function::IntegerOf);
        if Num::of(first).is_some() && matches!(function, Function::IntegerOf | Function::LongOf) {
            let class = TypeName::find(if int { "int" } else { "long" }).unwrap_or(TypeName::DEF);
            return self.assigned(first.clone(), class, at);
        }
        let text = self.parsed_text(first, at)?;
        let radix = match radix.map(Num::of) {
            None => 10,
            Some(Some(Num::Int(radix @ 2..=36))) => radix.cast_unsigned(),
            Some(_) => return Err(RunError::boxed("number_format_exception", at, "radix must be 2 to 36")),
        };
        let value = i64::from_str_radix(&text, radix).ok();
        let value = match value {
            Some(value) if int => i32::try_from(value).ok().map(Val::Int),
            value => value.map(Val::Long),
        };
        value.ok_or_else(|| not_a_number(&text, at))
    }

    fn parse_double(&mut self, function: Function, value: &Val<'a>, at: u32) -> Ran<Val<'a>> {
        let float = matches!(function, Function::ParseFloat | Function::FloatOf);
        let number = match Num::of(value) {
            Some(number) => number.double(),
            None => {
                let text = self.parsed_text(value, at)?;
                java_double(text.trim()).ok_or_else(|| not_a_number(&text, at))?
            }
        };
        Ok(if float { Val::Float(number as f32) } else { Val::Double(number) })
    }

    fn parsed_text(&self, value: &Val<'a>, at: u32) -> Ran<Text<'a>> {
        match value {
            Val::Text(text) => Ok(text.clone()),
            Val::Null => Err(null_access("parse", at)),
            other => Err(self.cannot_cast(other, "string", at)),
        }
    }
}

fn not_a_number(text: &str, at: u32) -> Box<RunError> {
    let shown: String = text.chars().take(50).collect();
    RunError::boxed("number_format_exception", at, format!("For input string: \"{shown}\""))
}

/// As Java reads a double: `1`, `.5`, `1e3`, `1.5d`, `NaN`, `-Infinity`.
fn java_double(text: &str) -> Option<f64> {
    match text.trim_start_matches(['+', '-']) {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ => {}
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
    if plain { digits.parse().ok() } else { None }
}

fn round(value: f64) -> i64 {
    // 0.49999999999999994 + 0.5 would be 1.
    let floor = value.floor();
    (if value - floor >= 0.5 { floor + 1.0 } else { floor }) as i64
}

fn extreme<'a>(largest: bool, a: Num, b: Num) -> Val<'a> {
    let first = match a.compare(b) {
        Some(order) => {
            if largest {
                order.is_ge()
            } else {
                order.is_le()
            }
        }
        // NaN wins.
        None => a.double().is_nan(),
    };
    let chosen = if first { a } else { b };
    match (a, b) {
        (Num::Double(_), _) | (_, Num::Double(_)) => Val::Double(chosen.double()),
        (Num::Float(_), _) | (_, Num::Float(_)) => Val::Float(chosen.float()),
        (Num::Long(_), _) | (_, Num::Long(_)) => Val::Long(chosen.long()),
        _ => Val::Int(chosen.int()),
    }
}

/// The functions that take and give doubles.
fn real(function: Function, a: f64, b: f64) -> f64 {
    match function {
        Function::Acos => a.acos(),
        Function::Acosh => a.acosh(),
        Function::Asin => a.asin(),
        Function::Asinh => a.asinh(),
        Function::Atan => a.atan(),
        Function::Atan2 => a.atan2(b),
        Function::Atanh => a.atanh(),
        Function::Cbrt => a.cbrt(),
        Function::Ceil => a.ceil(),
        Function::Cos => a.cos(),
        Function::Cosh => a.cosh(),
        Function::Exp => a.exp(),
        Function::Expm1 => a.exp_m1(),
        Function::Floor => a.floor(),
        Function::Hypot => a.hypot(b),
        Function::Log => a.ln(),
        Function::Log10 => a.log10(),
        Function::Log1p => a.ln_1p(),
        // logn(base, x)
        Function::Logn => b.ln() / a.ln(),
        Function::Pow => a.powf(b),
        Function::Rint => a.round_ties_even(),
        Function::Signum if a == 0.0 || a.is_nan() => a,
        Function::Signum => a.signum(),
        Function::Sin => a.sin(),
        Function::Sinh => a.sinh(),
        Function::Sqrt => a.sqrt(),
        Function::Tan => a.tan(),
        Function::Tanh => a.tanh(),
        Function::ToDegrees => a.to_degrees(),
        Function::ToRadians => a.to_radians(),
        // All others are no functions of doubles and handled before.
        _ => f64::NAN,
    }
}

/// Kilometres between two points in degrees: latitude, longitude, latitude, longitude.
fn haversine_km(degrees: &[f64]) -> f64 {
    let [lat1, lon1, lat2, lon2] = *degrees else { return f64::NAN };
    let [lat1, lon1, lat2, lon2] = [lat1, lon1, lat2, lon2].map(f64::to_radians);
    let h =
        ((lat2 - lat1) / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * ((lon2 - lon1) / 2.0).sin().powi(2);
    2.0 * 6_371.008_771_4 * h.sqrt().min(1.0).asin()
}
