//! `Opener`: files that a function opens, which may refuse some.

use std::fs::Metadata;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File};

/// Opens a file or folder by its path relative to the served folder. May block.
pub type Open = Arc<dyn Fn(&Path) -> io::Result<std::fs::File> + Send + Sync>;

/// Opens files with a function.
#[derive(Clone)]
pub(super) struct Opener(pub(super) Open);

impl Opener {
    fn run<T: Send + 'static>(
        &self,
        path: PathBuf,
        then: impl FnOnce(std::fs::File) -> io::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, io::Result<T>> {
        let open = Arc::clone(&self.0);
        Box::pin(async move {
            let opened = move || then(open(path.strip_prefix(".").unwrap_or(&path))?);
            tokio::task::spawn_blocking(opened).await.map_err(io::Error::other)?
        })
    }
}

impl Backend for Opener {
    type File = Opened;
    type Metadata = Metadata;
    type OpenFuture = BoxFuture<'static, io::Result<Opened>>;
    type MetadataFuture = BoxFuture<'static, io::Result<Metadata>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        self.run(path, |file| Ok(Opened(file.into())))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        self.run(path, |file| file.metadata())
    }
}

/// A file that was opened.
#[derive(Debug)]
pub(super) struct Opened(tokio::fs::File);

impl File for Opened {
    type Metadata = Metadata;
    type MetadataFuture<'a> = BoxFuture<'a, io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        Box::pin(self.0.metadata())
    }
}

impl AsyncRead for Opened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncSeek for Opened {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(cx)
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}
