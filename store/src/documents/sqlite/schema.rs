//! Tables and indices of the declared collections.

use super::super::{Collection, DocumentIndex, limits};
use crate::{ErrorKind, StoreError, sqlite::sqlite_error};
use rusqlite::{Connection, params};
use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write as _,
    sync::Arc,
};

/// The collections that were declared when the file was opened.
pub(super) struct Schema {
    tables: HashMap<&'static str, Arc<Table>>,
}

/// One collection: its table and its indices.
pub(super) struct Table {
    /// Name of the table, safe to stand in SQL.
    pub(super) name: String,
    collection: &'static str,
    indices: Vec<Index>,
}

struct Index {
    /// Name in the file; changes with what the index says.
    name: String,
    create: String,
    /// For people: `users(email)`.
    title: String,
}

impl Schema {
    /// Checks the declarations.
    pub(super) fn new(collections: &[Collection]) -> Result<Self, StoreError> {
        let mut tables = HashMap::new();
        for collection in collections {
            let table = Arc::new(Table::new(collection)?);
            if tables.insert(collection.name, table).is_some() {
                return Err(StoreError::invalid(format!(
                    "the collection {:?} is declared twice",
                    collection.name
                )));
            }
        }
        Ok(Self { tables })
    }

    /// The table of a collection.
    pub(super) fn table(&self, collection: &Collection) -> Result<Arc<Table>, StoreError> {
        self.tables.get(collection.name).cloned().ok_or_else(|| {
            StoreError::invalid(format!(
                "the collection {:?} was not declared when the store was opened",
                collection.name
            ))
        })
    }

    /// All tables.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values().map(Arc::as_ref)
    }

    /// Creates what is missing and drops indices that are no longer declared.
    pub(super) fn apply(&self, connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
        for table in self.tables() {
            table.apply(connection, now_ms)?;
        }
        Ok(())
    }
}

impl Table {
    fn new(collection: &Collection) -> Result<Self, StoreError> {
        limits::check_collection(collection.name)?;
        let name = format!("documents_{}", collection.name);
        let indices = collection
            .indices
            .iter()
            .map(|index| Index::new(&name, collection.name, index))
            .collect::<Result<_, _>>()?;
        Ok(Self { name, collection: collection.name, indices })
    }

    fn apply(&self, connection: &Connection, now_ms: i64) -> Result<(), StoreError> {
        let Self { name, collection, indices } = self;
        let failed = |error| sqlite_error(format!("cannot prepare the collection {collection:?}"), error);
        // The body comes last, so that reading the columns before it never touches its overflow pages.
        connection
            .execute_batch(&format!(
                "CREATE TABLE IF NOT EXISTS {name} (
                     id TEXT PRIMARY KEY NOT NULL,
                     version INTEGER NOT NULL,
                     expires_ms INTEGER,
                     body TEXT NOT NULL
                 ) STRICT;
                 CREATE INDEX IF NOT EXISTS {name}__expires ON {name} (expires_ms)
                     WHERE expires_ms IS NOT NULL;"
            ))
            .map_err(failed)?;
        connection
            .execute("INSERT OR IGNORE INTO collections VALUES (?, ?)", params![collection, now_ms])
            .map_err(failed)?;
        let present = self.indices_present(connection).map_err(failed)?;
        let declared: BTreeSet<&str> = indices.iter().map(|index| index.name.as_str()).collect();
        for gone in present.iter().filter(|name| !declared.contains(name.as_str())) {
            connection.execute_batch(&format!("DROP INDEX \"{gone}\"")).map_err(failed)?;
        }
        for index in indices.iter().filter(|index| !present.contains(&index.name)) {
            connection.execute_batch(&index.create).map_err(|error| index.not_created(error))?;
        }
        Ok(())
    }

    /// Names of the declared indices that the file has now.
    fn indices_present(&self, connection: &Connection) -> rusqlite::Result<BTreeSet<String>> {
        connection
            .prepare(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = ? AND instr(name, ?) = 1",
            )?
            .query_map(params![self.name, index_prefix(&self.name)], |row| row.get(0))?
            .collect()
    }

    /// Title of the unique index that SQLite's message on a violated constraint names.
    pub(super) fn violated_index(&self, message: &str) -> Option<&str> {
        self.indices.iter().find(|index| message.contains(&index.name)).map(|index| index.title.as_str())
    }
}

impl Index {
    fn new(table: &str, collection: &str, index: &DocumentIndex) -> Result<Self, StoreError> {
        if index.fields.is_empty() || index.fields.len() > 8 {
            return Err(StoreError::invalid(format!(
                "an index of the collection {collection:?} has {} fields, 1 to 8 are allowed",
                index.fields.len()
            )));
        }
        let mut keys = String::new();
        for field in index.fields {
            limits::check_field(field)?;
            let _ = write!(keys, "{}, ", sort_key(field));
        }
        // SQLite never holds two rows with an absent (null) member to be equal, as the contract wants it. The id
        // makes the order of a plain index total, so that pages are read from it without sorting.
        let (kind, keys) = match index.unique {
            true => ("UNIQUE INDEX", keys.trim_end_matches(", ").to_owned()),
            false => ("INDEX", keys + "id"),
        };
        let digest = blake3::hash(format!("{kind} {keys}").as_bytes()).to_hex();
        let name = format!("{}{}", index_prefix(table), &digest[..16]);
        Ok(Self {
            create: format!("CREATE {kind} {name} ON {table} ({keys})"),
            title: format!("{collection}({})", index.fields.join(", ")),
            name,
        })
    }

    fn not_created(&self, error: rusqlite::Error) -> StoreError {
        if is_unique_violation(&error) {
            return StoreError::new(
                ErrorKind::Conflict,
                format!("cannot create the unique index {}: stored documents share its values", self.title),
            )
            .because(error);
        }
        sqlite_error(format!("cannot create the index {}", self.title), error)
    }
}

fn index_prefix(table: &str) -> String {
    format!("{table}__by_")
}

/// Whether the statement failed because two rows would share a unique value.
pub(super) fn is_unique_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|cause| cause.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

/// The SQL expression by which a member is compared and sorted: null (absent; also objects and arrays, which are
/// not compared), then numbers, then texts, then false and true. These are MongoDB's classes in its order, laid
/// upon SQLite's own order of null < number < text < blob. Queries must use exactly this text for SQLite to
/// recognise the index on it.
///
/// `path` must have passed [`limits::check_field`]: it has no quotes.
pub(super) fn sort_key(path: &str) -> String {
    let mut json_path = String::from("$");
    for part in path.split('.') {
        let _ = write!(json_path, ".\"{part}\"");
    }
    format!(
        "CASE json_type(body, '{json_path}') WHEN 'true' THEN x'01' WHEN 'false' THEN x'00' \
         WHEN 'object' THEN NULL WHEN 'array' THEN NULL ELSE json_extract(body, '{json_path}') END"
    )
}
