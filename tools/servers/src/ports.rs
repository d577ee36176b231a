//! Ports and passwords of a server: free ones, remembered beside its data so that addresses stay the same.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::TcpListener;
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, anyhow};

/// Below the ports of outgoing connections: Linux's begin at 32768 (ip(7), `ip_local_port_range`), others' later. Those may be
/// taken by any request before a server comes to listen, or while it starts again.
const PORTS: Range<u16> = 16_384..32_768;

/// `wanted`, else the one remembered in `file` if it is still free, else any free one.
pub(crate) fn choose(wanted: Option<u16>, file: &Path) -> Result<u16> {
    if let Some(port) = wanted {
        return Ok(port);
    }
    let remembered = fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
    if let Some(port) = remembered.filter(|&port| is_free(port)) {
        return Ok(port);
    }
    free_port()
}

/// A port of 127.0.0.1 that nobody listens on, and that no outgoing connection is given meanwhile. In one process none comes
/// twice before all have come.
///
/// # Errors
/// When every one is taken.
pub fn free_port() -> Result<u16> {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let number = PORTS.end - PORTS.start;
    // Processes that choose at the same time begin apart.
    let begin = u16::try_from(process::id().wrapping_mul(257) % u32::from(number))?;
    (0..number)
        .map(|_| PORTS.start + begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % number)
        .find(|&port| is_free(port))
        .context("no free port on 127.0.0.1")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The password kept in `file`, made and written there the first time. Letters and digits only: it stands in URLs.
pub(crate) fn password(file: &Path) -> Result<String> {
    if let Ok(kept) = fs::read_to_string(file) {
        return Ok(kept.trim().to_owned());
    }
    let password = random_hex::<16>()?;
    write_private(file, &password)?;
    Ok(password)
}

/// `N` random bytes as hexadecimal digits.
pub(crate) fn random_hex<const N: usize>() -> Result<String> {
    let mut bytes = [0u8; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(file: &Path, text: &str) -> Result<()> {
    let mut out = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    out.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_not_chosen_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("port");
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        fs::write(&file, port.to_string()).unwrap();
        assert_ne!(choose(None, &file).unwrap(), port);
        drop(taken);
        assert_eq!(choose(None, &file).unwrap(), port, "once free, the remembered one is kept");
    }

    #[test]
    fn a_free_port_is_of_no_outgoing_connection_and_comes_once() {
        let ports: Vec<u16> = (0..200).map(|_| free_port().unwrap()).collect();
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
        assert_eq!(ports.iter().collect::<std::collections::BTreeSet<_>>().len(), ports.len());
    }

    #[test]
    fn a_password_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        let first = password(&file).unwrap();
        assert_eq!(password(&file).unwrap(), first);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
