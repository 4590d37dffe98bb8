//! The tantivy schema of one generation of an index, and where in it a field of the mapping is found.

use super::mapping::{Family, FieldMapping, FieldOrigin, FieldType, Mapping};
use tantivy::{
    Term,
    schema::{
        BytesOptions, DateOptions, DateTimePrecision, Field, IndexRecordOption, IpAddrOptions,
        JsonObjectOptions, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
    },
};

/// Name of the analyzer that does what Elasticsearch's `standard` does: the words of Unicode (`words.rs`), lower case.
pub(crate) const STANDARD: &str = "standard";
/// Name of the tokenizer that keeps a string whole.
const RAW: &str = "raw";

const ID: &str = "_id";
const SOURCE: &str = "_source";
const SEQ_NO: &str = "_seq_no";
const VERSION: &str = "_version";
const ROUTING: &str = "_routing";
const IGNORED: &str = "_ignored";
const FIELD_NAMES: &str = "_field_names";
const DYNAMIC_KEYWORDS: &str = "$keywords";
const DYNAMIC_TEXTS: &str = "$texts";
const DYNAMIC_VALUES: &str = "$values";

/// Names in the tantivy schema that a mapped field can't have.
pub(crate) const RESERVED: [&str; 10] = [
    ID,
    SOURCE,
    SEQ_NO,
    VERSION,
    ROUTING,
    IGNORED,
    FIELD_NAMES,
    DYNAMIC_KEYWORDS,
    DYNAMIC_TEXTS,
    DYNAMIC_VALUES,
];

/// The tantivy schema of one generation.
///
/// Explicit fields have a tantivy field each, under their dotted path (a `geo_point` has two, `path#lat` and
/// `path#lon`, a range `path#from` and `path#to`). Dynamic fields share three JSON fields, under their dotted path there: keywords (inverted index and
/// column), texts (inverted index with positions), and values (column only: numbers, booleans, dates).
#[derive(Debug, Clone)]
pub(crate) struct IndexSchema {
    /// The schema itself.
    pub(crate) tantivy: Schema,
    /// `_id`: raw, inverted index.
    pub(crate) id: Field,
    /// `_source`: bytes of the JSON document; neither indexed nor a column.
    pub(crate) source: Field,
    /// `_seq_no`: `u64` column `_seq_no`.
    pub(crate) seq_no: Field,
    /// `_version`: `u64` column `_version`.
    pub(crate) version: Field,
    /// `_routing`: raw, inverted index. Generations made before there was routing have none.
    pub(crate) routing: Option<Field>,
    /// `_ignored`: raw, inverted index and column: paths of fields that could not be indexed.
    pub(crate) ignored: Field,
    /// `_field_names`: raw, inverted index: paths that the document has a value for and that have no column.
    /// `exists` on these is a term query here.
    pub(crate) field_names: Field,
    /// JSON field of the dynamic keywords.
    pub(crate) dynamic_keywords: Field,
    /// JSON field of the dynamic texts.
    pub(crate) dynamic_texts: Field,
    /// JSON field of the dynamic numbers, booleans and dates.
    pub(crate) dynamic_values: Field,
}

/// Where the values of a field are in one generation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Location {
    /// In a tantivy field of its own.
    Own(Field),
    /// In a JSON field, under this path (dots separate).
    Json(Field, String),
    /// In two `f64` columns: latitude, longitude.
    Geo(Field, Field),
    /// In two address columns: from, to.
    Ends(Field, Field),
}

/// A field of the mapping, found in one generation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResolvedField {
    /// Its path in the mapping, aliases resolved. Below a `flattened` field: the path asked for.
    pub(crate) path: String,
    /// Its Elasticsearch type.
    pub(crate) field_type: FieldType,
    /// How it is indexed.
    pub(crate) mapping: FieldMapping,
    /// Where its values are.
    pub(crate) location: Location,
    /// Name of its column, as tantivy's sorts, range queries and aggregations take it (for a `geo_point`: of the
    /// latitude's). `None`: it has no column.
    pub(crate) column: Option<String>,
    /// Whether it has an inverted index, so that term queries work. Otherwise search through the column.
    pub(crate) inverted: bool,
}

impl ResolvedField {
    /// How values are stored and compared.
    pub(crate) fn family(&self) -> Family {
        self.field_type.family()
    }

    /// The tantivy field that holds the values (of a `geo_point`: the latitude's).
    pub(crate) fn field(&self) -> Field {
        match &self.location {
            Location::Own(field)
            | Location::Json(field, _)
            | Location::Geo(field, _)
            | Location::Ends(field, _) => *field,
        }
    }

    /// The term of a string in this field's inverted index (keyword: the whole value; text: one token).
    pub(crate) fn string_term(&self, value: &str) -> Term {
        match &self.location {
            Location::Json(field, path) => {
                let mut term = Term::from_field_json_path(*field, path, true);
                term.append_type_and_str(value);
                term
            }
            Location::Own(field) | Location::Geo(field, _) | Location::Ends(field, _) => {
                Term::from_field_text(*field, value)
            }
        }
    }
}

impl IndexSchema {
    /// The schema of a new generation: every explicit field of the mapping, and the shared ones.
    pub(crate) fn new(mapping: &Mapping) -> Self {
        let mut builder = Schema::builder();
        add_metadata(&mut builder);
        let mut explicit: Vec<_> =
            mapping.fields.iter().filter(|(_, field)| field.origin == FieldOrigin::Explicit).collect();
        explicit.sort_unstable_by_key(|(path, _)| path.as_str());
        for (path, field) in explicit {
            add_field(&mut builder, path, field);
        }
        Self::locate(builder.build()).expect("the metadata fields were added above")
    }

    /// The schema of an existing tantivy index; `None` if it is not one of ours.
    pub(crate) fn locate(tantivy: Schema) -> Option<Self> {
        let field = |name| tantivy.get_field(name).ok();
        Some(Self {
            id: field(ID)?,
            source: field(SOURCE)?,
            seq_no: field(SEQ_NO)?,
            version: field(VERSION)?,
            routing: field(ROUTING),
            ignored: field(IGNORED)?,
            field_names: field(FIELD_NAMES)?,
            dynamic_keywords: field(DYNAMIC_KEYWORDS)?,
            dynamic_texts: field(DYNAMIC_TEXTS)?,
            dynamic_values: field(DYNAMIC_VALUES)?,
            tantivy,
        })
    }

    /// Whether documents are in tantivy's own store: so it is in generations made before they had a file of their own.
    pub(crate) fn stores_source(&self) -> bool {
        self.tantivy.get_field_entry(self.source).is_stored()
    }

    /// Whether every explicit field of the mapping has its place here.
    pub(crate) fn covers(&self, mapping: &Mapping) -> bool {
        mapping.fields.iter().all(|(path, field)| self.location(path, field).is_some())
    }

    /// Finds a field by its dotted path (or alias). `None`: this generation has no values for it.
    pub(crate) fn resolve(&self, mapping: &Mapping, path: &str) -> Option<ResolvedField> {
        if let Some(metadata) = self.resolve_metadata(path) {
            return Some(metadata);
        }
        let path = mapping.target(path);
        if let Some(field) = mapping.fields.get(path) {
            let location = self.location(path, field)?;
            return Some(self.resolved(path, field, location));
        }
        self.resolve_below_flattened(mapping, path)
    }

    /// Where the values of a mapped field are stored; `None` if this generation is older than the field.
    pub(crate) fn location(&self, path: &str, field: &FieldMapping) -> Option<Location> {
        let family = field.field_type.family();
        if field.origin == FieldOrigin::Dynamic || field.field_type == FieldType::Flattened {
            let json = match family {
                Family::Keyword => self.dynamic_keywords,
                Family::Text => self.dynamic_texts,
                _ => self.dynamic_values,
            };
            return Some(Location::Json(json, path.to_owned()));
        }
        if family == Family::Geo {
            let lat = self.tantivy.get_field(&format!("{path}#lat")).ok()?;
            let lon = self.tantivy.get_field(&format!("{path}#lon")).ok()?;
            return Some(Location::Geo(lat, lon));
        }
        if family == Family::Range {
            let from = self.tantivy.get_field(&format!("{path}#from")).ok()?;
            let to = self.tantivy.get_field(&format!("{path}#to")).ok()?;
            return Some(Location::Ends(from, to));
        }
        self.tantivy.get_field(path).ok().map(Location::Own)
    }

    fn resolved(&self, path: &str, field: &FieldMapping, location: Location) -> ResolvedField {
        let shared = matches!(location, Location::Json(..));
        let family = field.field_type.family();
        let has_column = if shared { family != Family::Text } else { field.has_column() };
        let column = has_column.then(|| match &location {
            Location::Own(own) => self.tantivy.get_field_name(*own).to_owned(),
            Location::Geo(first, _) | Location::Ends(first, _) => {
                self.tantivy.get_field_name(*first).to_owned()
            }
            Location::Json(json, path) => {
                format!("{}.{}", self.tantivy.get_field_name(*json), path.replace('\\', "\\\\"))
            }
        });
        let inverted = if shared {
            matches!(family, Family::Keyword | Family::Text)
        } else {
            field.has_inverted_index()
        };
        ResolvedField {
            path: path.to_owned(),
            field_type: field.field_type,
            mapping: field.clone(),
            location,
            column,
            inverted,
        }
    }

    fn resolve_metadata(&self, path: &str) -> Option<ResolvedField> {
        let (field, field_type, column, inverted) = match path {
            ID => (self.id, FieldType::Keyword, None, true),
            ROUTING => (self.routing?, FieldType::Keyword, None, true),
            IGNORED => (self.ignored, FieldType::Keyword, Some(IGNORED), true),
            SEQ_NO => (self.seq_no, FieldType::UnsignedLong, Some(SEQ_NO), false),
            VERSION => (self.version, FieldType::UnsignedLong, Some(VERSION), false),
            _ => return None,
        };
        Some(ResolvedField {
            path: path.to_owned(),
            field_type,
            mapping: FieldMapping::new(field_type, FieldOrigin::Explicit),
            location: Location::Own(field),
            column: column.map(str::to_owned),
            inverted,
        })
    }

    fn resolve_below_flattened(&self, mapping: &Mapping, path: &str) -> Option<ResolvedField> {
        let mut at = path;
        while let Some(dot) = at.rfind('.') {
            at = &at[..dot];
            if let Some(field) = mapping.fields.get(at) {
                return (field.field_type == FieldType::Flattened).then(|| {
                    self.resolved(path, field, Location::Json(self.dynamic_keywords, path.to_owned()))
                });
            }
        }
        None
    }
}

fn raw(index_option: IndexRecordOption) -> TextFieldIndexing {
    TextFieldIndexing::default().set_tokenizer(RAW).set_fieldnorms(false).set_index_option(index_option)
}

fn words() -> TextFieldIndexing {
    TextFieldIndexing::default()
        .set_tokenizer(STANDARD)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions)
}

fn add_metadata(builder: &mut SchemaBuilder) {
    let exact = TextOptions::default().set_indexing_options(raw(IndexRecordOption::Basic));
    builder.add_text_field(ID, exact.clone());
    builder.add_bytes_field(SOURCE, BytesOptions::default());
    builder.add_u64_field(SEQ_NO, NumericOptions::default().set_fast());
    builder.add_u64_field(VERSION, NumericOptions::default().set_fast());
    builder.add_text_field(ROUTING, exact.clone());
    builder.add_text_field(IGNORED, exact.clone().set_fast(RAW));
    builder.add_text_field(FIELD_NAMES, exact);
    let json = JsonObjectOptions::default().set_expand_dots_enabled();
    builder.add_json_field(
        DYNAMIC_KEYWORDS,
        json.clone().set_indexing_options(raw(IndexRecordOption::Basic)).set_fast(RAW),
    );
    builder.add_json_field(DYNAMIC_TEXTS, json.clone().set_indexing_options(words()));
    builder.add_json_field(DYNAMIC_VALUES, json.set_fast(RAW));
}

fn add_field(builder: &mut SchemaBuilder, path: &str, field: &FieldMapping) {
    let (inverted, column) = (field.has_inverted_index(), field.has_column());
    match field.field_type.family() {
        Family::Keyword if field.field_type == FieldType::Flattened => {}
        Family::Keyword => {
            let mut options = TextOptions::default();
            if inverted {
                options = options.set_indexing_options(raw(IndexRecordOption::Basic));
            }
            if column {
                options = options.set_fast(RAW);
            }
            builder.add_text_field(path, options);
        }
        Family::Text => {
            let options = TextOptions::default();
            let options = if inverted { options.set_indexing_options(words()) } else { options };
            builder.add_text_field(path, options);
        }
        Family::Integer => {
            builder.add_i64_field(path, numeric(inverted, column));
        }
        Family::Unsigned => {
            builder.add_u64_field(path, numeric(inverted, column));
        }
        Family::Float => {
            builder.add_f64_field(path, numeric(inverted, column));
        }
        Family::Boolean => {
            builder.add_bool_field(path, numeric(inverted, column));
        }
        Family::Date => {
            builder.add_date_field(path, date(field.field_type, inverted, column));
        }
        Family::Ip => {
            let options = IpAddrOptions::default();
            let options = if inverted { options.set_indexed() } else { options };
            builder.add_ip_addr_field(path, if column { options.set_fast() } else { options });
        }
        Family::Range => {
            let options = IpAddrOptions::default();
            let options = if column { options.set_fast() } else { options };
            builder.add_ip_addr_field(&format!("{path}#from"), options.clone());
            builder.add_ip_addr_field(&format!("{path}#to"), options);
        }
        Family::Geo => {
            builder.add_f64_field(&format!("{path}#lat"), numeric(false, column));
            builder.add_f64_field(&format!("{path}#lon"), numeric(false, column));
        }
    }
}

fn numeric(inverted: bool, column: bool) -> NumericOptions {
    let options = NumericOptions::default();
    let options = if inverted { options.set_indexed() } else { options };
    if column { options.set_fast() } else { options }
}

fn date(field_type: FieldType, inverted: bool, column: bool) -> DateOptions {
    let precision = match field_type {
        FieldType::DateNanos => DateTimePrecision::Nanoseconds,
        _ => DateTimePrecision::Milliseconds,
    };
    let options = DateOptions::default().set_precision(precision);
    let options = if inverted { options.set_indexed() } else { options };
    if column { options.set_fast() } else { options }
}
