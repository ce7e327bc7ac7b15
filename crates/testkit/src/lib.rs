//! What the tests of all crates share: real servers, hermetic environments for the real
//! executables, and a store that fails on demand.
//!
//! Nothing here links the SDK, so that the crate `store` itself can be tested with it. Helpers
//! panic when the machine does not let them work: a test has nothing better to do.

mod canned;
mod cutting_proxy;
mod environment;
mod executable;
mod fault;
mod faulty;
mod faulty_http;
mod minio;
mod outcome;
mod postgres;
mod process;
mod server;
mod tls;

pub use canned::CannedServer;
pub use cutting_proxy::CuttingProxy;
pub use environment::Env;
pub use executable::{executable, find_executable};
pub use fault::{Fault, SeenRequest};
pub use faulty::FaultyStore;
pub use minio::{minio_or_skip, say};
pub use outcome::Outcome;
pub use postgres::{Postgres, postgres_or_skip};
pub use process::{ProcessGroup, resident_bytes};
pub use server::Server;
pub use tls::{ServerCertificate, TlsStore};

/// Credentials that nobody has used before.
#[must_use]
pub fn random_text(bytes: usize) -> String {
    use std::fmt::Write as _;
    use std::io::Read as _;
    let mut random = vec![0; bytes];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .expect("the system gives random bytes");
    random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Bytes that look random and are the same for the same seed: they do not compress, and a
/// corrupted one shows.
#[must_use]
pub fn noise(seed: u64, size_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_bytes + 8);
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    while bytes.len() < size_bytes {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(size_bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{noise, random_text};

    #[test]
    fn noise_depends_on_its_seed_alone() {
        assert_eq!(noise(7, 1001), noise(7, 1001));
        assert_eq!(noise(7, 1001)[..900], noise(7, 900)[..]);
        assert_ne!(noise(7, 64), noise(8, 64));
        assert_eq!(noise(0, 3).len(), 3);
    }

    #[test]
    fn random_texts_differ() {
        assert_eq!(random_text(10).len(), 20);
        assert_ne!(random_text(10), random_text(10));
    }
}
