//! One database of addresses, and what its records say.

use super::super::countries;
use super::{BUILT_IN, GeoError, GeoProperty, PROPERTIES};
use event::Object;
use maxminddb::Reader;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;

/// Kind of a database, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    City,
    Country,
    Asn,
}

impl Kind {
    fn of(database_type: &str) -> Option<Self> {
        let name = database_type.to_ascii_lowercase();
        if name.contains("asn") {
            Some(Self::Asn)
        } else if name.contains("city") || name.contains("enterprise") {
            Some(Self::City)
        } else if name.contains("country") {
            Some(Self::Country)
        } else {
            None
        }
    }

    /// What Elasticsearch gives unless told otherwise.
    fn defaults(self) -> &'static [GeoProperty] {
        use GeoProperty as P;
        match self {
            Self::City => &[
                P::ContinentName,
                P::CountryName,
                P::CountryIsoCode,
                P::RegionIsoCode,
                P::RegionName,
                P::CityName,
                P::Location,
            ],
            Self::Country => &[P::ContinentName, P::CountryName, P::CountryIsoCode],
            Self::Asn => &[P::Asn, P::OrganizationName, P::Network],
        }
    }
}

/// The parts of a record that are used, of all kinds of databases at once.
#[derive(Debug, Default, Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    continent: Place<'a>,
    #[serde(borrow, default)]
    country: Place<'a>,
    #[serde(borrow, default)]
    city: Place<'a>,
    #[serde(borrow, default)]
    subdivisions: Vec<Place<'a>>,
    #[serde(borrow, default)]
    location: Coordinates<'a>,
    /// Flat databases hold the code only.
    #[serde(borrow, default)]
    country_code: Option<&'a str>,
    #[serde(default)]
    autonomous_system_number: Option<u32>,
    #[serde(borrow, default)]
    autonomous_system_organization: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
struct Place<'a> {
    #[serde(borrow, default)]
    code: Option<&'a str>,
    #[serde(borrow, default)]
    iso_code: Option<&'a str>,
    #[serde(borrow, default)]
    names: Names<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct Names<'a> {
    #[serde(borrow, default)]
    en: Option<&'a str>,
}

#[derive(Debug, Default, Deserialize)]
struct Coordinates<'a> {
    #[serde(default)]
    latitude: Option<f64>,
    #[serde(default)]
    longitude: Option<f64>,
    #[serde(borrow, default)]
    time_zone: Option<&'a str>,
}

/// One database in memory. (Mapping the file would need `unsafe`, and a file that is overwritten in place would crash
/// the process.)
pub(super) struct Database {
    pub(super) name: String,
    pub(super) kind: Kind,
    reader: Reader<Vec<u8>>,
}

impl Database {
    pub(super) fn open(name: String, bytes: Vec<u8>) -> Result<Self, GeoError> {
        let reader = match Reader::from_source(bytes) {
            Ok(reader) => reader,
            Err(source) => return Err(GeoError::Database { name, source }),
        };
        let Some(kind) = Kind::of(&reader.metadata().database_type) else {
            return Err(GeoError::Kind { name, kind: reader.metadata().database_type.clone() });
        };
        let database = Self { name, kind, reader };
        // A damaged file often opens and fails at its first records: find that out before it is in use.
        for probe in ["1.1.1.1", "8.8.8.8", "81.2.69.142", "216.160.83.56", "2001:218::1"] {
            if let Ok(address) = probe.parse() {
                database.lookup(address, None)?;
            }
        }
        Ok(database)
    }

    pub(super) fn lookup(
        &self,
        address: IpAddr,
        wanted: Option<&[GeoProperty]>,
    ) -> Result<Option<Object>, GeoError> {
        let fail = |source| GeoError::Database { name: self.name.clone(), source };
        let address = address.to_canonical();
        // The registries' data give even private addresses a country; a user's own file may know them on purpose.
        if self.name == BUILT_IN && is_local(address) {
            return Ok(None);
        }
        if address.is_ipv6() && self.reader.metadata().ip_version == 4 {
            return Ok(None);
        }
        let result = self.reader.lookup(address).map_err(fail)?;
        let Some(record) = result.decode::<Record<'_>>().map_err(fail)? else { return Ok(None) };
        let network = || result.network().ok().map(|network| network.to_string());
        let wanted = wanted.unwrap_or(self.kind.defaults());
        let mut out = Object::new();
        // In the order of the table, so that equal answers are equal text.
        for (name, property) in PROPERTIES.iter().filter(|(_, property)| wanted.contains(property)) {
            let value = match property {
                GeoProperty::Ip => Some(Value::String(address.to_string())),
                GeoProperty::Network => network().map(Value::String),
                property => record.property(*property),
            };
            if let Some(value) = value {
                out.insert((*name).to_owned(), value);
            }
        }
        Ok((!out.is_empty()).then_some(out))
    }
}

impl Record<'_> {
    fn property(&self, property: GeoProperty) -> Option<Value> {
        let code = self.country.iso_code.or(self.country_code);
        let known = || countries::find(code?);
        let text = |text: Option<&str>| text.map(Value::from);
        let region = self.subdivisions.first();
        match property {
            GeoProperty::Ip | GeoProperty::Network => None,
            GeoProperty::ContinentCode => {
                text(self.continent.code.or_else(|| Some(known()?.continent.code())))
            }
            GeoProperty::ContinentName => {
                text(self.continent.names.en.or_else(|| Some(known()?.continent.name())))
            }
            GeoProperty::CountryIsoCode => text(code),
            GeoProperty::CountryName => text(self.country.names.en.or_else(|| Some(known()?.name))),
            GeoProperty::RegionIsoCode => Some(json!(format!("{}-{}", code?, region?.iso_code?))),
            GeoProperty::RegionName => text(region?.names.en),
            GeoProperty::CityName => text(self.city.names.en),
            GeoProperty::Timezone => text(self.location.time_zone),
            GeoProperty::Location => {
                Some(json!({"lat": self.location.latitude?, "lon": self.location.longitude?}))
            }
            GeoProperty::Asn => self.autonomous_system_number.map(Value::from),
            GeoProperty::OrganizationName => text(self.autonomous_system_organization),
        }
    }
}

/// Addresses that are nowhere: private, local, reserved, for documentation (IANA special-purpose registries).
fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_documentation()
                || matches!((a, b), (0 | 224..=255, _) | (100, 64..=127) | (198, 18..=19))
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || a & 0xfe00 == 0xfc00
                || a & 0xffc0 == 0xfe80
                || a >= 0xff00
                || (a, b) == (0x2001, 0xdb8)
        }
    }
}
