//! Variables and where they come from, logs and where they go, and what is refused before anything runs.

mod hosts;

use hosts::{Kind, Setup, eventually, kinds, on_each_host};
use std::fs;

const GREETING: &str = "/variable?name=greeting";

#[test]
fn a_variable_comes_from_the_most_important_provider() {
    for kind in kinds() {
        let bare = || Setup::new(&kind);
        let in_dotenv = || bare().file(".env", "SPIN_VARIABLE_GREETING=\"from .env\"\n");
        let in_environment = || in_dotenv().environment("SPIN_VARIABLE_GREETING", "from environment");
        let in_config = || {
            in_environment()
                .file(
                    "runtime.toml",
                    "[[variables_provider]]\ntype = \"static\"\nvalues = { greeting = \"from config\" }\n",
                )
                .arguments(&["--runtime-config-file", "runtime.toml"])
        };
        let on_command_line = || in_config().variable("greeting", "from command line");
        for (setup, expected) in [
            (bare(), "hello"),
            (in_dotenv(), "from .env"),
            (in_environment(), "from environment"),
            (in_config(), "from config"),
            (on_command_line(), "from command line"),
        ] {
            let answer = setup.start().get(GREETING).text();
            assert_eq!(answer, format!("value: {expected}, world!"), "{}", kind.name);
        }
    }
}

#[test]
fn a_variable_can_come_from_a_file() {
    for kind in kinds() {
        let host = Setup::new(&kind)
            .file("name.txt", "from a file")
            .file("more.toml", "greeting = \"from a table\"\n")
            .arguments(&["--variable", "name=@name.txt", "--variable", "@more.toml"])
            .start();
        assert_eq!(host.get(GREETING).text(), "value: from a table, from a file!", "{}", kind.name);
    }
}

#[test]
fn a_component_sees_its_own_table_and_its_own_environment() {
    on_each_host(&["--env", "SHAPE=round"], |host| {
        let read = |name: &str| host.get(&format!("/variable?name={name}")).text();
        assert!(read("name").starts_with("error: Error::Undefined("), "{}: {}", host.kind.name, read("name"));
        assert!(read("Name").starts_with("error: Error::InvalidName("), "{}: {}", host.kind.name, read("Name"));
        assert_eq!(host.get("/environment?name=COLOUR").text(), "green");
        assert_eq!(host.get("/environment?name=SHAPE").text(), "round");
        assert_eq!(host.get("/environment?name=PATH").text(), "unset", "{}", host.kind.name);
    });
}

#[test]
fn output_goes_to_the_log_files_and_to_stderr() {
    on_each_host(&[], |host| {
        host.get("/print?out=to-stdout&err=to-stderr").text();
        let log = |name: &str| fs::read_to_string(host.folder.join(".spin/logs").join(name)).unwrap_or_default();
        eventually("both lines are in their files", || {
            log("guest_stdout.txt") == "to-stdout\n" && log("guest_stderr.txt") == "to-stderr\n"
        });
        eventually("both lines are echoed", || {
            host.stderr().contains("to-stdout\n") && host.stderr().contains("to-stderr\n")
        });
    });
}

#[test]
fn a_quiet_host_echoes_nothing() {
    on_each_host(&["--quiet", "--log-dir", "elsewhere"], |host| {
        host.get("/print?out=to-stdout&err=to-stderr").text();
        let log = host.folder.join("elsewhere/guest_stdout.txt");
        eventually("the line is in its file", || fs::read_to_string(&log).is_ok_and(|text| text == "to-stdout\n"));
        assert!(!host.stderr().contains("to-stdout"), "{}: {}", host.kind.name, host.stderr());
    });
}

#[test]
fn what_a_panic_says_reaches_the_log() {
    on_each_host(&[], |host| {
        assert_eq!(host.get("/panic").status, 500);
        eventually("the panic's words are on stderr", || host.stderr().contains("told to panic"));
    });
}

#[test]
fn a_mistake_in_the_manifest_is_refused_before_anything_runs() {
    let refused = |kind: &Kind, change: &dyn Fn(String) -> String, words: &[&str]| {
        let (status, stderr) = Setup::new(kind).manifest(change).fail();
        assert!(!status.success(), "{}: {stderr}", kind.name);
        for word in words {
            assert!(stderr.contains(word), "{}: no {word:?} in\n{stderr}", kind.name);
        }
    };
    for kind in kinds() {
        refused(&kind, &|text| text.replace("environment =", "enviroment ="), &["unknown field `enviroment`"]);
        refused(&kind, &|text| text.replace("{{ name }}!", "{{ nobody }}!"), &["unknown variable", "nobody"]);
        refused(&kind, &|text| text.replace("{{ name }}!", "{{ name!"), &["template"]);
        refused(
            &kind,
            &|text| text.replace("name = { default = \"world\" }", "name = { required = true }"),
            &["no provider resolved required variable(s)", "name"],
        );
        refused(&kind, &|text| text.replace("http://self\"", "http://self/path\""), &["path"]);
    }
}

#[test]
fn a_mistake_in_the_runtime_configuration_is_refused() {
    for kind in kinds() {
        let (status, stderr) = Setup::new(&kind)
            .file("runtime.toml", "nonsense = 1\n")
            .arguments(&["--runtime-config-file", "runtime.toml"])
            .fail();
        assert!(!status.success() && stderr.contains("nonsense"), "{}: {stderr}", kind.name);
    }
}

/// Of devhost only: Spin has what devhost refuses.
#[test]
fn what_devhost_lacks_it_refuses_by_name() {
    let Some(devhost) = kinds().into_iter().find(|kind| kind.name == "devhost") else { return };
    let (status, stderr) = Setup::new(&devhost)
        .manifest(|text| text.replace("environment =", "sqlite_databases = [\"default\"]\nenvironment ="))
        .fail();
    assert!(!status.success());
    assert!(stderr.contains("devhost does not implement `sqlite_databases`; use spin"), "{stderr}");
}
