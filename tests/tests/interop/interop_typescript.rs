//! The TypeScript client against the app: what its own tests say of it, the one that plays a day included.

use std::{
    path::Path,
    process::{Command, Output},
};

use e2e::App;

#[tokio::test]
async fn the_typescript_client_lives_through_a_day() {
    let output = run("test", &App::shared().origin).await;
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}");
    assert!(output.status.success(), "{report}{}", String::from_utf8_lossy(&output.stderr));
    // It would skip the day, and pass, if it did not know where the app is.
    assert!(report.contains("skipped 0") && !report.contains("tests 0"), "{report}");
}

async fn run(command: &'static str, origin: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../clients/typescript/run");
    let mut child = Command::new(script);
    child.arg(command).env("BIZO_ORIGIN", origin);
    tokio::task::spawn_blocking(move || child.output()).await.expect("no panic").expect("clients/typescript/run runs")
}
