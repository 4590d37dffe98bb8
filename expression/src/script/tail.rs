//! What a script answers with when nothing is returned: the value of its last expression.

use super::ast::{Block, Kind};

/// Makes the last statement's expression the answer, as Painless does.
pub(super) fn with_answer(mut body: Block) -> Block {
    if let Some(last) = body.last_mut()
        && let Kind::Expression(expression) = &mut last.kind
    {
        let expression = std::mem::replace(expression, super::ast::Expr::Null);
        last.kind = Kind::Return(Some(expression));
    }
    body
}
