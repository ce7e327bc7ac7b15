//! What answers at the endpoint is not the store that was meant, or not in the way that was meant:
//! that is configuration, whatever it looks like on the wire.

use std::net::SocketAddr;
use std::path::PathBuf;

use lakehouse_store::{Failure, ObjectStore, StoreError, StoreSettings, TlsProblem};
use lakehouse_testkit::{CannedServer, Fault, ServerCertificate, TlsStore};

use crate::{BUCKET, Scene, address, put};

impl Scene {
    async fn at(&self, endpoint: String, ca_bundle: Option<PathBuf>) -> ObjectStore {
        let settings = StoreSettings {
            endpoint: Some(endpoint),
            ca_bundle,
            ..self.store.settings().clone()
        };
        ObjectStore::connect(settings)
            .await
            .expect("settings that work")
    }
}

#[track_caller]
fn assert_configuration(error: &StoreError, words: &[&str]) {
    assert_eq!(error.exit(), Failure::Configuration, "{error:?}");
    let said = format!("{error} {}", error.hint().unwrap_or_default());
    for word in words {
        assert!(said.contains(word), "no `{word}` in `{said}`\n{error:?}");
    }
}

/// The problem of TLS that a store at this endpoint has, by an operation without a body.
async fn problem(store: &ObjectStore) -> TlsProblem {
    match store.bucket_exists(BUCKET).await {
        Err(error @ StoreError::Tls { problem, .. }) => {
            assert_configuration(&error, &[]);
            assert!(error.hint().is_some());
            problem
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_head_that_is_refused_without_a_body_is_explained() {
    let scene = Scene::new().await;
    // The proxy answers a HEAD as Amazon does: the status, and no word of why.
    scene
        .proxy
        .always_for("", "", Fault::Status(400, "ExpiredToken"));
    for of_object in [true, false] {
        let answer = if of_object {
            scene.store.head(&address()).await.map(drop)
        } else {
            scene.store.bucket_exists(BUCKET).await.map(drop)
        };
        let error = answer.expect_err("expired");
        assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
        assert_configuration(&error, &["AWS_SESSION_TOKEN", "expired"]);
        let requests = scene.requests();
        let methods: Vec<&str> = requests.iter().map(|seen| seen.method.as_str()).collect();
        assert_eq!(methods, ["HEAD", "GET"]);
    }
    scene.proxy.heal();
    scene
        .proxy
        .always_for("", "", Fault::Status(403, "InvalidAccessKeyId"));
    let error = scene.store.head(&address()).await.expect_err("refused");
    let source = std::error::Error::source(&error)
        .expect("a source")
        .to_string();
    assert!(source.contains("InvalidAccessKeyId"), "{source}");
    scene.proxy.heal();
    // What only the HEAD suffers from stays what the HEAD said.
    scene.proxy.queue_for("HEAD", "", Fault::Status(403, ""));
    let error = scene
        .store
        .bucket_exists(BUCKET)
        .await
        .expect_err("refused");
    assert!(matches!(error, StoreError::Credentials { .. }), "{error:?}");
}

#[tokio::test]
async fn another_region_is_named_with_the_configured_one() {
    let scene = Scene::new().await;
    scene
        .proxy
        .always_for("", "", Fault::OtherRegion("eu-west-3"));
    for error in [
        scene.store.head(&address()).await.map(drop),
        scene.store.bucket_exists(BUCKET).await.map(drop),
        put(&scene.store, "content").await,
    ] {
        let error = error.expect_err("another region");
        assert_configuration(&error, &["`eu-west-3`", "`us-east-1`", "AWS_REGION"]);
    }
}

#[tokio::test]
async fn a_scheme_that_the_port_does_not_speak_is_named() {
    let scene = Scene::new().await;
    let plain = scene.server.endpoint().replace("http://", "https://");
    let store = scene.at(plain, None).await;
    assert_eq!(problem(&store).await, TlsProblem::NoTls);

    let tls = TlsStore::in_front_of(scene.server.socket_address(), ServerCertificate::Signed);
    let http = |address: SocketAddr| format!("http://{address}");
    let store = scene.at(http(tls.socket_address()), None).await;
    assert_eq!(problem(&store).await, TlsProblem::NoHttp);

    // Servers in Go and nginx say so in words.
    for body in [
        "Client sent an HTTP request to an HTTPS server.\n",
        "<html><body>The plain HTTP request was sent to HTTPS port</body></html>",
    ] {
        let server = CannedServer::answering(
            format!(
                "HTTP/1.0 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        );
        let store = scene.at(http(server.socket_address()), None).await;
        let error = put(&store, "content").await.expect_err("not a store");
        assert_configuration(&error, &["https://", "AWS_ENDPOINT_URL"]);
    }
}

#[tokio::test]
async fn what_is_not_an_s3_store_is_named() {
    let scene = Scene::new().await;
    let server =
        CannedServer::answering(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n");
    let store = scene
        .at(format!("http://{}", server.socket_address()), None)
        .await;
    let error = store.bucket_exists(BUCKET).await.expect_err("not a store");
    assert!(matches!(error, StoreError::NotS3 { .. }), "{error:?}");
    assert_configuration(&error, &["AWS_ENDPOINT_URL"]);
}

#[tokio::test]
async fn certificates_are_trusted_by_the_bundle_and_refused_with_the_reason() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let bundle = folder.path().join("ca.pem");
    let start = |certificate| {
        let tls = TlsStore::in_front_of(scene.server.socket_address(), certificate);
        std::fs::write(&bundle, tls.ca_pem()).expect("a file");
        tls
    };

    let tls = start(ServerCertificate::Signed);
    let store = scene.at(tls.endpoint(), Some(bundle.clone())).await;
    put(&store, "content over TLS").await.expect("a write");
    let (_, bytes) = store
        .get_bytes(&address())
        .await
        .expect("a read")
        .expect("an object");
    assert_eq!(bytes, "content over TLS");
    let stranger = TlsStore::in_front_of(scene.server.socket_address(), ServerCertificate::Signed);
    let store = scene.at(stranger.endpoint(), Some(bundle.clone())).await;
    assert_eq!(problem(&store).await, TlsProblem::UnknownIssuer);

    for (certificate, expected) in [
        (ServerCertificate::Authority, TlsProblem::CaCertificate),
        (ServerCertificate::OtherHost, TlsProblem::OtherHost),
        (ServerCertificate::Expired, TlsProblem::OtherTime),
    ] {
        let tls = start(certificate);
        let store = scene.at(tls.endpoint(), Some(bundle.clone())).await;
        assert_eq!(problem(&store).await, expected, "{certificate:?}");
    }
}
