-- Revenue per country and day. Sums of money keep the sum's own type, DECIMAL(38,3): exact, and
-- no value that the contract accepts can overflow it.
select
    run_date() as date,
    country,
    sum(quantity * unit_price) as revenue,
    sum(case when is_cancelled then quantity * unit_price else 0 end) as returns,
    count(distinct case when not is_cancelled then invoice_no end) as orders,
    cast(sum(quantity) as bigint) as units
from silver.transactions
group by country
