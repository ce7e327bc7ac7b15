-- Revenue per category and day. The sum keeps its own type, DECIMAL(38,2): exact, and no amount
-- that the contract accepts can overflow it. The average is rounded half up in whole cents,
-- because the engine divides decimals as floating-point numbers, which miss the half cent.
select
    run_date() as date,
    category,
    revenue,
    orders,
    units,
    cast(cast((2 * cents + orders) // (2 * orders) as decimal(18, 0)) * 0.01 as decimal(18, 2)) as average_order_value
from (
    select
        category,
        sum(amount) as revenue,
        cast(sum(amount) * 100 as hugeint) as cents,
        count(*) as orders,
        cast(sum(quantity) as bigint) as units
    from silver.transactions
    group by category
) as categories
