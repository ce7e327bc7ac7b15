//! TLS, as PostgreSQL's own clients understand `sslmode`.

use std::sync::Arc;

use lakehouse_testkit::{Postgres, postgres_or_skip};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::fixture::Shop;

#[test]
fn certificates_are_verified_as_far_as_sslmode_says() {
    let Some(shared) = postgres_or_skip("TLS of PostgreSQL") else {
        return;
    };
    // A server without TLS.
    let mut shop = Shop::at(shared);
    let outcome = |shop: &Shop| shop.extract("2025-11-02", &["--dataset", "orders"]);
    shop.connect("sslmode=require&attempts=1");
    let refused = outcome(&shop);
    refused.expect_code(2);
    assert!(refused.stderr.contains("does not speak TLS"), "{refused}");

    let postgres = Arc::new(Postgres::start());
    let mut shop = Shop::at(Arc::clone(&postgres));
    shop.sql(&format!(
        "create table orders (id int, user_id int, amount int, note text, created_at timestamptz); grant select on orders to {}",
        shop.reader
    ));
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(["ca".to_owned()]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(["db.example.org".to_owned()]).unwrap();
    let certificate = own.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    // The server reads both as texts of SQL, since its folder is another user's.
    shop.sql(&format!(
        "copy (select regexp_split_to_table($a${}$a$, E'\\n')) to program 'cat > server.crt'; \
         copy (select regexp_split_to_table($a${}$a$, E'\\n')) to program 'umask 077; cat > server.key'",
        certificate.pem().trim(),
        key.serialize_pem().trim()
    ));
    shop.sql("alter system set ssl = on");
    shop.sql("select pg_reload_conf()");
    std::thread::sleep(std::time::Duration::from_millis(500));
    let root = shop.env.write("ca.pem", ca_pem);
    let root = root.to_string_lossy();
    for (parameters, said) in [
        ("sslmode=require".to_owned(), None),
        ("sslmode=prefer".to_owned(), None),
        ("sslmode=disable".to_owned(), None),
        (format!("sslmode=verify-ca&sslrootcert={root}"), None),
        (format!("sslmode=require&sslrootcert={root}"), None),
        (
            format!("sslmode=verify-full&sslrootcert={root}"),
            Some("its certificate is for another host"),
        ),
        (
            "sslmode=verify-ca".to_owned(),
            Some("not signed by a CA that is trusted here"),
        ),
        (
            "sslmode=verify-ca&sslrootcert=/nowhere.pem".to_owned(),
            Some("`sslrootcert` `/nowhere.pem` cannot be read"),
        ),
    ] {
        shop.connect(&format!("{parameters}&attempts=1"));
        let outcome = outcome(&shop);
        outcome.expect_code(if said.is_some() { 2 } else { 0 });
        if let Some(said) = said {
            assert!(outcome.stderr.contains(said), "{parameters}: {outcome}");
        }
    }
}
