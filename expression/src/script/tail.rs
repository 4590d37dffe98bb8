//! What a script answers with when nothing is returned: the value of its last expression.

use super::ast::{Block, Kind};

/// Makes the last statement's expression the answer, as Painless does; that of each arm if it is an `if`.
pub(super) fn with_answer(mut body: Block) -> Block {
    answer(&mut body);
    body
}

fn answer(body: &mut Block) {
    let Some(last) = body.last_mut() else { return };
    match &mut last.kind {
        Kind::Expression(expression) => {
            let expression = std::mem::replace(expression, super::ast::Expr::Null);
            last.kind = Kind::Return(Some(expression));
        }
        Kind::If { arms, otherwise } => {
            arms.iter_mut().map(|(_, arm)| arm).chain(otherwise).for_each(answer);
        }
        _ => {}
    }
}
