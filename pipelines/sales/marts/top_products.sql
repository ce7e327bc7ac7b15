-- The ten products of a day with the highest revenue. Equal revenues are ordered by product id,
-- so that there are always ten and always the same ten.
select date, rank, product_id, product_name, category, revenue, orders, units
from (
    select
        run_date() as date,
        cast(row_number() over (order by revenue desc, product_id) as integer) as rank,
        product_id,
        product_name,
        category,
        revenue,
        orders,
        units
    from (
        select
            product_id,
            -- Shops may spell a product in several ways; the first by alphabet is shown.
            min(product_name) as product_name,
            min(category) as category,
            sum(amount) as revenue,
            count(*) as orders,
            cast(sum(quantity) as bigint) as units
        from silver.transactions
        group by product_id
    ) as products
) as ranked
where rank <= 10
