//! `Places`: which files flows may use, and access to one of them.

use std::fs::{self, File, Metadata};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf, absolute};
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use ferrowire::{NodeContext, Setting};

use crate::settings;

/// The address of the port, which the runtime declares.
const LISTEN: Setting<String> = Setting::text("listen").default("127.0.0.1:1880");

/// Opening a pipe does not wait for its other end, which might never come.
const DO_NOT_WAIT: i32 = libc::O_NONBLOCK | libc::O_CLOEXEC;

/// The files that flows may use.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    working: Option<PathBuf>,
    /// All files if empty.
    folders: Vec<PathBuf>,
}

/// Logs once that flows may use all files, if the port is reachable from other machines.
pub(crate) fn warn_if_exposed(cx: &NodeContext) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let is_open =
        || cx.setting(&settings::FOLDERS).is_empty() && !is_loopback(&cx.setting(&LISTEN));
    if !WARNED.load(Ordering::Relaxed) && is_open() && !WARNED.swap(true, Ordering::Relaxed) {
        cx.warn(
            "flows may read, write and delete all files of this user, and the port is open to other \
             machines; `file-folders` limits the folders",
        );
    }
}

/// Whether the address of the port, with or without a port number, is that of this machine only.
fn is_loopback(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A file, and how it is accessed.
#[derive(Debug)]
pub(crate) enum Place {
    /// At this path.
    Anywhere(PathBuf),
    /// Below an open folder, which no link leads out of.
    Below(Dir, PathBuf),
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum How {
    Read,
    Append,
    Overwrite,
}

impl Places {
    /// The files of the settings.
    pub(crate) fn of(cx: &NodeContext) -> Self {
        Places {
            working: cx.setting(&settings::WORKING_DIRECTORY),
            folders: cx.setting(&settings::FOLDERS),
        }
    }

    fn path(&self, name: &Path) -> PathBuf {
        self.working.as_ref().map_or_else(|| name.to_owned(), |folder| folder.join(name))
    }

    /// The file `name`.
    ///
    /// # Errors
    /// If flows may not use it, or its folder cannot be opened.
    pub(crate) fn find(&self, name: impl AsRef<Path>) -> io::Result<Place> {
        let path = self.path(name.as_ref());
        if self.folders.is_empty() {
            return Ok(Place::Anywhere(path));
        }
        let path = absolute(path)?;
        for folder in &self.folders {
            let folder = absolute(folder)?;
            if let Ok(rest) = path.strip_prefix(&folder) {
                let open = Dir::open_ambient_dir(&folder, ambient_authority())?;
                return Ok(Place::Below(open, rest.to_owned()));
            }
        }
        Err(not_allowed())
    }

    /// The folder `name`, without links; the empty name is the working folder.
    ///
    /// # Errors
    /// If it does not exist, or flows may not use it.
    pub(crate) fn real_folder(&self, name: &Path) -> io::Result<PathBuf> {
        let name = if name.as_os_str().is_empty() { Path::new(".") } else { name };
        let real = self.path(name).canonicalize()?;
        let holds = |folder: &PathBuf| folder.canonicalize().is_ok_and(|it| real.starts_with(it));
        if self.folders.is_empty() || self.folders.iter().any(holds) {
            return Ok(real);
        }
        Err(not_allowed())
    }
}

fn not_allowed() -> io::Error {
    let reason = "flows may use the files below `file-folders` only";
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

impl Place {
    /// Opens the file. A file that is written is created.
    ///
    /// # Errors
    /// As those of the system.
    pub(crate) fn open(&self, how: How) -> io::Result<File> {
        let is_written = how != How::Read;
        let mut options = OpenOptions::new();
        options
            .read(!is_written)
            .append(how == How::Append)
            .write(how == How::Overwrite)
            .truncate(how == How::Overwrite)
            .create(is_written)
            .custom_flags(DO_NOT_WAIT);
        let opened = match self {
            Place::Anywhere(path) => {
                cap_std::fs::File::open_ambient_with(path, &options, ambient_authority())
            }
            Place::Below(folder, path) => folder.open_with(path, &options),
        };
        opened.map(cap_std::fs::File::into_std)
    }

    /// Creates the folder that the file is in, with all folders above it.
    ///
    /// # Errors
    /// As those of the system.
    pub(crate) fn create_folder(&self) -> io::Result<()> {
        let of =
            |path: &Path| path.parent().filter(|it| !it.as_os_str().is_empty()).map(Path::to_owned);
        match self {
            Place::Anywhere(path) => of(path).map_or(Ok(()), fs::create_dir_all),
            Place::Below(dir, path) => of(path).map_or(Ok(()), |folder| dir.create_dir_all(folder)),
        }
    }

    /// Deletes the file.
    ///
    /// # Errors
    /// As those of the system.
    pub(crate) fn delete(&self) -> io::Result<()> {
        match self {
            Place::Anywhere(path) => fs::remove_file(path),
            Place::Below(folder, path) => folder.remove_file(path),
        }
    }

    /// What is at this place; a link stands for what it leads to.
    ///
    /// # Errors
    /// As those of the system.
    pub(crate) fn state(&self) -> io::Result<State> {
        let (mode, size) = match self {
            Place::Anywhere(path) => {
                use std::os::unix::fs::MetadataExt as _;
                fs::metadata(path).map(|it| (it.mode(), it.size()))?
            }
            Place::Below(folder, path) => {
                use cap_std::fs::MetadataExt as _;
                let is_folder = path.as_os_str().is_empty();
                let path = if is_folder { Path::new(".") } else { path };
                folder.metadata(path).map(|it| (it.mode(), it.size()))?
            }
        };
        Ok(State { kind: Kind::of(mode), size })
    }

    /// Whether `open` is still the file at this place.
    pub(crate) fn is_at(&self, open: &Metadata) -> bool {
        use std::os::unix::fs::MetadataExt as _;
        let found = match self {
            Place::Anywhere(path) => fs::metadata(path).map(|it| (it.dev(), it.ino())),
            Place::Below(folder, path) => {
                use cap_std::fs::MetadataExt as _;
                folder.metadata(path).map(|it| (it.dev(), it.ino()))
            }
        };
        found.is_ok_and(|found| found == (open.dev(), open.ino()))
    }
}

/// What is at a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) kind: Kind,
    /// In bytes, of a file.
    pub(crate) size: u64,
}

/// What a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    File,
    Directory,
    BlockDevice,
    CharacterDevice,
    Socket,
    Fifo,
    Other,
}

impl Kind {
    fn of(mode: u32) -> Self {
        match mode & libc::S_IFMT {
            libc::S_IFREG => Kind::File,
            libc::S_IFDIR => Kind::Directory,
            libc::S_IFBLK => Kind::BlockDevice,
            libc::S_IFCHR => Kind::CharacterDevice,
            libc::S_IFSOCK => Kind::Socket,
            libc::S_IFIFO => Kind::Fifo,
            _ => Kind::Other,
        }
    }

    /// Node-RED's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::BlockDevice => "blockdevice",
            Kind::CharacterDevice => "characterdevice",
            Kind::Socket => "socket",
            Kind::Fifo => "fifo",
            Kind::Other => "n/a",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_this_machine_is_not_open_to_others() {
        for local in ["127.0.0.1:1880", "[::1]:1880", "localhost:80", "localhost", "127.0.0.1"] {
            assert!(is_loopback(local), "{local}");
        }
        for open in ["0.0.0.0:1880", "[::]:1880", "10.0.0.1:80", "example.org:80"] {
            assert!(!is_loopback(open), "{open}");
        }
    }
}
