//! What can go wrong between a client and a store.

use std::time::Duration;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The store answers with this status and S3 error code; the request never reaches it.
    Status(u16, &'static str),
    /// The store answers that the bucket is in this region, as Amazon does: 301, and the region in
    /// a header; the request never reaches it.
    OtherRegion(&'static str),
    /// The connection is reset before the request reaches the store.
    Reset,
    /// The request reaches the store and has its effect; its answer does not come back.
    LostAnswer,
    /// The request is held up this long, then passes.
    Delay(Duration),
    /// The request is held up until [`FaultyStore::release`](crate::FaultyStore::release), then passes.
    Hold,
    /// The answer's body breaks off after so many bytes.
    CutBody(u64),
    /// The answer's body stands still after so many bytes, for this long, then breaks off.
    StallBody(u64, Duration),
    /// One bit of this byte of the answer's body is another one.
    CorruptBody(u64),
    /// One bit of this byte of the request's body is another one.
    CorruptUpload(u64),
}

/// A request that came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRequest {
    /// `GET`, `PUT`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}
