//! What the search endpoints are given: who asks, the parameters, the body.

use super::super::{
    cluster, error::ElasticError, names, parameters, parameters::Parameters, script::put_sources,
};
use crate::{
    auth::{extract::Caller, scope::elastic_scope_of},
    frame::extract::ApiQuery,
    state::App,
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
};
use event::Object;
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};
use store::{
    logs::{IndexAdmin, LogStore, SearchRequest, SearchResponse, dsl::parse_duration},
    scope::Scope,
};

/// How long a search may take.
pub(super) const SEARCH_TIMEOUT: Duration = Duration::from_secs(30);

/// A request to one of the search endpoints.
pub(super) struct Call {
    app: App,
    pub(super) scope: Scope,
    pub(super) path: String,
    /// The names and patterns of the path; all without.
    pub(super) indices: Vec<String>,
    /// The segment behind the fixed part of the path, if the route has one.
    pub(super) id: Option<String>,
    pub(super) parameters: BTreeMap<String, String>,
    body: Bytes,
}

impl FromRequest<App> for Call {
    type Rejection = ElasticError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ElasticError> {
        let (mut parts, body) = request.into_parts();
        let Caller(user) = Caller::from_request_parts(&mut parts, app).await?;
        let path = parts.uri.path().to_owned();
        let ApiQuery(parameters) = ApiQuery::from_request_parts(&mut parts, app).await?;
        let segments = RawPathParams::from_request_parts(&mut parts, app)
            .await
            .map_err(|error| ElasticError::illegal(error.body_text()))?;
        let segment = |wanted: &str| {
            segments.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned())
        };
        let indices =
            segment("index").map_or_else(|| Ok(names::everything()), |index| names::patterns(&index))?;
        let id = segment("id");
        let body = Bytes::from_request(Request::from_parts(parts, body), app)
            .await
            .map_err(|error| ElasticError::parse(format!("cannot read the body: {}", error.body_text())))?;
        Ok(Self { app: app.clone(), scope: elastic_scope_of(&user), path, indices, id, parameters, body })
    }
}

impl Call {
    /// Where events are searched.
    pub(super) fn logs(&self) -> &dyn LogStore {
        self.app.parts().logs.as_ref()
    }

    /// What is known about indices.
    pub(super) fn admin(&self) -> &dyn IndexAdmin {
        self.app.parts().admin.as_ref()
    }

    /// The body as it was sent.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// The body as an object; an empty one without.
    pub(super) fn body(&self) -> Result<Object, ElasticError> {
        if self.body.trim_ascii().is_empty() {
            return Ok(Object::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(body)) => Ok(body),
            Ok(_) => Err(ElasticError::parse("the body must be an object")),
            Err(error) => Err(ElasticError::parse(format!("cannot read the body: {error}"))),
        }
    }

    /// The body with what the parameters say, and what they say beside it.
    pub(super) fn search_body(&mut self) -> Result<(Object, Parameters), ElasticError> {
        let mut body = self.body()?;
        let given = std::mem::take(&mut self.parameters);
        let parameters = parameters::apply(&self.path, given, &mut body)?;
        Ok((body, parameters))
    }

    /// Takes a parameter.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.parameters.remove(name)
    }

    /// Takes a time.
    pub(super) fn take_duration(&mut self, name: &str) -> Result<Option<Duration>, ElasticError> {
        self.take(name).map(|text| duration(name, &text)).transpose()
    }

    /// Refuses parameters that nobody took: ignoring one could change the answer unnoticed.
    pub(super) fn done(&self) -> Result<(), ElasticError> {
        parameters::refuse_unknown(&self.path, &self.parameters)
    }

    /// Refuses to keep a search open for longer than the cluster lets it.
    pub(super) async fn check_keep_alive(&self, wanted: Option<Duration>) -> Result<(), ElasticError> {
        let Some(wanted) = wanted else { return Ok(()) };
        let setting = cluster::setting(&self.app, "search.max_keep_alive").await?;
        match setting.as_deref().and_then(parse_duration) {
            Some(most) if wanted > most => Err(ElasticError::illegal(format!(
                "Keep alive for request ({}s) is too large. It must be less than ({}s). This limit can be set by changing \
                 the [search.max_keep_alive] cluster level setting.",
                wanted.as_secs(),
                most.as_secs()
            ))),
            _ => Ok(()),
        }
    }

    /// The body of a search with the sources of the stored scripts that it names.
    pub(super) fn with_scripts(&self, body: Object) -> Result<Object, ElasticError> {
        let mut body = Value::Object(body);
        put_sources(&mut body, self.app.parts().pipelines.scripts())?;
        match body {
            Value::Object(body) => Ok(body),
            _ => Ok(Object::new()),
        }
    }

    /// Runs a search in the indices of the path.
    pub(super) async fn search(
        &self,
        body: Object,
        parameters: &Parameters,
    ) -> Result<SearchResponse, ElasticError> {
        self.check_keep_alive(parameters.scroll).await?;
        let body = self.with_scripts(body)?;
        let request = SearchRequest {
            // A point in time knows its indices.
            indices: self.indices.clone(),
            body,
            timeout: Some(SEARCH_TIMEOUT),
            options: parameters.options,
            typed_keys: parameters.typed_keys,
            scroll: parameters.scroll,
        };
        Ok(self.logs().search(&self.scope, request).await?)
    }
}

/// Reads a time: `1m`.
pub(super) fn duration(name: &str, text: &str) -> Result<Duration, ElasticError> {
    parse_duration(text).ok_or_else(|| {
        ElasticError::illegal(format!(
            "failed to parse setting [{name}] with value [{text}] as a time value: unit is missing or unrecognized"
        ))
    })
}
