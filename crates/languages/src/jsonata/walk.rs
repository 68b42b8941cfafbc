//! Visits every part of a parsed expression.

use std::convert::Infallible;

use jsonata_core::ast::{AstNode, Stage};

/// Calls `visit` for `node` and all its parts, outermost first. An error ends the walk.
pub(super) fn walk<E>(
    node: &mut AstNode,
    visit: &mut dyn FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    visit(node)?;
    children(node, &mut |child| walk(child, &mut *visit))
}

/// Calls `visit` for `node` and all that is in it, innermost first: what it puts in is not visited.
pub(super) fn walk_up(node: &mut AstNode, visit: &mut dyn FnMut(&mut AstNode)) {
    let Ok(()) = children(node, &mut |child| {
        walk_up(child, &mut *visit);
        Ok::<_, Infallible>(())
    });
    visit(node);
}

/// Calls `visit` for each part that `node` consists of.
pub(super) fn children<E>(
    node: &mut AstNode,
    visit: &mut dyn FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    match node {
        AstNode::Path { steps } => {
            for step in steps {
                visit(&mut step.node)?;
                for stage in &mut step.stages {
                    if let Stage::Filter(filter) = stage {
                        visit(filter)?;
                    }
                }
            }
            Ok(())
        }
        AstNode::Binary { lhs, rhs, .. } => {
            visit(lhs)?;
            visit(rhs)
        }
        AstNode::Unary { operand: inner, .. }
        | AstNode::Lambda { body: inner, .. }
        | AstNode::FunctionApplication(inner) => visit(inner),
        AstNode::Function { args, .. } => all(args, visit),
        AstNode::Call { procedure, args } => {
            visit(procedure)?;
            all(args, visit)
        }
        AstNode::Array(items) | AstNode::Block(items) | AstNode::ArrayGroup(items) => {
            all(items, visit)
        }
        AstNode::Object(pairs) => all_pairs(pairs, visit),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input)?;
            all_pairs(pattern, visit)
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            visit(condition)?;
            visit(then_branch)?;
            else_branch.as_mut().map_or(Ok(()), |branch| visit(branch))
        }
        AstNode::Sort { input, terms } => {
            visit(input)?;
            terms.iter_mut().try_for_each(|(term, _)| visit(term))
        }
        AstNode::Transform { location, update, delete } => {
            visit(location)?;
            visit(update)?;
            delete.as_mut().map_or(Ok(()), |delete| visit(delete))
        }
        _ => Ok(()),
    }
}

fn all<E>(
    nodes: &mut [AstNode],
    visit: &mut dyn FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    nodes.iter_mut().try_for_each(visit)
}

fn all_pairs<E>(
    pairs: &mut [(AstNode, AstNode)],
    visit: &mut dyn FnMut(&mut AstNode) -> Result<(), E>,
) -> Result<(), E> {
    pairs.iter_mut().try_for_each(|(key, value)| {
        visit(key)?;
        visit(value)
    })
}
