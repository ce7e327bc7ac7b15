//! A proxy in front of any server that cuts connections after so many bytes of answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A proxy. It ends when this is dropped.
#[derive(Debug)]
pub struct CuttingProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    /// How many connections may still be cut.
    cuts: AtomicU64,
    /// After how many bytes of answers.
    after_bytes: AtomicU64,
    connections: AtomicU64,
    answered: Mutex<Vec<u8>>,
}

impl CuttingProxy {
    /// Starts in front of a server.
    ///
    /// # Panics
    /// When there is no port to listen on.
    #[must_use]
    pub fn in_front_of(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let for_thread = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                if for_thread.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(client) = client else { continue };
                for_thread.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&for_thread);
                std::thread::spawn(move || {
                    // A broken connection is what this is for.
                    let _ = serve(&shared, client, upstream);
                });
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the next connections that answer more than so many bytes.
    pub fn cut(&self, connections: u64, after_bytes: u64) {
        self.shared
            .after_bytes
            .store(after_bytes, Ordering::Relaxed);
        self.shared.cuts.store(connections, Ordering::Relaxed);
    }

    /// How many connections are still to be cut.
    #[must_use]
    pub fn cuts_left(&self) -> u64 {
        self.shared.cuts.load(Ordering::Relaxed)
    }

    /// How many connections there have been.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Everything that the server has answered.
    #[must_use]
    pub fn answered(&self) -> Vec<u8> {
        self.shared
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(shared: &Shared, client: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upward = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut from_server, mut to_client) = (server, client);
    let mut buffer = vec![0; 16 << 10];
    let mut passed = 0;
    loop {
        let read = from_server.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        passed += read as u64;
        let is_over = passed > shared.after_bytes.load(Ordering::Relaxed);
        let claim = |left: u64| left.checked_sub(1);
        if is_over
            && shared
                .cuts
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim)
                .is_ok()
        {
            break;
        }
        shared
            .answered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&buffer[..read]);
        to_client.write_all(&buffer[..read])?;
    }
    let _ = from_server.shutdown(Shutdown::Both);
    let _ = to_client.shutdown(Shutdown::Both);
    let _ = upward.join();
    Ok(())
}
