//! A store that fails on demand: a proxy in front of a real server, with a queue of faults.
//!
//! Each connection carries one request. A request takes the first fault in the queue that is
//! meant for it; without one it passes. All requests are remembered, so that a test can count
//! attempts.

use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::faulty_http::{Head, pass};
use crate::{Fault, SeenRequest};

/// One entry of the queue: which requests it is meant for, and what goes wrong.
#[derive(Debug)]
struct Planned {
    method: String,
    target_part: String,
    fault: Fault,
    /// Whether it stays in the queue.
    always: bool,
}

#[derive(Debug, Default)]
struct Shared {
    planned: Mutex<VecDeque<Planned>>,
    seen: Mutex<Vec<SeenRequest>>,
    stopped: AtomicBool,
    released: AtomicBool,
}

/// A proxy that spoils what it is told to spoil. It ends when this is dropped.
#[derive(Debug)]
pub struct FaultyStore {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultyStore {
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
        let acceptor = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&for_thread);
                std::thread::spawn(move || {
                    // A broken connection is what this is for.
                    let _ = serve(&shared, stream, upstream);
                });
            }
        });
        Self {
            address,
            shared,
            acceptor: Some(acceptor),
        }
    }

    /// `http://127.0.0.1:port`
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next request suffers this fault.
    pub fn queue(&self, fault: Fault) -> &Self {
        self.queue_for("", "", fault)
    }

    /// The next request with this method, and with this text in its path or query, suffers this
    /// fault. Empty texts mean any.
    pub fn queue_for(&self, method: &str, target_part: &str, fault: Fault) -> &Self {
        self.plan(method, target_part, fault, false)
    }

    /// Every such request suffers this fault, until [`heal`](Self::heal).
    pub fn always_for(&self, method: &str, target_part: &str, fault: Fault) -> &Self {
        self.plan(method, target_part, fault, true)
    }

    fn plan(&self, method: &str, target_part: &str, fault: Fault, always: bool) -> &Self {
        let planned = Planned {
            method: method.to_owned(),
            target_part: target_part.to_owned(),
            fault,
            always,
        };
        lock(&self.shared.planned).push_back(planned);
        self
    }

    /// Lets the requests pass that [`Fault::Hold`] holds up, those to come included.
    pub fn release(&self) {
        self.shared.released.store(true, Ordering::Relaxed);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        lock(&self.shared.planned).clear();
    }

    /// How many faults are still waiting for their request.
    #[must_use]
    pub fn waiting(&self) -> usize {
        lock(&self.shared.planned)
            .iter()
            .filter(|planned| !planned.always)
            .count()
    }

    /// The requests that came by, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<SeenRequest> {
        std::mem::take(&mut lock(&self.shared.seen))
    }
}

impl Drop for FaultyStore {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn next_fault(&self, method: &str, target: &str) -> Option<Fault> {
        let mut planned = lock(&self.planned);
        let index = planned.iter().position(|planned| {
            (planned.method.is_empty() || planned.method == method)
                && target.contains(&planned.target_part)
        })?;
        if planned[index].always {
            return Some(planned[index].fault.clone());
        }
        planned.remove(index).map(|planned| planned.fault)
    }

    fn hold_until_released(&self) {
        while !self.released.load(Ordering::Relaxed) && !self.stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sleeps, but not beyond the proxy's own end.
    fn hold(&self, time: Duration) {
        let start = Instant::now();
        while start.elapsed() < time && !self.stopped.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10).min(time));
        }
    }
}

fn serve(shared: &Shared, mut client: TcpStream, upstream: SocketAddr) -> io::Result<()> {
    let Some(request) = Head::read(&mut client)? else {
        return Ok(());
    };
    let mut words = request.first_line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let fault = shared.next_fault(&method, &target);
    lock(&shared.seen).push(SeenRequest {
        method: method.clone(),
        target,
        fault: fault.clone(),
    });
    match fault {
        Some(Fault::Reset) => return reset(&client),
        Some(Fault::Status(status, code)) => {
            drain(&mut client, &request)?;
            return answer(&mut client, &method, status, code, "");
        }
        Some(Fault::OtherRegion(region)) => {
            drain(&mut client, &request)?;
            let field = format!("x-amz-bucket-region: {region}\r\n");
            return answer(&mut client, &method, 301, "PermanentRedirect", &field);
        }
        Some(Fault::Delay(time)) => shared.hold(time),
        Some(Fault::Hold) => shared.hold_until_released(),
        _ => {}
    }
    if request.field("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut server = TcpStream::connect(upstream)?;
    request.write(&mut server)?;
    let spoiled = if let Some(Fault::CorruptUpload(at)) = fault {
        at
    } else {
        u64::MAX
    };
    pass(
        &mut client,
        &mut server,
        request.content_length(),
        |offset, chunk| flip(spoiled, offset, chunk),
    )?;
    let answer = loop {
        let head = Head::read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if !head.first_line.starts_with("HTTP/1.1 1") {
            break head;
        }
    };
    match fault {
        Some(Fault::LostAnswer) => return reset(&client),
        Some(Fault::CutBody(after)) => {
            answer.write(&mut client)?;
            pass(&mut server, &mut client, after, |_, _| {})?;
        }
        Some(Fault::StallBody(after, time)) => {
            answer.write(&mut client)?;
            pass(&mut server, &mut client, after, |_, _| {})?;
            shared.hold(time);
        }
        Some(Fault::CorruptBody(at)) => {
            answer.write(&mut client)?;
            pass(
                &mut server,
                &mut client,
                answer.content_length(),
                |offset, chunk| flip(at, offset, chunk),
            )?;
        }
        _ => {
            answer.write(&mut client)?;
            io::copy(&mut server, &mut client)?;
        }
    }
    client.shutdown(Shutdown::Both)
}

/// Changes one bit of the byte at `at` when it is in the chunk that begins at `offset`.
fn flip(at: u64, offset: u64, chunk: &mut [u8]) {
    let index = at
        .checked_sub(offset)
        .and_then(|index| usize::try_from(index).ok());
    if let Some(byte) = index.and_then(|index| chunk.get_mut(index)) {
        *byte ^= 1;
    }
}

/// Takes the body of a request and forgets it.
fn drain(client: &mut TcpStream, request: &Head) -> io::Result<()> {
    pass(client, &mut io::sink(), request.content_length(), |_, _| {})
}

fn answer(
    client: &mut TcpStream,
    method: &str,
    status: u16,
    code: &str,
    more_fields: &str,
) -> io::Result<()> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>on demand</Message></Error>"
    );
    let head = format!(
        "HTTP/1.1 {status} Fault\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n{more_fields}Connection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes())?;
    if method != "HEAD" {
        client.write_all(body.as_bytes())?;
    }
    client.shutdown(Shutdown::Both)
}

/// Closes with a reset instead of an orderly end.
fn reset(client: &TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(client, Some(Duration::ZERO))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultyStore};
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    /// A server that answers everything with `0123456789`.
    fn ten_bytes() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a connection");
                let mut request = Vec::new();
                let mut byte = [0];
                while !request.ends_with(b"\r\n\r\n")
                    && stream.read(&mut byte).expect("readable") > 0
                {
                    request.push(byte[0]);
                }
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
            }
        });
        address
    }

    fn get(store: &FaultyStore) -> String {
        let address = store.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = TcpStream::connect(address).expect("connected");
        stream
            .write_all(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
            .expect("sent");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => String::from_utf8_lossy(&answer).into_owned(),
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    #[test]
    fn each_fault_does_what_it_says_and_then_the_store_is_well_again() {
        let store = FaultyStore::in_front_of(ten_bytes());
        store
            .queue(Fault::Status(503, "SlowDown"))
            .queue(Fault::Reset)
            .queue(Fault::CutBody(4))
            .queue(Fault::CorruptBody(3))
            .queue(Fault::LostAnswer);
        let busy = get(&store);
        assert!(
            busy.starts_with("HTTP/1.1 503 ") && busy.contains("<Code>SlowDown</Code>"),
            "{busy}"
        );
        assert_eq!(get(&store), "ConnectionReset");
        assert!(get(&store).ends_with("\r\n\r\n0123"));
        assert!(get(&store).ends_with("\r\n\r\n0122456789"));
        assert_eq!(get(&store), "ConnectionReset");
        assert!(get(&store).ends_with("\r\n\r\n0123456789"));
        let seen = store.take_requests();
        assert_eq!(seen.len(), 6);
        assert_eq!(
            (seen[1].fault.clone(), seen[5].fault.clone()),
            (Some(Fault::Reset), None)
        );
        assert_eq!(
            (seen[0].method.as_str(), seen[0].target.as_str()),
            ("GET", "/a")
        );
    }

    #[test]
    fn a_fault_waits_for_its_request() {
        let store = FaultyStore::in_front_of(ten_bytes());
        store
            .queue_for("PUT", "", Fault::Reset)
            .queue_for("GET", "/b", Fault::Reset);
        assert!(get(&store).ends_with("0123456789"));
        assert_eq!(store.waiting(), 2);
        store.heal();
        store.always_for("GET", "", Fault::Status(500, "InternalError"));
        assert!(get(&store).starts_with("HTTP/1.1 500 "));
        assert!(get(&store).starts_with("HTTP/1.1 500 "));
    }
}
