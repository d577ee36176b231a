//! Packs what the component serves from memory: the API description, whole and by component, and the page at `/docs`
//! with the two files of Swagger UI that it needs. Everything is kept as gzip, with a digest that names its content.
//!
//! What must stay true: an `openapi.json` that is old, broken or missing stops no build, because the tool that writes
//! it links this component.

use std::{env, fmt::Write as _, fs, io::Write as _, path::PathBuf};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use flate2::{Compression, GzBuilder};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;

const DESCRIPTION: &str = "openapi.json";
/// Ours beside Swagger UI's. Its notices are not in its archive: they come from its package of the same version.
const OWN: [(&str, &str); 3] = [
    ("docs.css", "text/css; charset=utf-8"),
    ("docs.js", "text/javascript; charset=utf-8"),
    ("swagger-ui-bundle.js.LICENSE.txt", "text/plain; charset=utf-8"),
];
const SWAGGER_UI: [(&str, &str); 2] =
    [("swagger-ui-bundle.js", "text/javascript; charset=utf-8"), ("swagger-ui.css", "text/css; charset=utf-8")];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let target = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    println!("cargo::rerun-if-changed=src/docs");

    let text = fs::read(root.join(DESCRIPTION)).unwrap_or_default();
    let document: Value = serde_json::from_slice(&text).unwrap_or_default();
    let mut descriptions = vec![Packed::of(DESCRIPTION, "application/json", &text)];
    for component in excerpt::COMPONENTS {
        let part = excerpt::render(&excerpt::excerpt(&document, component));
        descriptions.push(Packed::of(&format!("{component}.json"), "application/json", part.as_bytes()));
    }

    let archive = Archive(SWAGGER_UI_VENDORED);
    let mut assets: Vec<_> = SWAGGER_UI.iter().map(|(name, kind)| archive.take(name, kind)).collect();
    for (name, kind) in OWN {
        let content = fs::read(root.join("src/docs").join(name)).expect("it is part of the sources");
        assets.push(Packed::of(name, kind, &content));
    }

    let mut code = String::new();
    write_list(&mut code, "DESCRIPTIONS", &descriptions, &target);
    write_list(&mut code, "ASSETS", &assets, &target);
    let all: String = assets.iter().map(|asset| asset.digest.as_str()).collect();
    writeln!(
        code,
        "/// Changes with any of the assets.\npub(crate) const ASSETS_DIGEST: &str = {:?};",
        digest(&[&all])
    )
    .expect("a string takes it");
    writeln!(
        code,
        "/// The version of Swagger UI that is packed.\npub(crate) const SWAGGER_UI: &str = {:?};",
        archive.version()
    )
    .expect("a string takes it");
    fs::write(target.join("packed.rs"), code).expect("the build's own folder can be written to");
}

struct Packed {
    name: String,
    kind: &'static str,
    digest: String,
    gzip: Vec<u8>,
}

impl Packed {
    fn of(name: &str, kind: &'static str, content: &[u8]) -> Self {
        // No name and no time in it: the same content is the same bytes.
        let mut packer = GzBuilder::new().write(Vec::new(), Compression::best());
        packer.write_all(content).expect("memory takes it");
        let gzip = packer.finish().expect("memory takes it");
        Self { name: name.to_owned(), kind, digest: digest(&[content]), gzip }
    }
}

/// The first 128 bits of a digest: enough to tell two contents apart.
fn digest(parts: &[impl AsRef<[u8]>]) -> String {
    let whole = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part.as_ref()));
    URL_SAFE_NO_PAD.encode(&whole.finalize()[..16])
}

fn write_list(code: &mut String, name: &str, files: &[Packed], target: &std::path::Path) {
    writeln!(code, "pub(crate) static {name}: [Packed; {}] = [", files.len()).expect("a string takes it");
    for Packed { name, kind, digest, gzip } in files {
        let place = target.join(format!("{name}.gz"));
        fs::write(&place, gzip).expect("the build's own folder can be written to");
        writeln!(
            code,
            "    Packed {{ name: {name:?}, kind: {kind:?}, digest: {digest:?}, gzip: include_bytes!({place:?}) }},"
        )
        .expect("a string takes it");
    }
    code.push_str("];\n");
}

/// A zip archive: its central directory says where each file is.
struct Archive(&'static [u8]);

const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
const DEFLATED: u16 = 8;

impl Archive {
    /// A file of `dist/`. It is deflated already, and gzip is the same stream between another head and tail.
    fn take(&self, name: &str, kind: &'static str) -> Packed {
        let path = format!("swagger-ui-{}/dist/{name}", self.version());
        let entry = self.entries().find(|entry| entry.path == path.as_bytes()).expect("Swagger UI has the file");
        assert_eq!(entry.method, DEFLATED, "{name} is packed as gzip packs");
        let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
        gzip.extend_from_slice(entry.stream);
        gzip.extend_from_slice(&entry.checksum.to_le_bytes());
        gzip.extend_from_slice(&entry.length.to_le_bytes());
        Packed { name: name.to_owned(), kind, digest: digest(&[&gzip]), gzip }
    }

    /// From the name of the one folder at its top, `swagger-ui-5.32.6/`.
    fn version(&self) -> &'static str {
        let first = self.entries().next().expect("the archive is not empty").path;
        let name = std::str::from_utf8(first).expect("UTF-8").split('/').next().expect("a folder");
        name.strip_prefix("swagger-ui-").expect("the folder is named after the version")
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        let end = self.0.len().checked_sub(22).expect("a zip archive");
        // A comment may follow the end record.
        let end = (0..=end).rev().find(|&at| self.0[at..].starts_with(b"PK\x05\x06")).expect("a zip archive");
        let mut at = self.long(end + 16) as usize;
        std::iter::from_fn(move || {
            let head = at;
            self.0[head..].starts_with(CENTRAL_HEADER).then(|| {
                let (name, extra, comment) = (self.short(head + 28), self.short(head + 30), self.short(head + 32));
                at = head + 46 + usize::from(name) + usize::from(extra) + usize::from(comment);
                let local = self.long(head + 42) as usize;
                let start = local + 30 + usize::from(self.short(local + 26)) + usize::from(self.short(local + 28));
                Entry {
                    path: &self.0[head + 46..head + 46 + usize::from(name)],
                    method: self.short(head + 10),
                    checksum: self.long(head + 16),
                    length: self.long(head + 24),
                    stream: &self.0[start..start + self.long(head + 20) as usize],
                }
            })
        })
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn long(&self, at: usize) -> u32 {
        u32::from(self.short(at)) | u32::from(self.short(at + 2)) << 16
    }
}

struct Entry {
    path: &'static [u8],
    method: u16,
    checksum: u32,
    length: u32,
    stream: &'static [u8],
}
