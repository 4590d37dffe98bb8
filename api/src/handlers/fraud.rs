use super::page::{self, Page};
use crate::{
    ApiError,
    auth::extract::Analyst,
    frame::extract::{ApiJson, ApiPath, ApiQuery},
    fraud::{self, Labelled, VerdictView},
    state::App,
};
use axum::{Json, extract::State};
use detect::fraud::{NewLabel, Verdict, VerdictFilter};
use event::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// One transaction, or several.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Transactions {
    /// One.
    #[schema(value_type = Object)]
    One(Object),
    /// Up to 1,000.
    #[schema(value_type = Vec<Object>)]
    Many(Vec<Object>),
}

/// The verdicts, in the form of the question: one, or a list.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Verdicts {
    /// On one transaction.
    One(Box<VerdictView>),
    /// On several, in their order.
    Many(Vec<VerdictView>),
}

/// Which verdicts to list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct VerdictsQuery {
    /// Payments at or after.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Payments before.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// `allow`, `review` or `block`.
    #[param(value_type = Option<String>)]
    verdict: Option<Verdict>,
    /// Payments of this user.
    user_id: Option<String>,
    /// Scores of at least this.
    min_score: Option<f64>,
    /// Items on the page, 1 to 1,000; 50 if absent.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Gives a transaction its verdict and stores it as an event. The same `transaction_id` again gets the same verdict.
#[utoipa::path(post, path = "/fraud/verdicts", tag = "fraud", request_body = Transactions,
    responses((status = 200, body = Verdicts), (status = 400, description = "It is no transaction; the error says why"),
        (status = 429, description = "The store is behind; wait and send again")))]
pub(crate) async fn create_verdicts(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiJson(transactions): ApiJson<Transactions>,
) -> Result<Json<Verdicts>, ApiError> {
    Ok(Json(match transactions {
        Transactions::One(transaction) => {
            let verdict = fraud::assess(&app, &user.scope, vec![transaction]).await?.pop();
            Verdicts::One(Box::new(
                verdict.ok_or_else(|| ApiError::internal("no verdict on one transaction"))?,
            ))
        }
        Transactions::Many(transactions) => {
            Verdicts::Many(fraud::assess(&app, &user.scope, transactions).await?)
        }
    }))
}

/// Lists verdicts, newest payment first.
#[utoipa::path(get, path = "/fraud/verdicts", tag = "fraud", params(VerdictsQuery),
    responses((status = 200, body = Page<VerdictView>)))]
pub(crate) async fn list_verdicts(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiQuery(query): ApiQuery<VerdictsQuery>,
) -> Result<Json<Page<VerdictView>>, ApiError> {
    if query.user_id.is_some() && user.scope.masks_field("user.id") {
        return Err(ApiError::forbidden("the field \"user.id\" is masked for you"));
    }
    let filter = VerdictFilter {
        from: query.from,
        to: query.to,
        verdict: query.verdict,
        user_id: query.user_id,
        min_score: query.min_score,
        limit: page::limit(query.limit)?,
        after: query.cursor.as_deref().map(page::decode).transpose()?,
    };
    let found = app.parts().fraud.list(&filter).await?;
    let items =
        found.records.into_iter().map(|record| VerdictView::new(record, None).masked_for(&user.scope));
    Ok(Json(Page::new(items.collect(), found.next)?))
}

/// The verdict on a transaction with all it rests on.
#[utoipa::path(get, path = "/fraud/verdicts/{transaction_id}", tag = "fraud",
    params(("transaction_id" = String, Path, description = "The transaction")),
    responses((status = 200, body = VerdictView), (status = 404, description = "No such transaction")))]
pub(crate) async fn get_verdict(
    State(app): State<App>,
    Analyst(user): Analyst,
    ApiPath(id): ApiPath<String>,
) -> Result<Json<VerdictView>, ApiError> {
    let record = app.parts().fraud.verdict(&id).await?;
    let record =
        record.ok_or_else(|| ApiError::not_found(format!("there is no verdict on transaction {id:?}")))?;
    Ok(Json(VerdictView::new((*record).clone(), None).masked_for(&user.scope)))
}

/// Says what turned out to be true about transactions: `[{"transaction_id","label":"fraud|legitimate","at"}]`.
#[utoipa::path(post, path = "/fraud/labels", tag = "fraud", request_body = Vec<Object>,
    responses((status = 200, body = Labelled), (status = 400, description = "Invalid input")))]
pub(crate) async fn create_labels(
    State(app): State<App>,
    Analyst(_user): Analyst,
    ApiJson(labels): ApiJson<Vec<NewLabel>>,
) -> Result<Json<Labelled>, ApiError> {
    Ok(Json(fraud::label(&app, labels).await?))
}
