//! Listening: connections in, requests to the service, a graceful stop.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::service::S3Service;
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// How long running requests may go on after a signal.
const GRACE: Duration = Duration::from_secs(10);

/// SIGTERM and SIGINT, caught from the moment this exists.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Serves until a signal, then lets running requests end.
pub(crate) async fn serve(
    listener: std::net::TcpListener,
    service: S3Service,
    mut signals: Signals,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (stop, stopping) = watch::channel(false);
    // Every connection holds a sender: when all are gone, `ended` yields nothing.
    let (running, mut ended) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = signals.wait() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let work = connection(stream, service.clone(), stopping.clone());
                let running = running.clone();
                tokio::spawn(async move {
                    work.await;
                    drop(running);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: wait for some connection to end.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    drop(running);
    stop.send_replace(true);
    tokio::select! {
        _ = ended.recv() => {}
        () = tokio::time::sleep(GRACE) => tracing::warn!("stopped with requests still running"),
        () = signals.wait() => tracing::warn!("stopped at the second signal"),
    }
    Ok(())
}

async fn connection(stream: TcpStream, service: S3Service, mut stopping: watch::Receiver<bool>) {
    // Small answers must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let answer = service_fn(move |request| answer(service.clone(), request));
    let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        // Sent once, to stop; it is an error when the server has gone, which is the same.
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(
    service: S3Service,
    request: Request<Incoming>,
) -> Result<Response<s3s::Body>, Infallible> {
    let started = Instant::now();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let response = Service::call(&service, request)
        .await
        .unwrap_or_else(|error| {
            tracing::error!(?error, "the protocol library failed");
            let mut response = Response::new(s3s::Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
    // The query is left out: a presigned one holds a signature.
    tracing::debug!(
        %method, path, status = response.status().as_u16(),
        micros = started.elapsed().as_micros(), "answered"
    );
    Ok(response)
}
