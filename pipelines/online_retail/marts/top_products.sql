-- The ten products of a day with the highest revenue, returns taken off. Equal revenues are
-- ordered by stock code, so that there are always ten and always the same ten.
select date, rank, stock_code, description, revenue, units, orders
from (
    select
        run_date() as date,
        cast(row_number() over (order by revenue desc, stock_code) as integer) as rank,
        stock_code,
        description,
        revenue,
        units,
        orders
    from (
        select
            stock_code,
            -- A code may be described in several ways on one day; the first by alphabet is shown.
            min(description) as description,
            sum(quantity * unit_price) as revenue,
            cast(sum(quantity) as bigint) as units,
            count(distinct case when not is_cancelled then invoice_no end) as orders
        from silver.transactions
        group by stock_code
    ) as products
) as ranked
where rank <= 10
