//! Visits every part of a parsed expression.

use jsonata_core::ast::{AstNode, Stage};

/// Calls `visit` for `node` and all its parts, outermost first. An error ends the walk.
pub(super) fn walk<E>(
    node: &mut AstNode,
    visit: &mut impl FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    visit(node)?;
    match node {
        AstNode::Path { steps } => {
            for step in steps {
                walk(&mut step.node, visit)?;
                for stage in &mut step.stages {
                    if let Stage::Filter(filter) = stage {
                        walk(filter, visit)?;
                    }
                }
            }
            Ok(())
        }
        AstNode::Binary { lhs, rhs, .. } => {
            walk(lhs, visit)?;
            walk(rhs, visit)
        }
        AstNode::Unary { operand: inner, .. }
        | AstNode::Lambda { body: inner, .. }
        | AstNode::FunctionApplication(inner) => walk(inner, visit),
        AstNode::Function { args, .. } => all(args, visit),
        AstNode::Call { procedure, args } => {
            walk(procedure, visit)?;
            all(args, visit)
        }
        AstNode::Array(items) | AstNode::Block(items) | AstNode::ArrayGroup(items) => {
            all(items, visit)
        }
        AstNode::Object(pairs) => all_pairs(pairs, visit),
        AstNode::ObjectTransform { input, pattern } => {
            walk(input, visit)?;
            all_pairs(pattern, visit)
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            walk(condition, visit)?;
            walk(then_branch, visit)?;
            else_branch.as_mut().map_or(Ok(()), |branch| walk(branch, visit))
        }
        AstNode::Sort { input, terms } => {
            walk(input, visit)?;
            terms.iter_mut().try_for_each(|(term, _)| walk(term, visit))
        }
        AstNode::Transform { location, update, delete } => {
            walk(location, visit)?;
            walk(update, visit)?;
            delete.as_mut().map_or(Ok(()), |delete| walk(delete, visit))
        }
        _ => Ok(()),
    }
}

fn all<E>(
    nodes: &mut [AstNode],
    visit: &mut impl FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    nodes.iter_mut().try_for_each(|node| walk(node, visit))
}

fn all_pairs<E>(
    pairs: &mut [(AstNode, AstNode)],
    visit: &mut impl FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    pairs.iter_mut().try_for_each(|(key, value)| {
        walk(key, visit)?;
        walk(value, visit)
    })
}
