//! The project as tidy sees it: its own text files, by their path from the top.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::rust::RustFile;

/// Folders that hold what was built or fetched.
const NOT_OURS: [&str; 6] = [".git", ".local", ".spin", "dist", "node_modules", "target"];

/// All files that a rule may ask for.
#[derive(Default)]
pub(crate) struct Project {
    pub(crate) rust: Vec<RustFile>,
    /// Every other text file, among them the manifests and the SQL.
    pub(crate) others: BTreeMap<String, String>,
}

impl Project {
    /// Reads everything below `root`.
    pub(crate) fn read(root: &Path) -> Result<Project> {
        let mut project = Project::default();
        project.read_folder(root, "")?;
        project.rust.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(project)
    }

    /// A project made of samples.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Project {
        let mut project = Project::default();
        for (path, text) in files {
            project.add((*path).to_owned(), (*text).to_owned());
        }
        project
    }

    /// The SQL files, by path.
    pub(crate) fn sql(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.others.iter().filter(|(path, _)| path.ends_with(".sql"));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn read_folder(&mut self, folder: &Path, name: &str) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let entry = entry?;
            let file_name = entry.file_name().to_string_lossy().into_owned();
            let path = if name.is_empty() { file_name.clone() } else { format!("{name}/{file_name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() && !NOT_OURS.contains(&file_name.as_str()) {
                self.read_folder(&entry.path(), &path)?;
            } else if kind.is_file()
                // What is not text is nothing for these rules.
                && let Ok(text) = fs::read_to_string(entry.path())
            {
                self.add(path, text);
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String, text: String) {
        if path.ends_with(".rs") {
            self.rust.push(RustFile::new(path, text));
        } else {
            self.others.insert(path, text);
        }
    }
}
