-- What each known customer bought on a day, cancellations left out: the daily part from which
-- customer_rfm is built. An invoice is of one day, so that invoices of days may be added up.
select
    run_date() as date,
    customer_id,
    count(distinct invoice_no) as invoices,
    sum(quantity * unit_price) as monetary
from silver.transactions
where not is_cancelled
    and customer_id is not null
group by customer_id
