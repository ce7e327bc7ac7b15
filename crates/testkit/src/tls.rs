//! A store that speaks TLS: a proxy in front of a real server, with certificates of its own.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::faulty_http::{Head, pass};

/// Which certificate the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCertificate {
    /// One for `127.0.0.1`, signed by a CA that nobody knows.
    Signed,
    /// The same for another host.
    OtherHost,
    /// The same, no longer valid.
    Expired,
    /// That of the CA itself.
    Authority,
}

/// A TLS server in front of a store. It ends when this is dropped.
#[derive(Debug)]
pub struct TlsStore {
    address: SocketAddr,
    ca_pem: String,
    stopped: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl TlsStore {
    /// Starts in front of a server.
    ///
    /// # Panics
    /// When there is no port to listen on, or no certificate can be made.
    #[must_use]
    pub fn in_front_of(upstream: SocketAddr, certificate: ServerCertificate) -> Self {
        let (ca_pem, config) = config(certificate);
        let config = Arc::new(config);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let for_thread = Arc::clone(&stopped);
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let config = Arc::clone(&config);
                // A client that does not accept the certificate hangs up: that is what this is for.
                std::thread::spawn(move || serve(config, stream, upstream));
            }
        });
        Self {
            address,
            ca_pem,
            stopped,
            acceptor: Some(acceptor),
        }
    }

    /// `https://127.0.0.1:port`
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn socket_address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of its CA, as a PEM file holds it.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }
}

impl Drop for TlsStore {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn config(certificate: ServerCertificate) -> (String, ServerConfig) {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = parameters("127.0.0.1", "a CA of the tests");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).expect("a certificate");
    let ca_pem = ca_certificate.pem();
    let (shown, key) = if certificate == ServerCertificate::Authority {
        (ca_certificate.der().clone(), ca_key)
    } else {
        let host = match certificate {
            ServerCertificate::OtherHost => "store.example.org",
            _ => "127.0.0.1",
        };
        let mut own = parameters(host, "a store of the tests");
        if certificate == ServerCertificate::Expired {
            own.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().expect("a key");
        let issuer = Issuer::new(ca, ca_key);
        let signed = own.signed_by(&key, &issuer).expect("a certificate");
        (signed.der().clone(), key)
    };
    (ca_pem, server(shown, &key))
}

fn parameters(host: &str, name: &str) -> CertificateParams {
    let mut parameters = CertificateParams::new([host.to_owned()]).expect("a host");
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.not_before = date_time_ymd(2000, 1, 1);
    parameters.not_after = date_time_ymd(2100, 1, 1);
    parameters
}

fn server(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key")
}

fn serve(config: Arc<ServerConfig>, client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut client = StreamOwned::new(connection, client);
    let Some(request) = Head::read(&mut client)? else {
        return Ok(());
    };
    if request.field("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut server = TcpStream::connect(upstream)?;
    request.write(&mut server)?;
    let length = request.content_length();
    pass(&mut client, &mut server, length, |_, _| {})?;
    let answer = loop {
        let head = Head::read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if !head.first_line.starts_with("HTTP/1.1 1") {
            break head;
        }
    };
    answer.write(&mut client)?;
    io::copy(&mut server, &mut client)?;
    client.conn.send_close_notify();
    client.flush()?;
    client.sock.shutdown(Shutdown::Both)
}
