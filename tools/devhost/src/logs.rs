//! What components print: to their log files, and to the host's stderr.
//!
//! Stdout goes to `<log dir>/<component>_stdout.txt`, stderr to `<component>_stderr.txt`; both are echoed to the host's stderr
//! unless the host is quiet. Without a log folder there is the echo only, and then always. Writes are synchronous and whole:
//! what a guest wrote before it trapped is there.

use anyhow::Context as _;
use bytes::Bytes;
use std::{
    collections::HashSet,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError},
};

/// Whose output is echoed.
#[derive(Clone, Debug)]
pub(crate) enum Echo {
    /// Everybody's.
    All,
    /// Nobody's.
    Nobody,
    /// These components'.
    Only(HashSet<String>),
}

/// Where output goes.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    folder: Option<PathBuf>,
    echo: Echo,
}

impl Logs {
    /// Makes the folder, empties its log files if asked to, and says where it is.
    pub(crate) fn open(folder: Option<PathBuf>, echo: Echo, truncate: bool) -> anyhow::Result<Self> {
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the log folder {}", folder.display()))?;
            if truncate {
                empty_files(folder)?;
            }
            eprintln!("Logging component stdio to \"{}/\"", folder.display());
        }
        Ok(Self { folder, echo })
    }

    /// The stdout of a new instance.
    pub(crate) fn stdout(&self, component: &str) -> anyhow::Result<Output> {
        self.output(component, "stdout")
    }

    /// The stderr of a new instance.
    pub(crate) fn stderr(&self, component: &str) -> anyhow::Result<Output> {
        self.output(component, "stderr")
    }

    fn output(&self, component: &str, stream: &str) -> anyhow::Result<Output> {
        let Some(folder) = &self.folder else { return Ok(Output { file: None, echo: true }) };
        let path = folder.join(format!("{component}_{stream}.txt"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open the log file {}", path.display()))?;
        let echo = match &self.echo {
            Echo::All => true,
            Echo::Nobody => false,
            Echo::Only(components) => components.contains(component),
        };
        Ok(Output { file: Some(Arc::new(file)), echo })
    }
}

fn empty_files(folder: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with("stdout.txt") || name.ends_with("stderr.txt") {
            File::create(&path).with_context(|| format!("cannot empty {}", path.display()))?;
        }
    }
    Ok(())
}

/// One stream of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Output {
    file: Option<Arc<File>>,
    echo: bool,
}

impl Output {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(file) = &self.file {
            (&**file).write_all(bytes)?;
        }
        if self.echo {
            io::stderr().write_all(bytes)?;
        }
        Ok(())
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> Result<(), StreamError> {
        self.put(&bytes).map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(1 << 20)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.put(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
