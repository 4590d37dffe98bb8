//! What every handler of the port is given: who asks, the path, the parameters, the body.

use super::{body, error::ElasticError, names, parameters, persona::Persona, strict_json};
use crate::{
    auth::{User, extract::not_logged_in, scope::elastic_scope_of},
    state::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts as _, Query, RawPathParams, Request},
    http::{HeaderName, StatusCode, header},
};
use event::Object;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};
use store::{
    logs::{IndicesOptions, Refresh},
    scope::Scope,
};

/// Parameters that make no difference on one node that answers compactly.
const WITHOUT_EFFECT: &[&str] = &[
    "error_trace",
    "filter_path",
    "human",
    "include_type_name",
    "local",
    "master_timeout",
    "preference",
    "pretty",
    "source_content_type",
    "timeout",
    "wait_for_active_shards",
    "format",
    "ignore_throttled",
];

/// A request as handlers take it. Each takes the parameters that it knows; [`Asked::done`] refuses what is left, as
/// ignoring one could change the answer unnoticed.
pub(super) struct Asked {
    pub(super) app: App,
    pub(super) scope: Scope,
    pub(super) uri_path: String,
    pub(super) body: Bytes,
    path: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
    /// As what this is answered.
    pub(super) persona: Persona,
    /// Who asks.
    pub(super) user: Arc<User>,
    /// The address that the client has used.
    host: String,
    /// The client asks for JSON by its `Accept`.
    json: bool,
}

impl FromRequest<App> for Asked {
    type Rejection = ElasticError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ElasticError> {
        let user = request.extensions().get::<Arc<User>>().cloned().ok_or_else(not_logged_in)?;
        let persona = request.extensions().get::<Persona>().copied();
        let persona = persona.ok_or_else(|| ElasticError::illegal("the request has no persona"))?;
        let uri_path = request.uri().path().to_owned();
        let Query(parameters) = Query::try_from_uri(request.uri())
            .map_err(|_| ElasticError::illegal("the parameters are not readable"))?;
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app)
            .await
            .map_err(|error| ElasticError::illegal(error.body_text()))?;
        let path = path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header(header::HOST).unwrap_or("127.0.0.1:9200").to_owned();
        let json =
            header(header::ACCEPT).is_some_and(|accept| accept.contains("json") || accept.contains("yaml"));
        let encoding = header(header::CONTENT_ENCODING).unwrap_or_default().to_ascii_lowercase();
        let body = body::read(body, encoding, app).await?;
        Ok(Self {
            app: app.clone(),
            scope: elastic_scope_of(&user),
            persona,
            user,
            uri_path,
            body,
            path,
            parameters,
            host,
            json,
        })
    }
}

impl Asked {
    /// The address of this node as the client knows it.
    pub(super) fn address(&self) -> &str {
        &self.host
    }

    /// Whether the client asks for JSON where text is the default.
    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// A segment of the path; empty if the route has none of the name.
    pub(super) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The index names and patterns of the path; all without.
    pub(super) fn indices(&self) -> Result<Vec<String>, ElasticError> {
        match self.path.get("index") {
            Some(index) => names::patterns(index),
            None => Ok(names::everything()),
        }
    }

    /// The one index of the path.
    pub(super) fn index(&self) -> Result<String, ElasticError> {
        names::resolve(self.part("index"))
    }

    /// A parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Whether there is such a parameter.
    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.contains_key(name)
    }

    /// A switch.
    pub(super) fn flag(&mut self, name: &str, default: bool) -> Result<bool, ElasticError> {
        self.take(name).map_or(Ok(default), |value| parameters::flag(name, &value))
    }

    /// A number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<u64>, ElasticError> {
        let parse = |value: String| {
            value.parse().map_err(|_| {
                ElasticError::illegal(format!("Failed to parse long parameter [{name}] with value [{value}]"))
            })
        };
        self.take(name).map(parse).transpose()
    }

    /// `refresh`: when a write becomes visible.
    pub(super) fn refresh(&mut self) -> Result<Refresh, ElasticError> {
        match self.take("refresh").as_deref() {
            None | Some("false") => Ok(Refresh::Background),
            Some("" | "true") => Ok(Refresh::Now),
            Some("wait_for") => Ok(Refresh::WaitFor),
            Some(other) => Err(ElasticError::illegal(format!("Unknown value for refresh: [{other}]."))),
        }
    }

    /// `ignore_unavailable`, `allow_no_indices`, `expand_wildcards`.
    pub(super) fn options(&mut self, base: IndicesOptions) -> Result<IndicesOptions, ElasticError> {
        let mut options = base;
        options.ignore_unavailable = self.flag("ignore_unavailable", base.ignore_unavailable)?;
        options.allow_no_indices = self.flag("allow_no_indices", base.allow_no_indices)?;
        if let Some(states) = self.take("expand_wildcards") {
            parameters::expand_wildcards(&states, &mut options)?;
        }
        Ok(options)
    }

    /// Refuses parameters that were not taken.
    pub(super) fn done(&self) -> Result<(), ElasticError> {
        let unknown = self.parameters.keys().find(|name| !WITHOUT_EFFECT.contains(&name.as_str()));
        match unknown {
            None => Ok(()),
            Some(name) => Err(ElasticError::illegal(format!(
                "request [{}] contains unrecognized parameter: [{name}]",
                self.uri_path
            ))),
        }
    }

    /// The parameters that are left.
    pub(super) fn rest(&mut self) -> BTreeMap<String, String> {
        std::mem::take(&mut self.parameters)
    }

    /// Whether there is a body.
    pub(super) fn has_body(&self) -> bool {
        !self.body.trim_ascii().is_empty()
    }

    /// The body as an object; empty without a body.
    pub(super) fn object(&self) -> Result<Object, ElasticError> {
        if !self.has_body() {
            return Ok(Object::new());
        }
        read_object(&self.body)
    }

    /// The body as an object, which there must be.
    pub(super) fn required(&self) -> Result<Value, ElasticError> {
        if !self.has_body() {
            return Err(ElasticError::new(
                StatusCode::BAD_REQUEST,
                "parse_exception",
                "request body is required",
            ));
        }
        Ok(Value::Object(read_object(&self.body)?))
    }
}

/// An object from JSON.
pub(super) fn read_object(bytes: &[u8]) -> Result<Object, ElasticError> {
    strict_json::object(bytes).map_err(|error| {
        ElasticError::new(
            StatusCode::BAD_REQUEST,
            "parse_exception",
            format!("Failed to parse content to map: {error}"),
        )
    })
}
