//! `Draft`: a flow file, resolved and checked; its nodes are then built and become a [`Plan`].

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ferrowire_core::{
    BuiltNode, ConfigProblem, Map, NodeConfig, NodeError, NodeInfo, NodeType, Registry,
};

use crate::claims::Claims;
use crate::env::{Scopes, info_of};
use crate::model::{Entry, Model, Object};
use crate::plan::{Origin, Plan, PlannedNode};
use crate::problem::Severity;
use crate::running::NodeRecord;
use crate::validate::{References, missing_types, resolve_references, type_of, wire_problems};
use crate::{Environment, FlowFile, Problem};

/// The nodes of a flow file that may run, before they are built.
pub(crate) struct Draft {
    pub(crate) model: Arc<Model>,
    scopes: Scopes,
    problems: Vec<Found>,
    /// The properties of each node with the environment variables replaced, by its place in
    /// [`Model::nodes`]; `None` for nodes that are not active.
    resolved: Vec<Option<Arc<Map>>>,
    candidates: Vec<Candidate>,
}

/// A node that runs if it can be built.
struct Candidate {
    node_type: NodeType,
    references: References,
    /// Its place in [`Model::nodes`].
    entry: usize,
    /// Whether no other node uses its unique properties.
    is_free: bool,
}

/// A problem, and the place in [`Model::nodes`] of the node that has it; `None` for one of the file.
type Found = (Option<usize>, Problem);

impl Draft {
    pub(crate) fn new(file: FlowFile, registry: &Registry, environment: &Environment) -> Self {
        let model = Model::new(file);
        let mut problems = model.problems();
        problems.extend(missing_types(&model, registry));
        let scopes = Scopes::new(&model, environment, &mut problems);
        let mut problems: Vec<Found> = problems.into_iter().map(|found| (None, found)).collect();
        let mut resolved = vec![None; model.nodes.len()];
        for (at, entry) in model.active() {
            resolved[at] = Some(resolve(&model, entry, &scopes));
        }
        let (mut claims, mut candidates) = (Claims::default(), Vec::new());
        for (at, entry) in model.active() {
            let mut found = Vec::new();
            wire_problems(&model, entry, &mut found);
            let node_type = type_of(&model, entry, registry);
            if let Some((node_type, properties)) = node_type.zip(resolved[at].as_ref()) {
                let mut references =
                    resolve_references(&model, entry, node_type, properties, &mut found);
                if model.is_instance(entry) {
                    // A status output shows its status at its users: the instance.
                    references.uses.extend(model.status_output(entry).map(str::to_owned));
                }
                let is_free = claims.claim(&model, entry, node_type, properties, &mut found);
                let node_type = *node_type;
                candidates.push(Candidate { node_type, references, entry: at, is_free });
            }
            problems.extend(found.into_iter().map(|problem| (Some(at), problem)));
        }
        Draft { model: Arc::new(model), scopes, problems, resolved, candidates }
    }

    /// Whether a node type is missing, so that no node may start.
    pub(crate) fn is_blocked(&self) -> bool {
        self.problems.iter().any(|(_, problem)| problem.severity == Severity::MissingType)
    }

    /// For each node that may run, by id, what its references lead to.
    pub(crate) fn references(&self) -> Vec<(&str, &References)> {
        let free = self.candidates.iter().filter(|candidate| candidate.is_free);
        free.map(|it| (self.model.nodes[it.entry].id.as_str(), &it.references)).collect()
    }

    /// Builds the nodes that can run, and returns all problems: those of the file, then those of its
    /// nodes in their order. `take` returns the record of a node that runs and goes on: nothing that
    /// it was built of has changed.
    pub(crate) fn build(
        mut self,
        mut take: impl FnMut(&str) -> Option<NodeRecord>,
    ) -> (Plan, Vec<Problem>) {
        let mut nodes = Vec::with_capacity(self.candidates.len());
        for candidate in std::mem::take(&mut self.candidates) {
            let origin = self.origin(&candidate, &mut take);
            nodes.extend(origin.and_then(|origin| self.planned(candidate, origin)));
        }
        self.problems.sort_by_key(|(at, _)| *at);
        let problems = self.problems.into_iter().map(|(_, problem)| problem).collect();
        (Plan::new(self.model, self.scopes, nodes), problems)
    }

    fn origin(
        &mut self,
        candidate: &Candidate,
        mut take: impl FnMut(&str) -> Option<NodeRecord>,
    ) -> Option<Origin> {
        let Candidate { entry, is_free, .. } = *candidate;
        let model = Arc::clone(&self.model);
        let id = &model.nodes[entry].id;
        let properties = self.resolved[entry].as_ref()?;
        if Arc::ptr_eq(properties, model.object(&model.nodes[entry]))
            && let Some(record) = take(id)
        {
            return Some(Origin::Running(record));
        }
        let (info, built) = self.build_node(candidate).filter(|_| is_free)?;
        // What a variable stands for may have changed elsewhere, so that it was built for its problems.
        Some(take(id).map_or(Origin::Built(info, built), Origin::Running))
    }

    fn planned(&mut self, candidate: Candidate, origin: Origin) -> Option<PlannedNode> {
        let Candidate { node_type, references, entry, .. } = candidate;
        let mut properties = self.resolved[entry].clone()?;
        if properties.contains_key("credentials") {
            Arc::make_mut(&mut properties).remove("credentials");
        }
        Some(PlannedNode { references, node_type, properties, origin, entry })
    }

    /// `None` if there is a problem with the node's properties or it panics.
    fn build_node(&mut self, candidate: &Candidate) -> Option<(NodeInfo, BuiltNode)> {
        let (model, resolved) = (&self.model, &self.resolved);
        let properties = resolved[candidate.entry].as_ref()?;
        let info = info_of(model, &model.nodes[candidate.entry], properties);
        let find = |id: &str| match model.get(id)? {
            Object::Node(at) => resolved[at].as_deref().cloned(),
            Object::Structure(_) => None,
        };
        let mut config = NodeConfig::new(info.clone(), Map::clone(properties), &find);
        let built = catch_unwind(AssertUnwindSafe(|| candidate.node_type.build(&mut config)));
        let mut found = config.take_problems();
        if let Err(panic) = &built {
            let text = format!(
                "the node panicked while it was built: {}",
                NodeError::panic_text(&**panic)
            );
            found.push(ConfigProblem { property: String::new(), text });
        }
        let is_fine = found.is_empty();
        for ConfigProblem { property, text } in found {
            let place = model.place(model.nodes[candidate.entry].at);
            let problem = Problem::of_node(place, &property, text);
            self.problems.push((Some(candidate.entry), problem));
        }
        Some((info, built.ok().filter(|_| is_fine)?))
    }
}

fn resolve(model: &Model, entry: &Entry, scopes: &Scopes) -> Arc<Map> {
    let mut properties = Arc::clone(model.object(entry));
    if let Some(credentials) = model.credentials_of(&entry.id) {
        Arc::make_mut(&mut properties).insert("credentials", credentials.clone());
    }
    scopes.substitute(model, entry, properties)
}
