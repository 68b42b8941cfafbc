//! `Waiting`: the groups that are not complete, and the end of the time of each.

use std::collections::BTreeSet;

use ferrowire::sequence::{Added, NoRoom, Sequences};
use tokio::time::Instant;

use super::MOST_HELD;
use super::group::Group;

#[derive(Debug)]
pub(crate) struct Waiting {
    groups: Sequences<Group>,
    due: BTreeSet<(Instant, String)>,
}

impl Default for Waiting {
    fn default() -> Self {
        Waiting { groups: Sequences::new(MOST_HELD), due: BTreeSet::new() }
    }
}

impl Waiting {
    /// The group `id`, if it has begun.
    pub(crate) fn get(&self, id: &str) -> Option<&Group> {
        self.groups.get(id)
    }

    /// Adds to the group `id`, which grows by `growth` at most and begins with `begin`; the time
    /// of a new group ends at `due`.
    ///
    /// # Errors
    /// When the group itself has no room.
    pub(crate) fn add<R>(
        &mut self,
        id: &str,
        growth: usize,
        due: Option<Instant>,
        begin: impl FnOnce() -> Group,
        add: impl FnOnce(&mut Group) -> R,
    ) -> Result<Added<Group, R>, NoRoom> {
        let is_new = self.get(id).is_none();
        let due = due.filter(|_| is_new).map(|at| (at, id.to_owned()));
        let added = self.groups.add(id, growth, || begin().with_due(due.clone()), add)?;
        self.due.extend(due);
        for dropped in &added.dropped {
            self.forget_due(dropped);
        }
        Ok(added)
    }

    fn forget_due(&mut self, group: &Group) {
        if let Some(due) = &group.due {
            self.due.remove(due);
        }
    }

    /// Changes the group `id` if it has begun.
    pub(crate) fn update<R>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        self.groups.update(id, change)
    }

    /// Sets the end of the time of the group `id` to `at`, or to never.
    pub(crate) fn set_due(&mut self, id: &str, at: Option<Instant>) {
        let due = at.map(|at| (at, id.to_owned()));
        let next = due.clone();
        let before = self.groups.update(id, |group| std::mem::replace(&mut group.due, next));
        let Some(before) = before else { return };
        if let Some(before) = before {
            self.due.remove(&before);
        }
        self.due.extend(due);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Group> {
        let group = self.groups.remove(id)?;
        self.forget_due(&group);
        Some(group)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The id of a group whose time has ended by `now`.
    pub(crate) fn overdue(&self, now: Instant) -> Option<String> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    pub(crate) fn take_all(&mut self) -> Vec<Group> {
        self.due.clear();
        self.groups.take_all()
    }
}
