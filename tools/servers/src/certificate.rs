//! The certificate of a throw-away Postgres, and the authority that signed it: made with the server, gone with it.
//!
//! What must stay true: the authority's key is kept nowhere, and the server's own is for its account alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use crate::account::Account;
use crate::ports;

/// Where the files of a server's certificate are.
#[derive(Debug)]
pub(crate) struct Certificate {
    /// The authority's certificate, for whoever connects.
    pub(crate) authority: String,
    /// The server's certificate.
    pub(crate) certificate: PathBuf,
    /// Its key.
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes both in `home`, for a server on this machine.
    pub(crate) fn make(home: &Path, account: &Account) -> Result<Self> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name.push(DnType::CommonName, "throw-away authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?).context("the authority")?;

        let own = KeyPair::generate()?;
        let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
        let signed = CertificateParams::new(names)?.signed_by(&own, &authority).context("the certificate")?;
        let (certificate, key) = (home.join("server.crt"), home.join("server.key"));
        fs::write(&certificate, signed.pem())?;
        ports::write_private(&key, &own.serialize_pem())?;
        account.give(&key)?;
        Ok(Self { authority: authority.pem(), certificate, key })
    }
}
