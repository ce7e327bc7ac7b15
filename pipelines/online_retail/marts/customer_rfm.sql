-- Customers as of the run date: how recently, how often and for how much they bought, each scored
-- from 1 to 5 (5 is best), and the segment that recency and frequency put them in. Scores and
-- segments are explained in the pipeline's README.
select
    run_date() as date,
    customer_id,
    recency_days,
    frequency,
    monetary,
    recency_score,
    frequency_score,
    monetary_score,
    case
        when recency_score = 5 and frequency_score >= 4 then 'champions'
        when recency_score >= 3 and frequency_score >= 4 then 'loyal'
        when recency_score >= 4 and frequency_score >= 2 then 'potential loyalists'
        when recency_score = 5 then 'new'
        when recency_score = 4 then 'promising'
        when recency_score = 3 and frequency_score = 3 then 'need attention'
        when recency_score = 3 then 'about to sleep'
        when frequency_score = 5 then 'cannot lose'
        when frequency_score >= 3 then 'at risk'
        else 'hibernating'
    end as segment
from (
    select
        customer_id,
        recency_days,
        frequency,
        monetary,
        -- By shares of customers, so that equal values score equal. Recency: the share who bought
        -- no later than this one; who bought today scores 5, even where everybody did.
        cast(ceil(5 * cume_dist() over (order by recency_days desc)) as integer) as recency_score,
        -- Frequency and money: the share who reach at least as much, counted from the other end;
        -- a single invoice scores 1, even where most customers have no more.
        6 - cast(ceil(5 * cume_dist() over (order by frequency desc)) as integer) as frequency_score,
        6 - cast(ceil(5 * cume_dist() over (order by monetary desc)) as integer) as monetary_score
    from (
        select
            customer_id,
            date_diff('day', max(date), run_date()) as recency_days,
            cast(sum(invoices) as bigint) as frequency,
            sum(monetary) as monetary
        from gold.customer_day
        group by customer_id
    ) as customers
) as scored
