//! Writes the list of common passwords that auth is compiled with, from a dictionary: a JSON array of passwords.
//!
//! The dictionary is not kept here; `components/auth/src/domain/password/blocklist.rs` says which it was. Only what the
//! shortest password that a deployment may allow does not refuse anyway goes in.

#[path = "../../../components/auth/src/domain/password/blocklist.rs"]
#[allow(dead_code, reason = "the tool needs the form of an entry alone")]
mod blocklist;

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result};
use unicode_normalization::UnicodeNormalization;

/// `domain::password::CHARS_MIN`.
const CHARS_MIN: usize = 8;

fn main() -> Result<()> {
    let dictionary = std::env::args().nth(1).context("name the dictionary: a JSON array of passwords")?;
    let passwords: Vec<String> = serde_json::from_str(&fs::read_to_string(&dictionary).context("the dictionary")?)?;
    let folded = passwords.iter().map(|password| password.nfkc().collect::<String>().to_lowercase());
    let entries: BTreeSet<[u8; 4]> = folded
        .filter(|password| password.chars().count() >= CHARS_MIN)
        .map(|password| blocklist::entry(&password))
        .collect();
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../components/auth/src/domain/password/blocklist.bin");
    fs::write(&list, entries.iter().flatten().copied().collect::<Vec<u8>>())?;
    println!("{} of {} passwords", entries.len(), passwords.len());
    Ok(())
}
