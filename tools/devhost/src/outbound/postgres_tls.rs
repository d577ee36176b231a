//! TLS to Postgres, as Spin does it: wherever it is spoken the server's certificate and name must verify, against the platform's
//! roots and the authority that the connection brings, whatever `sslmode` says. There is no way to leave that out but
//! `sslmode=disable`.

use anyhow::{Context as _, ensure};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What connects with TLS, trusting `ca` (PEM, one certificate or several) beside the platform's roots.
pub(crate) fn connector(ca: Option<&str>) -> anyhow::Result<MakeRustlsConnect> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
            roots.add(certificate.context("reading the CA certificate")?).context("trusting the CA certificate")?;
            found += 1;
        }
        ensure!(found > 0, "there is no certificate in the CA's text");
    }
    Ok(MakeRustlsConnect::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_that_is_none_is_refused() {
        assert!(connector(None).is_ok());
        for text in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(connector(Some(text)).is_err(), "{text}");
        }
    }
}
