//! TLS towards PostgreSQL, in the words of its own clients.

use std::sync::Arc;

use lakehouse_stage::StageError;
use lakehouse_stage::connection::Connection;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What is asked of a server's TLS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// None.
    Disable,
    /// TLS where the server has it, of whomever.
    #[default]
    Prefer,
    /// TLS, of whomever.
    Require,
    /// A certificate that is signed by somebody who is trusted.
    VerifyCa,
    /// The same, and for the host that was asked for.
    VerifyFull,
}

pub(super) const MODES: [(&str, Mode); 5] = [
    ("disable", Mode::Disable),
    ("prefer", Mode::Prefer),
    ("require", Mode::Require),
    ("verify-ca", Mode::VerifyCa),
    ("verify-full", Mode::VerifyFull),
];

/// The parameters of a connection that are about TLS.
pub(super) struct Tls {
    pub mode: Mode,
    /// The file with the certificates of the CAs that are trusted.
    pub root: Option<String>,
    /// The client's own certificate, and its key.
    pub certificate: Option<String>,
    pub key: Option<String>,
}

impl Tls {
    /// What connects.
    ///
    /// # Errors
    /// A file that is none: 2.
    pub fn connector(&self, connection: &Connection) -> Result<MakeRustlsConnect, StageError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let wrong = |error: &dyn std::fmt::Display| connection.wrong(&format!("TLS: {error}"));
        // As in libpq, a file of CAs makes `require` verify.
        let mode = match (self.mode, &self.root) {
            (Mode::Require, Some(_)) => Mode::VerifyCa,
            (mode, _) => mode,
        };
        let webpki = match mode {
            Mode::Disable | Mode::Prefer | Mode::Require => None,
            Mode::VerifyCa | Mode::VerifyFull => {
                let roots = Arc::new(self.roots(connection)?);
                let builder =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                Some(builder.build().map_err(|error| wrong(&error))?)
            }
        };
        let verifier: Arc<dyn ServerCertVerifier> = match webpki {
            Some(webpki) if mode == Mode::VerifyFull => webpki,
            signed_by => Arc::new(Lenient {
                provider: Arc::clone(&provider),
                signed_by,
            }),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
                    connection.wrong(&format!("`sslkey` `{key}` cannot be read: {error}"))
                })?;
                builder
                    .with_client_auth_cert(certificates(connection, "sslcert", certificate)?, key)
                    .map_err(|error| wrong(&error))?
            }
            _ => return Err(connection.wrong("`sslcert` and `sslkey` need each other")),
        };
        Ok(MakeRustlsConnect::new(config))
    }

    fn roots(&self, connection: &Connection) -> Result<RootCertStore, StageError> {
        let mut roots = RootCertStore::empty();
        match self.root.as_deref() {
            None | Some("system") => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
            Some(file) => {
                roots.add_parsable_certificates(certificates(connection, "sslrootcert", file)?);
            }
        }
        if roots.is_empty() {
            return Err(connection.wrong(
                "there is no certificate to trust: `sslrootcert` is the path of a PEM file with the CA's",
            ));
        }
        Ok(roots)
    }
}

fn certificates(
    connection: &Connection,
    key: &str,
    file: &str,
) -> Result<Vec<CertificateDer<'static>>, StageError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| connection.wrong(&format!("`{key}` `{file}` cannot be read: {error}")))
}

/// A failure of TLS in words; nothing where it is something else.
pub(super) fn problem(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "its certificate is not signed by a CA that is trusted here"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "its certificate has expired, or is not valid yet"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another host"
            }
            other if format!("{other:?}").contains("CaUsedAsEndEntity") => {
                "its certificate is that of a CA, used as a server's own"
            }
            _ => "its certificate is not accepted",
        },
        _ => "the two ends do not agree on TLS",
    }
}

/// Asks less of a certificate than rustls does. That the server has its key is always asked.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Who must have signed the certificate, for whatever host: what `verify-ca` means. None takes any
    /// certificate, which is what `require` means to PostgreSQL.
    signed_by: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(signed_by) = &self.signed_by else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = signed_by.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        );
        match verified {
            // The name is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
