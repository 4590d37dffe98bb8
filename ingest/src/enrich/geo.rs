//! Where an address is: the built-in country database, and `.mmdb` files of the user's own.

use super::countries;
use arc_swap::ArcSwap;
use event::Object;
use maxminddb::{MaxMindDbError, Reader};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

/// Country by address; see `data/README.md` for origin and licence.
const EMBEDDED: &[u8] = include_bytes!("../../data/geo-country.mmdb.zst");
/// The expanded size is 7.8 MB; more than this is not that file.
const EMBEDDED_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Name of the built-in database; no file is called so.
const BUILT_IN: &str = "built-in";
/// Largest database file that is read into memory.
const FILE_MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Why a lookup or a database failed.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// The database is damaged, or is no database.
    #[error("cannot read geo database \"{name}\": {source}")]
    Database {
        /// Name of the file.
        name: String,
        /// What the reader says.
        source: MaxMindDbError,
    },
    /// The file cannot be read.
    #[error("cannot read geo database \"{name}\": {source}")]
    File {
        /// Name of the file.
        name: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file is a database of another kind.
    #[error("geo database \"{name}\" is of type \"{kind}\": city, country and ASN databases are used")]
    Kind {
        /// Name of the file.
        name: String,
        /// Its type by its own account.
        kind: String,
    },
    /// The file is larger than can be kept in memory.
    #[error("geo database \"{name}\" is larger than {FILE_MAX_BYTES} bytes")]
    TooLarge {
        /// Name of the file.
        name: String,
    },
}

/// What a lookup can give; the names are those of Elasticsearch's `geoip` processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeoProperty {
    /// The address itself.
    Ip,
    /// `continent_code`, such as `EU`.
    ContinentCode,
    /// `continent_name`.
    ContinentName,
    /// `country_iso_code`, ISO 3166-1 alpha-2.
    CountryIsoCode,
    /// `country_name`.
    CountryName,
    /// `region_iso_code`, ISO 3166-2.
    RegionIsoCode,
    /// `region_name`.
    RegionName,
    /// `city_name`.
    CityName,
    /// `timezone`, of the IANA database.
    Timezone,
    /// `location`, as `{lat, lon}`.
    Location,
    /// `asn`.
    Asn,
    /// `organization_name` of the autonomous system.
    OrganizationName,
    /// `network`, in CIDR notation.
    Network,
}

const PROPERTIES: [(&str, GeoProperty); 13] = [
    ("ip", GeoProperty::Ip),
    ("continent_code", GeoProperty::ContinentCode),
    ("continent_name", GeoProperty::ContinentName),
    ("country_iso_code", GeoProperty::CountryIsoCode),
    ("country_name", GeoProperty::CountryName),
    ("region_iso_code", GeoProperty::RegionIsoCode),
    ("region_name", GeoProperty::RegionName),
    ("city_name", GeoProperty::CityName),
    ("timezone", GeoProperty::Timezone),
    ("location", GeoProperty::Location),
    ("asn", GeoProperty::Asn),
    ("organization_name", GeoProperty::OrganizationName),
    ("network", GeoProperty::Network),
];

impl GeoProperty {
    /// A property by its name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        PROPERTIES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, property)| *property)
    }
}

/// Kind of a database, by its own account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
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
struct Database {
    name: String,
    kind: Kind,
    reader: Reader<Vec<u8>>,
}

impl Database {
    fn open(name: String, bytes: Vec<u8>) -> Result<Self, GeoError> {
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

    fn lookup(&self, address: IpAddr, wanted: Option<&[GeoProperty]>) -> Result<Option<Object>, GeoError> {
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

/// The user's databases in force.
#[derive(Default)]
struct Loaded {
    by_name: BTreeMap<String, Arc<Database>>,
}

impl Loaded {
    /// Of several of a kind the first by name.
    fn of(&self, kind: Kind) -> Option<&Arc<Database>> {
        self.by_name.values().find(|database| database.kind == kind)
    }
}

/// What tells that a file has changed.
type Stamp = (Option<SystemTime>, u64);

/// All databases of addresses: one for countries built in, and the files `*.mmdb` of a directory.
///
/// Kinds are told by the files' own metadata. For geography a city database comes before a country database, and
/// either before the built-in one, which still answers for addresses that the others do not know. A database without coordinates gives none: nothing is invented.
pub struct GeoDatabases {
    directory: Option<PathBuf>,
    loaded: ArcSwap<Loaded>,
    /// What each file was when it was last read, whether or not it could be used.
    stamps: Mutex<HashMap<PathBuf, Stamp>>,
    embedded: OnceLock<Option<Arc<Database>>>,
}

impl GeoDatabases {
    /// The built-in database only.
    pub fn embedded() -> Self {
        Self {
            directory: None,
            loaded: ArcSwap::default(),
            stamps: Mutex::default(),
            embedded: OnceLock::new(),
        }
    }

    /// With the files of a directory, which may be missing or empty. Reads them at once; blocks on files.
    pub fn with_directory(directory: PathBuf) -> Self {
        let databases = Self { directory: Some(directory), ..Self::embedded() };
        databases.refresh();
        databases
    }

    /// Looks whether files came, changed (time or size) or went, and swaps the new set in as a whole. A new file that
    /// is damaged is refused with a warning and what was in force under its name stays. Answers whether anything has
    /// changed. Blocks on files: call it every few seconds from a blocking thread.
    pub fn refresh(&self) -> bool {
        let Some(directory) = &self.directory else { return false };
        let mut stamps = self.stamps.lock();
        let files = match list(directory) {
            Ok(files) => files,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(directory = %directory.display(), %error, "cannot list geo databases");
                }
                BTreeMap::new()
            }
        };
        let old = self.loaded.load();
        let mut by_name = BTreeMap::new();
        let mut changed = false;
        for (path, stamp) in &files {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let kept = old.by_name.get(&name);
            if stamps.get(path) == Some(stamp) {
                by_name.extend(kept.map(|database| (name, Arc::clone(database))));
                continue;
            }
            stamps.insert(path.clone(), *stamp);
            match read(path, &name, stamp.1) {
                Ok(database) => {
                    tracing::info!(database = %name, kind = ?database.kind, "geo database loaded");
                    changed = true;
                    by_name.insert(name, Arc::new(database));
                }
                Err(error) => {
                    tracing::warn!(%error, kept = kept.is_some(), "geo database refused");
                    by_name.extend(kept.map(|database| (name, Arc::clone(database))));
                }
            }
        }
        stamps.retain(|path, _| files.contains_key(path));
        changed |= by_name.len() != old.by_name.len();
        if changed {
            self.loaded.store(Arc::new(Loaded { by_name }));
        }
        changed
    }

    /// Expands the built-in database now rather than at the first lookup.
    pub fn warm(&self) {
        self.built_in();
    }

    /// Names of the user's databases in force.
    pub fn names(&self) -> Vec<String> {
        self.loaded.load().by_name.keys().cloned().collect()
    }

    fn built_in(&self) -> Option<&Arc<Database>> {
        let open = || {
            let bytes = zstd::bulk::decompress(EMBEDDED, EMBEDDED_MAX_BYTES);
            let name = BUILT_IN.to_owned();
            let opened = match bytes {
                Ok(bytes) => Database::open(name, bytes),
                Err(source) => Err(GeoError::File { name, source }),
            };
            opened
                .map_err(|error| tracing::error!(%error, "built-in geo database is damaged"))
                .ok()
                .map(Arc::new)
        };
        self.embedded.get_or_init(open).as_ref()
    }

    /// The database for a `database_file`. MaxMind's own names for geography mean the best there is, as does none.
    fn choose(&self, file: Option<&str>) -> Option<Arc<Database>> {
        let loaded = self.loaded.load();
        if let Some(found) = file.and_then(|file| loaded.by_name.get(file)) {
            return Some(Arc::clone(found));
        }
        match file {
            Some(file) if file.ends_with("-ASN.mmdb") => loaded.of(Kind::Asn).cloned(),
            None | Some("GeoLite2-City.mmdb" | "GeoLite2-Country.mmdb") => {
                let own = loaded.of(Kind::City).or_else(|| loaded.of(Kind::Country)).cloned();
                own.or_else(|| self.built_in().cloned())
            }
            Some(_) => None,
        }
    }

    /// Whether there is a database for that `database_file`.
    pub fn has(&self, file: Option<&str>) -> bool {
        self.choose(file).is_some()
    }

    /// What is known of an address; `None`: nothing, or there is no such database. `properties`: those wanted, by
    /// default what Elasticsearch gives for the kind of database.
    ///
    /// # Errors
    /// The database is damaged there.
    pub fn lookup(
        &self,
        file: Option<&str>,
        address: IpAddr,
        properties: Option<&[GeoProperty]>,
    ) -> Result<Option<Object>, GeoError> {
        let Some(database) = self.choose(file) else { return Ok(None) };
        let found = database.lookup(address, properties)?;
        let any_geography = matches!(file, None | Some("GeoLite2-City.mmdb" | "GeoLite2-Country.mmdb"));
        if found.is_some() || !any_geography || database.name == BUILT_IN {
            return Ok(found);
        }
        // An address that the user's file does not know has not lost its country by installing that file.
        self.built_in().map_or(Ok(None), |built_in| built_in.lookup(address, properties))
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

fn list(directory: &Path) -> io::Result<BTreeMap<PathBuf, Stamp>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "mmdb") {
            // A file that goes while we look is simply not there.
            if let Ok(metadata) = fs::metadata(&path)
                .and_then(|m| if m.is_file() { Ok(m) } else { Err(io::ErrorKind::Other.into()) })
            {
                files.insert(path, (metadata.modified().ok(), metadata.len()));
            }
        }
    }
    Ok(files)
}

fn read(path: &Path, name: &str, size: u64) -> Result<Database, GeoError> {
    if size > FILE_MAX_BYTES {
        return Err(GeoError::TooLarge { name: name.to_owned() });
    }
    let bytes = fs::read(path).map_err(|source| GeoError::File { name: name.to_owned(), source })?;
    Database::open(name.to_owned(), bytes)
}

#[cfg(test)]
mod tests;
