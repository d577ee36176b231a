//! Asks a script of `tests/interop`: JSON in, JSON out.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// What the script answers to the question.
pub(crate) fn ask(script: &str, question: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop");
    let mut python = Command::new(folder.join("python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/interop/python runs");
    let mut input = python.stdin.take().expect("its input");
    input.write_all(question.to_string().as_bytes()).expect("it listens");
    drop(input);
    let output = python.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{script}: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("JSON")
}
