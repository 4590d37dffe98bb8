//! Searches that stay open between requests: scrolls and points in time.
//!
//! Each holds snapshots of its indices, so files that were merged or deleted since stay until it is closed or its time
//! runs out. Its key is random, and only who opened it can use it.

use super::{
    search::{Bounds, Cursor, execute_behind},
    snapshot::IndexSnapshot,
};
use crate::{
    ErrorKind, StoreError,
    logs::{
        ContextKind, SearchRequest, SearchResponse, Total,
        dsl::{SearchBody, TrackTotalHits},
    },
    scope::Scope,
};
use base64::Engine as _;
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Contexts that may be open at a time (Elasticsearch's `search.max_open_scroll_context`).
const OPEN_MAX: usize = 500;
/// How long one may stay open unused (Elasticsearch's `search.max_keep_alive`).
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(24 * 3_600);

/// All that are open.
#[derive(Default)]
pub(super) struct Contexts {
    open: Mutex<HashMap<String, Arc<Context>>>,
}

/// One that is open.
pub(super) struct Context {
    kind: ContextKind,
    owner: String,
    pub(super) snapshots: Vec<IndexSnapshot>,
    life: Mutex<Life>,
    scroll: Mutex<Option<Scroll>>,
}

struct Life {
    keep_alive: Duration,
    ends: Instant,
}

/// How far a scroll was read.
struct Scroll {
    request: SearchRequest,
    body: SearchBody,
    cursor: Option<Cursor>,
    total: Option<Total>,
}

fn owner_of(scope: &Scope) -> String {
    format!("{}|{}", scope.subject(), scope.cache_key())
}

fn check_keep_alive(keep_alive: Duration) -> Result<(), StoreError> {
    if keep_alive <= KEEP_ALIVE_MAX {
        return Ok(());
    }
    Err(StoreError::invalid(format!(
        "Keep alive for request ({}s) is too large. It must be less than ({}s). This limit can be set by changing the \
         [search.max_keep_alive] cluster level setting.",
        keep_alive.as_secs(),
        KEEP_ALIVE_MAX.as_secs()
    )))
}

fn missing(id: &str) -> StoreError {
    StoreError::new(ErrorKind::NotFound, format!("No search context found for id [{id}]"))
        .with_code("search_context_missing_exception")
}

impl Contexts {
    /// Closes what was not used for too long.
    pub(super) fn expire(&self) {
        let now = Instant::now();
        // What is dropped closes files, which is no work to do under the lock.
        let ended: Vec<_> = {
            let mut open = self.open.lock();
            open.extract_if(|_, context| context.life.lock().ends <= now).collect()
        };
        drop(ended);
    }

    /// Opens one; answers its key.
    pub(super) fn open(
        &self,
        scope: &Scope,
        kind: ContextKind,
        snapshots: Vec<IndexSnapshot>,
        keep_alive: Duration,
    ) -> Result<String, StoreError> {
        check_keep_alive(keep_alive)?;
        self.expire();
        let context = Context {
            kind,
            owner: owner_of(scope),
            snapshots,
            life: Mutex::new(Life { keep_alive, ends: Instant::now() + keep_alive }),
            scroll: Mutex::new(None),
        };
        let id = base64::engine::general_purpose::URL_SAFE.encode(rand::random::<[u8; 30]>());
        let mut open = self.open.lock();
        if open.len() >= OPEN_MAX {
            let message = format!(
                "Trying to create too many scroll contexts. Must be less than or equal to: [{OPEN_MAX}]. This limit can be set \
                 by changing the [search.max_open_scroll_context] setting."
            );
            return Err(StoreError::new(ErrorKind::Overloaded, message).with_code("exception"));
        }
        open.insert(id.clone(), Arc::new(context));
        Ok(id)
    }

    /// Finds one, and keeps it for longer.
    pub(super) fn find(
        &self,
        scope: &Scope,
        kind: ContextKind,
        id: &str,
        keep_alive: Option<Duration>,
    ) -> Result<Arc<Context>, StoreError> {
        keep_alive.map_or(Ok(()), check_keep_alive)?;
        self.expire();
        let context = self.open.lock().get(id).cloned();
        let context = context.filter(|context| context.kind == kind && context.owner == owner_of(scope));
        let context = context.ok_or_else(|| missing(id))?;
        let mut life = context.life.lock();
        life.keep_alive = keep_alive.unwrap_or(life.keep_alive);
        life.ends = Instant::now() + life.keep_alive;
        drop(life);
        Ok(context)
    }

    /// Closes those of the caller; all of a kind without `ids`.
    pub(super) fn close(&self, scope: &Scope, kind: ContextKind, ids: Option<&[String]>) -> usize {
        self.expire();
        let owner = owner_of(scope);
        let closed: Vec<_> = {
            let mut open = self.open.lock();
            let meant = |id: &String, context: &mut Arc<Context>| {
                context.kind == kind && context.owner == owner && ids.is_none_or(|ids| ids.contains(id))
            };
            open.extract_if(meant).collect()
        };
        closed.len()
    }
}

impl Context {
    /// Runs the first page of a scroll.
    pub(super) fn first_page(
        &self,
        scope: &Scope,
        request: SearchRequest,
        mut body: SearchBody,
        bounds: &Bounds,
    ) -> Result<SearchResponse, StoreError> {
        check_scroll(&body)?;
        body.track_total_hits = TrackTotalHits::Exact;
        let (response, cursor) = execute_behind(&self.snapshots, scope, &request, &body, bounds, None)?;
        body.aggregations = Vec::new();
        body.track_total_hits = TrackTotalHits::No;
        *self.scroll.lock() = Some(Scroll { request, body, cursor, total: response.total });
        Ok(response)
    }

    /// Runs the page after the last one.
    pub(super) fn next_page(&self, scope: &Scope, bounds: &Bounds) -> Result<SearchResponse, StoreError> {
        let mut scroll = self.scroll.lock();
        let Some(scroll) = scroll.as_mut() else { return Err(missing("")) };
        let Some(cursor) = &scroll.cursor else {
            let indices = self.snapshots.len();
            return Ok(SearchResponse { total: scroll.total, indices, ..SearchResponse::default() });
        };
        let (mut response, next) =
            execute_behind(&self.snapshots, scope, &scroll.request, &scroll.body, bounds, Some(cursor))?;
        response.total = scroll.total;
        scroll.cursor = next;
        Ok(response)
    }
}

/// Refuses what makes no sense over several pages.
fn check_scroll(body: &SearchBody) -> Result<(), StoreError> {
    let refuse = |why: &str| {
        let message = format!("Validation Failed: 1: {why};");
        Err(StoreError::invalid(message).with_code("action_request_validation_exception"))
    };
    if body.size == 0 {
        return refuse("[size] cannot be [0] in a scroll context");
    }
    if body.from > 0 {
        return refuse("using [from] is not allowed in a scroll context");
    }
    if body.track_total_hits == TrackTotalHits::No {
        return refuse("disabling [track_total_hits] is not allowed in a scroll context");
    }
    if body.collapse.is_some() {
        return refuse("cannot use `collapse` in a scroll context");
    }
    if body.search_after.is_some() {
        return refuse("`search_after` cannot be used in a scroll context.");
    }
    Ok(())
}
