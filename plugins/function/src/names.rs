//! `Names`: property names as Rust and the interpreter represent them. The names that every message has are
//! looked up without an allocation.

use std::cell::RefCell;

use ferrowire::Key;
use rquickjs::runtime::UserDataGuard;
use rquickjs::{Atom, Ctx, Exception, Result};

/// How many names are kept. Messages of one flow have the same few.
const MOST: usize = 32;

/// The longest name that is kept, in bytes.
const LONGEST: usize = 32;

/// A name's place is the same in both lists.
type Atoms<'js> = RefCell<Vec<Atom<'js>>>;
type Texts = RefCell<Vec<String>>;

/// The names that are known.
pub(crate) struct Names<'a, 'js> {
    ctx: &'a Ctx<'js>,
    atoms: UserDataGuard<'a, Atoms<'js>>,
    texts: UserDataGuard<'a, Texts>,
}

/// Gives the interpreter empty lists.
pub(crate) fn set_up(ctx: &Ctx<'_>) {
    // Fails only while they are borrowed, which they are not yet.
    drop(ctx.store_userdata(Atoms::default()));
    drop(ctx.store_userdata(Texts::default()));
}

impl<'a, 'js> Names<'a, 'js> {
    pub(crate) fn of(ctx: &'a Ctx<'js>) -> Result<Self> {
        match (ctx.userdata(), ctx.userdata()) {
            (Some(atoms), Some(texts)) => Ok(Names { ctx, atoms, texts }),
            _ => Err(Exception::throw_internal(ctx, "the function is not set up yet")),
        }
    }

    /// The interpreter's atom for `name`.
    pub(crate) fn atom(&self, name: &str) -> Result<Atom<'js>> {
        let place = self.texts.borrow().iter().position(|known| known == name);
        if let Some(known) = place.and_then(|at| self.atoms.borrow().get(at).cloned()) {
            return Ok(known);
        }
        let atom = Atom::from_str(self.ctx.clone(), name)?;
        self.keep(name, &atom);
        Ok(atom)
    }

    /// The name of `atom`, if it is a known one.
    pub(crate) fn known(&self, atom: &Atom<'js>) -> Option<Key> {
        let at = self.atoms.borrow().iter().position(|known| known == atom)?;
        self.texts.borrow().get(at).map(Key::new)
    }

    pub(crate) fn keep(&self, name: &str, atom: &Atom<'js>) {
        let mut texts = self.texts.borrow_mut();
        if texts.len() < MOST && name.len() <= LONGEST {
            texts.push(name.to_owned());
            self.atoms.borrow_mut().push(atom.clone());
        }
    }
}
