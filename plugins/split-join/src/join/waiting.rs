//! `Waiting`: the groups that are not complete, and when the time of each is over.

use std::collections::BTreeSet;

use ferrowire::Sequences;
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
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.groups.contains(id)
    }

    /// The group that has to make room for a further message.
    pub(crate) fn make_room(&mut self) -> Option<Group> {
        let group = self.groups.make_room()?;
        if let Some(due) = &group.due {
            self.due.remove(due);
        }
        Some(group)
    }

    /// Changes the group `id`, which begins with `begin`; then its time ends at `due`.
    pub(crate) fn change<R>(
        &mut self,
        id: &str,
        due: Option<Instant>,
        begin: impl FnOnce() -> Group,
        change: impl FnOnce(&mut Group) -> R,
    ) -> R {
        if !self.contains(id) {
            let due = due.map(|at| (at, id.to_owned()));
            self.due.extend(due.clone());
            let begin = || begin().with_due(due);
            return self.groups.change(id, begin, change);
        }
        self.groups.change(id, begin, change)
    }

    /// Changes the group `id` if it has begun.
    pub(crate) fn update<R>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Group) -> R,
    ) -> Option<R> {
        self.groups.update(id, change)
    }

    /// Lets the time of the group `id` end at `at`, or never.
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
        if let Some(due) = &group.due {
            self.due.remove(due);
        }
        Some(group)
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The id of a group whose time was over at `now`.
    pub(crate) fn overdue(&self, now: Instant) -> Option<String> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, id)| id.clone())
    }

    pub(crate) fn take_all(&mut self) -> Vec<Group> {
        self.due.clear();
        self.groups.take_all()
    }
}
