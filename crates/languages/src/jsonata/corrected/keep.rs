//! The keep-array modifier `[]` in chains, and `$reduce` of an empty array.

use jsonata_core::ast::{AstNode, BinaryOp, PathStep, Stage};
use jsonata_core::value::JValue;

use super::super::guard::call;
use super::{Corrected, Found};

const SOME: Corrected = Corrected::new("elements or nothing", elements);

/// The functions that `reduce` inserts.
pub(super) const ALL: [Corrected; 1] = [SOME];

/// Applies the `[]` of a chain's left side to the call on its right side, where the interpreter
/// expects it.
pub(super) fn chain(node: &mut AstNode) {
    let AstNode::Binary { op: BinaryOp::ChainPipe, lhs, rhs } = node else { return };
    if keeps(lhs) {
        keep(rhs);
    }
}

/// Whether the first step has a `[]`: the one that JSONata applies to the result of `~>`.
fn keeps(node: &AstNode) -> bool {
    match node {
        AstNode::Path { steps } => steps.first().is_some_and(|first| {
            first.stages.iter().any(|stage| matches!(stage, Stage::KeepArray))
                || matches!(&first.node, AstNode::Sort { input, .. } if keeps(input))
        }),
        AstNode::Sort { input, .. } => keeps(input),
        AstNode::Binary { op: BinaryOp::ChainPipe, rhs, .. } => keeps(rhs),
        _ => false,
    }
}

fn keep(function: &mut AstNode) {
    match function {
        AstNode::Path { steps } if steps.len() == 1 => {
            steps.iter_mut().for_each(|call| call.stages.push(Stage::KeepArray));
        }
        AstNode::Function { .. } | AstNode::Call { .. } => {
            let call = std::mem::replace(function, AstNode::Null);
            let step = PathStep::with_stages(call, vec![Stage::KeepArray]);
            *function = AstNode::Path { steps: vec![step] };
        }
        AstNode::Variable(name) if !name.is_empty() => {
            *function = call(name, Vec::new());
            keep(function);
        }
        _ => {}
    }
}

/// Makes `$reduce` of an empty array without an initial value `undefined`. Returns whether `node`
/// was such a call.
pub(super) fn reduce(node: &mut AstNode) -> bool {
    let is_reduce = |name: &str, args: &[AstNode], count| name == "reduce" && args.len() == count;
    match node {
        AstNode::Function { name, args, .. } if is_reduce(name, args, 2) => {
            args.first_mut().is_some_and(guard)
        }
        AstNode::Binary { op: BinaryOp::ChainPipe, lhs, rhs } => match &**rhs {
            AstNode::Function { name, args, .. } => is_reduce(name, args, 1) && guard(lhs),
            _ => false,
        },
        _ => false,
    }
}

fn guard(list: &mut AstNode) -> bool {
    if matches!(list, AstNode::Placeholder) {
        return false;
    }
    *list = call(SOME.ours, vec![std::mem::replace(list, AstNode::Null)]);
    true
}

fn elements(args: &[JValue]) -> Found {
    let list = args.first().cloned().unwrap_or(JValue::Undefined);
    let is_empty = list.as_array().is_some_and(|items| items.is_empty());
    Ok(if is_empty { JValue::Undefined } else { list })
}
