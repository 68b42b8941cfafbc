//! `Failure`: a file operation that failed, as Node.js reports it.

use std::io;

use ferrowire::{Key, Map, NodeError, Value};

/// What Node.js says about the error numbers of files: its name and its text.
const NUMBERS: [(i32, &str, &str); 19] = [
    (libc::EACCES, "EACCES", "permission denied"),
    (libc::EAGAIN, "EAGAIN", "resource temporarily unavailable"),
    (libc::EBUSY, "EBUSY", "resource busy or locked"),
    (libc::EEXIST, "EEXIST", "file already exists"),
    (libc::EFBIG, "EFBIG", "file too large"),
    (libc::EINVAL, "EINVAL", "invalid argument"),
    (libc::EIO, "EIO", "i/o error"),
    (libc::EISDIR, "EISDIR", "illegal operation on a directory"),
    (libc::ELOOP, "ELOOP", "too many symbolic links encountered"),
    (libc::EMFILE, "EMFILE", "too many open files"),
    (libc::ENAMETOOLONG, "ENAMETOOLONG", "name too long"),
    (libc::ENOENT, "ENOENT", "no such file or directory"),
    (libc::ENOSPC, "ENOSPC", "no space left on device"),
    (libc::ENOTDIR, "ENOTDIR", "not a directory"),
    (libc::ENXIO, "ENXIO", "no such device or address"),
    (libc::EPERM, "EPERM", "operation not permitted"),
    (libc::EPIPE, "EPIPE", "broken pipe"),
    (libc::EROFS, "EROFS", "read-only file system"),
    (libc::ETXTBSY, "ETXTBSY", "text file is busy"),
];

/// An error of the operating system, with the operation and the file.
#[derive(Debug)]
pub(crate) struct Failure {
    error: io::Error,
    operation: &'static str,
    path: String,
}

impl Failure {
    /// A function that adds the operation, such as `open`, and the name of the file to an error.
    pub(crate) fn of(operation: &'static str, path: &str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Failure { error, operation, path }
    }

    fn number(&self) -> Option<(i32, &'static str, &'static str)> {
        let number = self.error.raw_os_error()?;
        NUMBERS.into_iter().find(|(known, ..)| *known == number)
    }

    /// Node.js's text, such as `ENOENT: no such file or directory, open 'a.txt'`.
    pub(crate) fn text(&self) -> String {
        let Failure { operation, path, error } = self;
        match self.number() {
            Some((_, name, text)) => format!("{name}: {text}, {operation} '{path}'"),
            None => format!("{error}, {operation} '{path}'"),
        }
    }

    /// The error for catch nodes.
    pub(crate) fn error(&self, text: String) -> NodeError {
        let error = NodeError::new(text);
        match self.number() {
            Some((_, name, _)) => error.with("code", name),
            None => error,
        }
    }

    /// `msg.error` of `file in`.
    pub(crate) fn value(&self) -> Value {
        let mut map = Map::new();
        map.insert(Key::new_static("message"), Value::from(self.text()));
        if let Some((number, name, _)) = self.number() {
            map.insert(Key::new_static("errno"), Value::from(f64::from(-number)));
            map.insert(Key::new_static("code"), Value::from(name));
        }
        map.insert(Key::new_static("syscall"), Value::from(self.operation));
        map.insert(Key::new_static("path"), Value::from(self.path.as_str()));
        map.into()
    }
}
