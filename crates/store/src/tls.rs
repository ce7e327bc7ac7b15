//! TLS: whom a client trusts, and what a connection that fails for it means.
//!
//! A certificate that is not accepted does not become acceptable by waiting, so none of this is
//! transient.

use std::error::Error;
use std::fmt;
use std::path::Path;

use aws_smithy_http_client::tls::TrustStore;
use aws_smithy_types::base64;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, InvalidMessage, RootCertStore};

use crate::StoreError;

/// Why the two ends cannot speak to each other, although there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// `https://`, and what answers does not speak TLS.
    NoTls,
    /// `http://`, and what answers does not speak plain HTTP: most often it wants TLS.
    NoHttp,
    /// Nobody who is trusted here has signed the certificate.
    UnknownIssuer,
    /// The server shows a CA's certificate as its own.
    CaCertificate,
    /// The certificate is for another host.
    OtherHost,
    /// The certificate is not valid at this time.
    OtherTime,
    /// Anything else that is wrong with the certificate.
    Certificate,
}

impl TlsProblem {
    /// What to do next.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::NoTls => {
                "write `http://` in `AWS_ENDPOINT_URL`, or the port at which the store speaks TLS"
            }
            Self::NoHttp => {
                "write `https://` in `AWS_ENDPOINT_URL` if the store speaks TLS there, or the port of the store"
            }
            Self::UnknownIssuer => {
                "set `AWS_CA_BUNDLE` (or `SSL_CERT_FILE`) to a PEM file with the certificate of the CA that signed it"
            }
            Self::CaCertificate => {
                "give the server a certificate of its own that is not a CA's (`basicConstraints: CA:FALSE`), signed by that CA, and set `AWS_CA_BUNDLE` to the CA's"
            }
            Self::OtherHost => {
                "write a host into `AWS_ENDPOINT_URL` that the certificate names (its subject alternative names)"
            }
            Self::OtherTime => "renew the certificate of the store; is this machine's clock right?",
            Self::Certificate => "have the certificate of the store looked at by who runs it",
        }
    }
}

impl fmt::Display for TlsProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NoTls => {
                "the endpoint begins with `https://`, and what answers there does not speak TLS"
            }
            Self::NoHttp => {
                "the endpoint begins with `http://`, and what answers there does not speak plain HTTP"
            }
            Self::UnknownIssuer => "its certificate is not signed by a CA that is trusted here",
            Self::CaCertificate => "its certificate is that of a CA, used as a server's own",
            Self::OtherHost => "its certificate is for another host",
            Self::OtherTime => "its certificate has expired, or is not valid yet",
            Self::Certificate => "its certificate is not accepted",
        })
    }
}

/// What a failed connection says of TLS; nothing where it failed for something else.
pub(crate) fn problem(error: &(dyn Error + 'static)) -> Option<TlsProblem> {
    std::iter::successors(Some(error), |error| (*error).source()).find_map(|error| {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            // A message that is cut short is a connection that broke.
            return error.is_parse().then_some(TlsProblem::NoHttp);
        }
        // What an `io::Error` wraps is not among its sources.
        let mut wrapped = Some(error);
        while let Some(error) = wrapped {
            if let Some(error) = error.downcast_ref::<rustls::Error>() {
                return of_rustls(error);
            }
            wrapped = error
                .downcast_ref::<std::io::Error>()
                .and_then(std::io::Error::get_ref)
                .map(|inner| inner as &(dyn Error + 'static));
        }
        None
    })
}

fn of_rustls(error: &rustls::Error) -> Option<TlsProblem> {
    match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some(TlsProblem::NoTls)
        }
        rustls::Error::InvalidCertificate(certificate) => Some(match certificate {
            // The second: a CA that is trusted has the same name and another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsProblem::UnknownIssuer
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsProblem::OtherTime,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsProblem::OtherHost
            }
            // The verifier's own error has no type here.
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                TlsProblem::CaCertificate
            }
            _ => TlsProblem::Certificate,
        }),
        _ => None,
    }
}

/// Trust in the certificates of a PEM file, and in no others: what `AWS_CA_BUNDLE` means to
/// every tool that reads it.
///
/// The SDK's client panics over a file that it cannot read as certificates, so it gets only those
/// that are sound.
pub(crate) fn trust_in(bundle: &Path) -> Result<TrustStore, StoreError> {
    let failed = |why: String| StoreError::Settings {
        message: format!(
            "the certificates in `{}` (`AWS_CA_BUNDLE` or `SSL_CERT_FILE`) cannot be used: {why}",
            bundle.display()
        ),
    };
    let bytes = std::fs::read(bundle).map_err(|error| failed(error.to_string()))?;
    let mut trust = TrustStore::empty();
    let mut sound = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        // Bundles of whole systems have one or two that nobody can parse.
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            trust.add_pem_certificate(pem(&certificate));
            sound += 1;
        }
    }
    if sound == 0 {
        return Err(failed(
            "there is no certificate in it (`-----BEGIN CERTIFICATE-----`)".to_owned(),
        ));
    }
    Ok(trust)
}

fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = base64::encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::{TlsProblem, problem, trust_in};
    use rustls::{CertificateError, InvalidMessage};
    use std::io;

    fn of(error: rustls::Error) -> Option<TlsProblem> {
        // As it arrives: wrapped by the TLS stream and by the connector.
        problem(&io::Error::other(io::Error::new(
            io::ErrorKind::InvalidData,
            error,
        )))
    }

    #[test]
    fn failures_of_tls_are_told_apart() {
        let certificate = |error| of(rustls::Error::InvalidCertificate(error));
        assert_eq!(
            certificate(CertificateError::UnknownIssuer),
            Some(TlsProblem::UnknownIssuer)
        );
        assert_eq!(
            certificate(CertificateError::Expired),
            Some(TlsProblem::OtherTime)
        );
        assert_eq!(
            certificate(CertificateError::NotValidForName),
            Some(TlsProblem::OtherHost)
        );
        assert_eq!(
            certificate(CertificateError::Revoked),
            Some(TlsProblem::Certificate)
        );
        let no_tls = rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(of(no_tls), Some(TlsProblem::NoTls));
        assert_eq!(of(rustls::Error::DecryptError), None);
        assert_eq!(
            problem(&io::Error::from(io::ErrorKind::ConnectionReset)),
            None
        );
    }

    #[test]
    fn a_bundle_without_certificates_is_refused_with_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ca.pem");
        for content in [
            None,
            Some(""),
            Some("certificates"),
            Some("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
            Some("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
        ] {
            if let Some(content) = content {
                std::fs::write(&path, content).expect("a file");
            }
            let error = trust_in(&path).expect_err("no certificate").to_string();
            assert!(error.contains("ca.pem"), "{error}");
        }
    }
}
