//! What scripts may name: the fixed tables of types, methods, functions and constants.

/// Methods by name with the least and the most arguments. A name means what the type of its value makes of it.
macro_rules! methods {
    ($($variant:ident $name:literal $least:literal $most:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Method { $($variant),* }
        impl Method {
            const TABLE: &[(&str, Method, usize, usize)] = &[$(($name, Method::$variant, $least, $most)),*];
            pub(super) fn name(self) -> &'static str { match self { $(Self::$variant => $name),* } }
        }
    };
}

methods! {
    // All values
    Equals "equals" 1 1, HashCode "hashCode" 0 0, ToText "toString" 0 0, CompareTo "compareTo" 1 1,
    // Strings
    CharAt "charAt" 1 1, CodePointAt "codePointAt" 1 1, CompareToIgnoreCase "compareToIgnoreCase" 1 1,
    Concat "concat" 1 1, Contains "contains" 1 1, EndsWith "endsWith" 1 1,
    EqualsIgnoreCase "equalsIgnoreCase" 1 1, IndexOf "indexOf" 1 2, IsEmpty "isEmpty" 0 0,
    LastIndexOf "lastIndexOf" 1 2, Length "length" 0 0, Replace "replace" 2 2, SplitOnToken "splitOnToken" 1 2,
    StartsWith "startsWith" 1 2, Substring "substring" 1 2, SubSequence "subSequence" 2 2,
    ToLowerCase "toLowerCase" 0 1, ToUpperCase "toUpperCase" 0 1, Trim "trim" 0 0,
    // Lists
    Add "add" 1 2, AddAll "addAll" 1 2, Clear "clear" 0 0, ContainsAll "containsAll" 1 1, Get "get" 1 1,
    GetLength "getLength" 0 0, Remove "remove" 1 1, RemoveAll "removeAll" 1 1, Set "set" 2 2, Size "size" 0 0,
    Sort "sort" 1 1, SubList "subList" 2 2,
    // Lists, with a lambda
    Any "any" 1 1, Collect "collect" 1 1, Every "every" 1 1, Find "find" 1 1, FindAll "findAll" 1 1,
    RemoveIf "removeIf" 1 1,
    // Maps and their entries
    ContainsKey "containsKey" 1 1, ContainsValue "containsValue" 1 1, EntrySet "entrySet" 0 0,
    GetOrDefault "getOrDefault" 2 2, KeySet "keySet" 0 0, Put "put" 2 2, PutAll "putAll" 1 1,
    PutIfAbsent "putIfAbsent" 2 2, Values "values" 0 0,
    GetKey "getKey" 0 0, GetValue "getValue" 0 0, SetValue "setValue" 1 1,
    // Numbers and booleans
    BooleanValue "booleanValue" 0 0, DoubleValue "doubleValue" 0 0, FloatValue "floatValue" 0 0,
    IntValue "intValue" 0 0, LongValue "longValue" 0 0, IsInfinite "isInfinite" 0 0, IsNan "isNaN" 0 0,
    // Doc values
    ArcDistance "arcDistance" 2 2, ArcDistanceWithDefault "arcDistanceWithDefault" 3 3,
    PlaneDistance "planeDistance" 2 2, PlaneDistanceWithDefault "planeDistanceWithDefault" 3 3,
    GetLat "getLat" 0 0, GetLon "getLon" 0 0, GetLats "getLats" 0 0, GetLons "getLons" 0 0,
    // Doc values in Lucene's expressions
    Avg "avg" 0 0, Count "count" 0 0, Median "median" 0 0, MaxOf "max" 0 0, MinOf "min" 0 0, SumOf "sum" 0 0,
    GetDate "getDate" 0 0,
    // Dates: java.time
    GetYear "getYear" 0 0, GetMonth "getMonth" 0 0, GetMonthValue "getMonthValue" 0 0,
    GetDayOfMonth "getDayOfMonth" 0 0, GetDayOfYear "getDayOfYear" 0 0, GetDayOfWeek "getDayOfWeek" 0 0,
    GetDayOfWeekEnum "getDayOfWeekEnum" 0 0, GetHour "getHour" 0 0, GetMinute "getMinute" 0 0,
    GetSecond "getSecond" 0 0, GetNano "getNano" 0 0, GetZone "getZone" 0 0, GetId "getId" 0 0,
    IsAfter "isAfter" 1 1, IsBefore "isBefore" 1 1, IsEqual "isEqual" 1 1, AtZone "atZone" 1 1,
    ToInstant "toInstant" 0 0, ToEpochMilli "toEpochMilli" 0 0, ToEpochSecond "toEpochSecond" 0 0,
    GetEpochSecond "getEpochSecond" 0 0, TruncatedTo "truncatedTo" 1 1,
    WithZoneSameInstant "withZoneSameInstant" 1 1, WithZoneSameLocal "withZoneSameLocal" 1 1,
    PlusYears "plusYears" 1 1, PlusMonths "plusMonths" 1 1, PlusWeeks "plusWeeks" 1 1, PlusDays "plusDays" 1 1,
    PlusHours "plusHours" 1 1, PlusMinutes "plusMinutes" 1 1, PlusSeconds "plusSeconds" 1 1,
    PlusMillis "plusMillis" 1 1, PlusNanos "plusNanos" 1 1, MinusYears "minusYears" 1 1,
    MinusMonths "minusMonths" 1 1, MinusWeeks "minusWeeks" 1 1, MinusDays "minusDays" 1 1,
    MinusHours "minusHours" 1 1, MinusMinutes "minusMinutes" 1 1, MinusSeconds "minusSeconds" 1 1,
    MinusMillis "minusMillis" 1 1, MinusNanos "minusNanos" 1 1, Between "between" 2 2,
    GetDisplayName "getDisplayName" 2 2,
    // Dates: what 7.x keeps of Joda
    GetMillis "getMillis" 0 0, GetCenturyOfEra "getCenturyOfEra" 0 0, GetEra "getEra" 0 0,
    GetHourOfDay "getHourOfDay" 0 0, GetMillisOfDay "getMillisOfDay" 0 0,
    GetMillisOfSecond "getMillisOfSecond" 0 0, GetMinuteOfDay "getMinuteOfDay" 0 0,
    GetMinuteOfHour "getMinuteOfHour" 0 0, GetMonthOfYear "getMonthOfYear" 0 0,
    GetSecondOfDay "getSecondOfDay" 0 0, GetSecondOfMinute "getSecondOfMinute" 0 0,
    GetWeekOfWeekyear "getWeekOfWeekyear" 0 0, GetWeekyear "getWeekyear" 0 0,
    GetYearOfCentury "getYearOfCentury" 0 0, GetYearOfEra "getYearOfEra" 0 0,
}

impl Method {
    /// The method with the numbers of arguments that it takes.
    pub(super) fn find(name: &str) -> Option<(Self, std::ops::RangeInclusive<usize>)> {
        let found = Self::TABLE.iter().find(|(text, ..)| *text == name);
        found.map(|(_, method, least, most)| (*method, *least..=*most))
    }

    /// The method that `value.name` calls: `getName`, `isName` or, for lists, `length`.
    pub(super) fn getter(name: &str) -> Option<Self> {
        if name == "length" {
            return Some(Self::GetLength);
        }
        let mut rest = name.chars();
        let first = rest.next().filter(char::is_ascii_lowercase)?.to_ascii_uppercase();
        ["get", "is"].iter().find_map(|prefix| {
            let (method, arity) = Self::find(&format!("{prefix}{first}{}", rest.as_str()))?;
            arity.contains(&0).then_some(method)
        })
    }

    /// Whether its argument is a lambda.
    pub(super) fn takes_lambda(self) -> bool {
        use Method::{Any, Collect, Every, Find, FindAll, RemoveIf};
        matches!(self, Any | Collect | Every | Find | FindAll | RemoveIf)
    }
}

/// Functions of classes, `Class.name(…)`, with the least and the most arguments.
macro_rules! functions {
    ($($variant:ident $class:literal $name:literal $least:literal $most:literal),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($variant),* }
        impl Function {
            const TABLE: &[(&str, &str, Function, usize, usize)] =
                &[$(($class, $name, Function::$variant, $least, $most)),*];
            /// Class and name.
            pub(super) fn name(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($class, $name)),* }
            }
        }
    };
}

functions! {
    Abs "Math" "abs" 1 1, Acos "Math" "acos" 1 1, Asin "Math" "asin" 1 1, Atan "Math" "atan" 1 1,
    Atan2 "Math" "atan2" 2 2, Cbrt "Math" "cbrt" 1 1, Ceil "Math" "ceil" 1 1, Cos "Math" "cos" 1 1,
    Cosh "Math" "cosh" 1 1, Exp "Math" "exp" 1 1, Expm1 "Math" "expm1" 1 1, Floor "Math" "floor" 1 1,
    Hypot "Math" "hypot" 2 2, Log "Math" "log" 1 1, Log10 "Math" "log10" 1 1, Log1p "Math" "log1p" 1 1,
    Max "Math" "max" 2 2, Min "Math" "min" 2 2, Pow "Math" "pow" 2 2, Rint "Math" "rint" 1 1,
    Round "Math" "round" 1 1, Signum "Math" "signum" 1 1, Sin "Math" "sin" 1 1, Sinh "Math" "sinh" 1 1,
    Sqrt "Math" "sqrt" 1 1, Tan "Math" "tan" 1 1, Tanh "Math" "tanh" 1 1,
    ToDegrees "Math" "toDegrees" 1 1, ToRadians "Math" "toRadians" 1 1,
    // Of Lucene's expressions only
    Acosh "Expression" "acosh" 1 1, Asinh "Expression" "asinh" 1 1, Atanh "Expression" "atanh" 1 1,
    Haversin "Expression" "haversin" 4 4, Logn "Expression" "logn" 2 2,
    ParseInt "Integer" "parseInt" 1 2, IntegerOf "Integer" "valueOf" 1 1, IntegerText "Integer" "toString" 1 1,
    IntegerCompare "Integer" "compare" 2 2,
    ParseLong "Long" "parseLong" 1 2, LongOf "Long" "valueOf" 1 1, LongText "Long" "toString" 1 1,
    LongCompare "Long" "compare" 2 2,
    ParseFloat "Float" "parseFloat" 1 1, FloatOf "Float" "valueOf" 1 1,
    ParseDouble "Double" "parseDouble" 1 1, DoubleOf "Double" "valueOf" 1 1, DoubleText "Double" "toString" 1 1,
    DoubleCompare "Double" "compare" 2 2, DoubleIsNan "Double" "isNaN" 1 1,
    DoubleIsInfinite "Double" "isInfinite" 1 1, DoubleIsFinite "Double" "isFinite" 1 1,
    ParseBoolean "Boolean" "parseBoolean" 1 1, BooleanOf "Boolean" "valueOf" 1 1,
    TextOf "String" "valueOf" 1 1, Join "String" "join" 2 2,
    ObjectsEquals "Objects" "equals" 2 2, IsNull "Objects" "isNull" 1 1, NonNull "Objects" "nonNull" 1 1,
    OfEpochMilli "Instant" "ofEpochMilli" 1 1, OfEpochSecond "Instant" "ofEpochSecond" 1 1,
    InstantParse "Instant" "parse" 1 1,
    DateParse "ZonedDateTime" "parse" 1 1, DateOfInstant "ZonedDateTime" "ofInstant" 2 2, ZoneOf "ZoneId" "of" 1 1,
    WindowMax "MovingFunctions" "max" 1 1, WindowMin "MovingFunctions" "min" 1 1,
    WindowSum "MovingFunctions" "sum" 1 1, WindowStdDev "MovingFunctions" "stdDev" 2 2,
    UnweightedAvg "MovingFunctions" "unweightedAvg" 1 1,
    LinearWeightedAvg "MovingFunctions" "linearWeightedAvg" 1 1, Ewma "MovingFunctions" "ewma" 2 2,
    Holt "MovingFunctions" "holt" 3 3, HoltWinters "MovingFunctions" "holtWinters" 6 6,
}

impl Function {
    /// The function with the numbers of arguments that it takes.
    pub(super) fn find(class: &str, name: &str) -> Option<(Self, std::ops::RangeInclusive<usize>)> {
        let found = Self::TABLE.iter().find(|row| row.0 == class && row.1 == name);
        found.map(|(_, _, function, least, most)| (*function, *least..=*most))
    }

    /// A function of Lucene's expressions: those of `Math` by their bare names, and a few more.
    pub(super) fn find_bare(name: &str) -> Option<(Self, std::ops::RangeInclusive<usize>)> {
        const JAVA_ONLY: &[&str] =
            &["cbrt", "expm1", "hypot", "log", "log1p", "rint", "round", "signum", "toDegrees", "toRadians"];
        if JAVA_ONLY.contains(&name) {
            return None;
        }
        let name = if name == "ln" { "log" } else { name };
        Self::find("Math", name).or_else(|| Self::find("Expression", name))
    }

    /// Whether scripts name that class.
    pub(super) fn is_class(class: &str) -> bool {
        class != "Expression" && Self::TABLE.iter().any(|row| row.0 == class)
    }
}

/// A constant of a class, `Class.NAME`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Constant {
    /// A number.
    Int(&'static str, i32),
    Long(&'static str, i64),
    Double(&'static str, f64),
    Unit(Unit),
    DayOfWeek(i8),
    Month(i8),
    TextStyle(TextStyle),
    /// The one locale there is: English names.
    Locale,
    /// UTC.
    Utc,
}

/// `java.time.temporal.ChronoUnit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Nanos,
    Millis,
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

const UNITS: [(&str, Unit); 9] = [
    ("NANOS", Unit::Nanos),
    ("MILLIS", Unit::Millis),
    ("SECONDS", Unit::Seconds),
    ("MINUTES", Unit::Minutes),
    ("HOURS", Unit::Hours),
    ("DAYS", Unit::Days),
    ("WEEKS", Unit::Weeks),
    ("MONTHS", Unit::Months),
    ("YEARS", Unit::Years),
];

/// `java.time.format.TextStyle`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextStyle {
    Full,
    Short,
    Narrow,
}

const STYLES: [(&str, TextStyle); 3] =
    [("FULL", TextStyle::Full), ("SHORT", TextStyle::Short), ("NARROW", TextStyle::Narrow)];

pub(super) const DAYS: [&str; 7] =
    ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];
pub(super) const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];

const NUMBERS: [(&str, &str, Constant); 13] = [
    ("Math", "PI", Constant::Double("Math.PI", std::f64::consts::PI)),
    ("Math", "E", Constant::Double("Math.E", std::f64::consts::E)),
    ("Integer", "MAX_VALUE", Constant::Int("Integer.MAX_VALUE", i32::MAX)),
    ("Integer", "MIN_VALUE", Constant::Int("Integer.MIN_VALUE", i32::MIN)),
    ("Long", "MAX_VALUE", Constant::Long("Long.MAX_VALUE", i64::MAX)),
    ("Long", "MIN_VALUE", Constant::Long("Long.MIN_VALUE", i64::MIN)),
    ("Double", "MAX_VALUE", Constant::Double("Double.MAX_VALUE", f64::MAX)),
    // The smallest positive one, as Java calls it.
    ("Double", "MIN_VALUE", Constant::Double("Double.MIN_VALUE", 5e-324)),
    ("Double", "NaN", Constant::Double("Double.NaN", f64::NAN)),
    ("Double", "POSITIVE_INFINITY", Constant::Double("Double.POSITIVE_INFINITY", f64::INFINITY)),
    ("Double", "NEGATIVE_INFINITY", Constant::Double("Double.NEGATIVE_INFINITY", f64::NEG_INFINITY)),
    ("ZoneOffset", "UTC", Constant::Utc),
    ("Locale", "ROOT", Constant::Locale),
];

impl Constant {
    pub(super) fn find(class: &str, name: &str) -> Option<Self> {
        let position = |names: &[&str]| {
            names.iter().position(|text| *text == name).and_then(|i| i8::try_from(i + 1).ok())
        };
        match class {
            "ChronoUnit" => UNITS.iter().find(|(text, _)| *text == name).map(|(_, unit)| Self::Unit(*unit)),
            "TextStyle" => {
                STYLES.iter().find(|(text, _)| *text == name).map(|(_, style)| Self::TextStyle(*style))
            }
            "DayOfWeek" => position(&DAYS).map(Self::DayOfWeek),
            "Month" => position(&MONTHS).map(Self::Month),
            "Locale" if matches!(name, "ENGLISH" | "US" | "UK") => Some(Self::Locale),
            _ => NUMBERS.iter().find(|row| row.0 == class && row.1 == name).map(|row| row.2),
        }
    }

    /// Whether scripts name that class for its constants.
    pub(super) fn is_class(class: &str) -> bool {
        matches!(class, "ChronoUnit" | "TextStyle" | "DayOfWeek" | "Month")
            || NUMBERS.iter().any(|row| row.0 == class)
    }

    /// Class and name.
    pub(super) fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Int(text, _) | Self::Long(text, _) | Self::Double(text, _) => {
                text.split_once('.').unwrap_or(("", text))
            }
            Self::Unit(unit) => {
                ("ChronoUnit", UNITS.iter().find(|(_, known)| *known == unit).map_or("", |(text, _)| text))
            }
            Self::TextStyle(style) => {
                ("TextStyle", STYLES.iter().find(|(_, known)| *known == style).map_or("", |(text, _)| text))
            }
            Self::DayOfWeek(day) => ("DayOfWeek", nth(&DAYS, day)),
            Self::Month(month) => ("Month", nth(&MONTHS, month)),
            Self::Locale => ("Locale", "ROOT"),
            Self::Utc => ("ZoneOffset", "UTC"),
        }
    }
}

/// The name of a day or month, counted from 1.
fn nth(names: &[&'static str], number: i8) -> &'static str {
    usize::try_from(number - 1).ok().and_then(|i| names.get(i)).copied().unwrap_or("")
}

/// Types of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// `def` and `Object`: anything.
    Any,
    Text,
    Boolean,
    Character,
    Integer,
    Long,
    Float,
    Double,
    Number,
    List,
    Map,
    Date,
    Instant,
}

/// A type as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeName {
    pub(super) text: &'static str,
    pub(super) class: Class,
    /// Cannot be null and begins with zero.
    pub(super) primitive: bool,
    /// `new` makes one.
    pub(super) constructible: bool,
}

const fn of(text: &'static str, class: Class, primitive: bool, constructible: bool) -> TypeName {
    TypeName { text, class, primitive, constructible }
}

const TYPES: [TypeName; 25] = [
    of("def", Class::Any, false, false),
    of("Object", Class::Any, false, false),
    of("String", Class::Text, false, true),
    of("CharSequence", Class::Text, false, false),
    of("boolean", Class::Boolean, true, false),
    of("Boolean", Class::Boolean, false, false),
    of("char", Class::Character, true, false),
    of("Character", Class::Character, false, false),
    of("int", Class::Integer, true, false),
    of("Integer", Class::Integer, false, false),
    of("long", Class::Long, true, false),
    of("Long", Class::Long, false, false),
    of("float", Class::Float, true, false),
    of("Float", Class::Float, false, false),
    of("double", Class::Double, true, false),
    of("Double", Class::Double, false, false),
    of("Number", Class::Number, false, false),
    of("List", Class::List, false, false),
    of("ArrayList", Class::List, false, true),
    of("Collection", Class::List, false, false),
    of("Map", Class::Map, false, false),
    of("HashMap", Class::Map, false, true),
    of("LinkedHashMap", Class::Map, false, true),
    of("ZonedDateTime", Class::Date, false, false),
    of("Instant", Class::Instant, false, false),
];

impl TypeName {
    pub(super) const DEF: Self = TYPES[0];

    pub(super) fn find(name: &str) -> Option<Self> {
        TYPES.iter().find(|known| known.text == name).copied()
    }

    /// All types, for messages.
    pub(super) fn known() -> String {
        TYPES.map(|known| known.text).join(", ")
    }
}
