//! What the browser loads: the editor's files, and the palette with forms, help, texts and icons.

mod catalog;
mod help;
pub(crate) mod icons;
pub(crate) mod locales;
mod markup;
pub(crate) mod node_set;
pub(crate) mod pack;
pub(crate) mod page;
pub(crate) mod palette;
pub(crate) mod resources;
pub(crate) mod statics;
