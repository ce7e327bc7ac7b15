//! A server that is not a store: it says the same to everybody.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A listener that answers whatever it is sent with the same bytes. It ends when this is dropped.
#[derive(Debug)]
pub struct CannedServer {
    address: SocketAddr,
    stopped: Arc<AtomicBool>,
    acceptor: Option<JoinHandle<()>>,
}

impl CannedServer {
    /// Starts on a free port.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn answering(bytes: &[u8]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let (bytes, for_thread) = (bytes.to_vec(), Arc::clone(&stopped));
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let bytes = bytes.clone();
                // A client that hangs up early has had its answer.
                std::thread::spawn(move || answer(stream, &bytes));
            }
        });
        Self {
            address,
            stopped,
            acceptor: Some(acceptor),
        }
    }

    /// `127.0.0.1:port`
    #[must_use]
    pub fn socket_address(&self) -> SocketAddr {
        self.address
    }
}

fn answer(mut stream: TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut request = [0; 16 * 1024];
    let _ = stream.read(&mut request)?;
    stream.write_all(bytes)?;
    stream.shutdown(Shutdown::Write)?;
    // Closing with something unread would be a reset that overtakes the answer.
    while stream.read(&mut request)? > 0 {}
    Ok(())
}

impl Drop for CannedServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}
