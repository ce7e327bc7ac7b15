//! What is not there, or not allowed, is told with what there is instead.

use crate::fixture::{PIPELINE, Shop};

const DATE: &str = "2025-11-02";
const ORDERS: [&str; 2] = ["--dataset", "orders"];

/// Runs the orders of the day; the stage must refuse with all of these texts.
#[track_caller]
fn refused(shop: &Shop, texts: &[&str]) {
    let outcome = shop.extract(DATE, &ORDERS);
    outcome.expect_code(2);
    for text in texts {
        assert!(outcome.stderr.contains(text), "{text}: {outcome}");
    }
    assert!(shop.partition("orders", DATE).is_empty());
}

#[test]
fn what_is_not_there_is_told_with_what_there_is() {
    let Some(mut shop) = Shop::new("refusals of extraction") else {
        return;
    };
    shop.pipeline(&PIPELINE.replace("table: orders", "table: order"));
    refused(
        &shop,
        &["there is no table `order`", "did you mean `orders`?"],
    );
    shop.pipeline(&PIPELINE.replace("table: orders", "table: public.Orders"));
    refused(
        &shop,
        &[
            "there is no table `public.Orders`",
            "did you mean `public.orders`?",
        ],
    );
    shop.pipeline(&PIPELINE.replace("{day: created_at}", "{day: create_at}"));
    refused(
        &shop,
        &[
            "no column `create_at`, which `take` names",
            "did you mean `created_at`?",
        ],
    );
    shop.pipeline(&PIPELINE.replace("{day: created_at}", "{day: note}"));
    refused(&shop, &["is of type `text`", "timestamptz"]);
    shop.pipeline(PIPELINE);
    shop.write_contract(
        "orders",
        &[
            ("id", "logicalType: integer"),
            ("ammount", "logicalType: string"),
        ],
    );
    refused(
        &shop,
        &[
            "`public.orders` has no column `ammount`",
            "did you mean `amount`?",
        ],
    );
    shop.write_contract("orders", &[("id", "logicalType: integer")]);
    let good = shop.env.get("LAKE_CONNECTION_SHOP_PG").unwrap().to_owned();
    let database = shop.database.clone();
    shop.env.set(
        "LAKE_CONNECTION_SHOP_PG",
        good.replace(&database, &format!("{database}x")),
    );
    refused(
        &shop,
        &[
            &format!("there is no database `{database}x`"),
            &format!("did you mean `{database}`?"),
        ],
    );
    shop.env
        .set("LAKE_CONNECTION_SHOP_PG", good.replace("p%40ss", "pass"));
    refused(&shop, &["refuses the login", "28P01"]);
    shop.env.remove("LAKE_CONNECTION_SHOP_PG");
    refused(&shop, &["`LAKE_CONNECTION_SHOP_PG` is not set"]);
}

#[test]
fn what_is_not_allowed_is_told_with_what_to_grant() {
    let Some(shop) = Shop::new("rights of extraction") else {
        return;
    };
    shop.sql(&format!("revoke select on orders from {}", shop.reader));
    refused(
        &shop,
        &[
            "may not read the column `id`",
            "GRANT SELECT ON public.orders TO",
        ],
    );
    shop.sql(&format!(
        "create schema hidden; alter table orders set schema hidden; grant select on hidden.orders to {}",
        shop.reader
    ));
    shop.pipeline(&PIPELINE.replace("table: orders", "table: hidden.orders"));
    refused(
        &shop,
        &["may not use the schema `hidden`", "GRANT USAGE ON SCHEMA"],
    );
    // A policy would leave rows out in silence.
    shop.sql(&format!(
        "alter table hidden.orders set schema public; alter table orders enable row level security; \
         create policy own on orders using (user_id = 1); grant select on orders to {}",
        shop.reader
    ));
    shop.pipeline(PIPELINE);
    refused(&shop, &["row-level security", "42501"]);
}

#[test]
fn one_table_that_is_wrong_withholds_the_others() {
    let Some(shop) = Shop::new("tables of one moment") else {
        return;
    };
    shop.write_contract("orders", &[("nothing", "logicalType: integer")]);
    let date = crate::fixture::yesterday();
    let outcome = shop.extract(&date, &[]);
    outcome.expect_code(2);
    assert!(
        !shop
            .partition("users", &date)
            .contains_key("_manifest.json")
    );
}
