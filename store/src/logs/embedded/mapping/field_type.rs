use serde::{Deserialize, Serialize};

/// An Elasticsearch field type that the embedded engine can index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FieldType {
    /// Whole strings.
    Keyword,
    /// Whole strings that are the same in every document.
    ConstantKeyword,
    /// Whole strings meant for wildcard queries; indexed as [`FieldType::Keyword`].
    Wildcard,
    /// Words of a text, with positions.
    Text,
    /// Words of a text; indexed as [`FieldType::Text`].
    MatchOnlyText,
    /// Integer, 8 bits.
    Byte,
    /// Integer, 16 bits.
    Short,
    /// Integer, 32 bits.
    Integer,
    /// Integer, 64 bits.
    Long,
    /// Integer, 64 bits, not negative.
    UnsignedLong,
    /// Floating point, kept as 64 bits.
    HalfFloat,
    /// Floating point, kept as 64 bits.
    Float,
    /// Floating point, 64 bits.
    Double,
    /// Floating point rounded to a multiple of `1 / scaling_factor`.
    ScaledFloat,
    /// True or false.
    Boolean,
    /// Instant, in milliseconds.
    Date,
    /// Instant, in nanoseconds.
    DateNanos,
    /// IPv4 or IPv6 address.
    Ip,
    /// Point on the earth.
    GeoPoint,
    /// Ranges of integers, 32 bits.
    IntegerRange,
    /// Ranges of integers, 64 bits.
    LongRange,
    /// Ranges of floating point, 32 bits.
    FloatRange,
    /// Ranges of floating point, 64 bits.
    DoubleRange,
    /// Ranges of instants, in milliseconds.
    DateRange,
    /// Ranges of addresses.
    IpRange,
    /// Object whose leaves are all keywords.
    Flattened,
    /// Base64 text that is kept, never searched.
    Binary,
}

/// What types have in common as to how values are stored, compared and searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// Whole strings.
    Keyword,
    /// Analysed text.
    Text,
    /// Signed integers (`i64`).
    Integer,
    /// Unsigned integers (`u64`).
    Unsigned,
    /// Floating point (`f64`).
    Float,
    /// Booleans.
    Boolean,
    /// Instants: tantivy dates (nanoseconds inside), cut to the precision of the type.
    Date,
    /// Addresses: IPv4 is mapped into IPv6.
    Ip,
    /// Two `f64` columns, latitude and longitude.
    Geo,
    /// Two columns of 128 bits, the ends of ranges.
    Range,
}

impl Family {
    /// Whether values need tantivy fields of their own: the shared JSON fields can't hold them.
    pub(crate) fn needs_own_place(self) -> bool {
        matches!(self, Self::Ip | Self::Geo | Self::Range)
    }
}

/// Every type with the name that Elasticsearch gives it.
const NAMES: [(&str, FieldType); 27] = [
    ("keyword", FieldType::Keyword),
    ("constant_keyword", FieldType::ConstantKeyword),
    ("wildcard", FieldType::Wildcard),
    ("text", FieldType::Text),
    ("match_only_text", FieldType::MatchOnlyText),
    ("byte", FieldType::Byte),
    ("short", FieldType::Short),
    ("integer", FieldType::Integer),
    ("long", FieldType::Long),
    ("unsigned_long", FieldType::UnsignedLong),
    ("half_float", FieldType::HalfFloat),
    ("float", FieldType::Float),
    ("double", FieldType::Double),
    ("scaled_float", FieldType::ScaledFloat),
    ("boolean", FieldType::Boolean),
    ("date", FieldType::Date),
    ("date_nanos", FieldType::DateNanos),
    ("ip", FieldType::Ip),
    ("geo_point", FieldType::GeoPoint),
    ("integer_range", FieldType::IntegerRange),
    ("long_range", FieldType::LongRange),
    ("float_range", FieldType::FloatRange),
    ("double_range", FieldType::DoubleRange),
    ("date_range", FieldType::DateRange),
    ("ip_range", FieldType::IpRange),
    ("flattened", FieldType::Flattened),
    ("binary", FieldType::Binary),
];

impl FieldType {
    /// The type of that name; `None` if the engine does not know it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, field_type)| *field_type)
    }

    /// The name that Elasticsearch gives the type.
    pub(crate) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("object", |(name, _)| name)
    }

    /// How values are stored, compared and searched.
    pub(crate) fn family(self) -> Family {
        match self {
            Self::Keyword | Self::ConstantKeyword | Self::Wildcard | Self::Flattened | Self::Binary => {
                Family::Keyword
            }
            Self::Text | Self::MatchOnlyText => Family::Text,
            Self::Byte | Self::Short | Self::Integer | Self::Long => Family::Integer,
            Self::UnsignedLong => Family::Unsigned,
            Self::HalfFloat | Self::Float | Self::Double | Self::ScaledFloat => Family::Float,
            Self::Boolean => Family::Boolean,
            Self::Date | Self::DateNanos => Family::Date,
            Self::Ip => Family::Ip,
            Self::GeoPoint => Family::Geo,
            Self::IntegerRange
            | Self::LongRange
            | Self::FloatRange
            | Self::DoubleRange
            | Self::DateRange
            | Self::IpRange => Family::Range,
        }
    }

    /// A number as the type keeps it: `float` has 32 bits, `half_float` 16. Infinite where that is too few.
    pub(crate) fn rounded(self, value: f64) -> f64 {
        match self {
            Self::Float => f64::from(value as f32),
            Self::HalfFloat => half_precision(value as f32),
            _ => value,
        }
    }

    /// Smallest and largest value of the integer types of less than 64 bits and of `long`.
    pub(crate) fn integer_range(self) -> (i64, i64) {
        match self {
            Self::Byte => (i64::from(i8::MIN), i64::from(i8::MAX)),
            Self::Short => (i64::from(i16::MIN), i64::from(i16::MAX)),
            Self::Integer => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }
}

/// The nearest number of IEEE 754's binary16, the even one of two: 11 bits of significand, exponents of -14 to 15.
fn half_precision(value: f32) -> f64 {
    const LARGEST: f64 = 65_504.0;
    let value = f64::from(value);
    let exponent = (value.abs().to_bits() >> 52) as i32 - 1_023;
    let unit = f64::powi(2.0, exponent.clamp(-14, 16) - 10);
    let rounded = (value / unit).round_ties_even() * unit;
    if rounded.abs() > LARGEST { f64::INFINITY.copysign(value) } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for (name, field_type) in NAMES {
            assert_eq!(FieldType::from_name(name), Some(field_type));
            assert_eq!(field_type.name(), name);
        }
        assert_eq!(FieldType::from_name("nested"), None);
    }
}
