//! Where an address is: the built-in country database, and `.mmdb` files of the user's own.

mod database;

use arc_swap::ArcSwap;
use database::{Database, Kind};
use event::Object;
use maxminddb::MaxMindDbError;
use parking_lot::Mutex;
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
