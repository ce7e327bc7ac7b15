-- One row per user who had a session, wrote a message or bought something on the day.
with parts as (
    select
        user_id,
        count(*) filter (where begins_today) as connexions,
        sum(epoch_us(ended_at) - epoch_us(begun_at)) as microseconds,
        0 as messages,
        0.00 as money,
        0 as other_currency
    from gold.user_sessions
    group by user_id
    union all
    select user_id, 0, 0, count(*), 0.00, 0
    from silver.group_messages
    group by user_id
    union all
    select
        user_id,
        0,
        0,
        0,
        coalesce(sum(amount) filter (where currency = 'EUR'), 0.00),
        count(*) filter (where currency <> 'EUR')
    from silver.user_purchases
    group by user_id
)

select
    user_id,
    run_date() as date,
    cast(sum(connexions) as bigint) as total_nbr_connexion,
    cast(sum(microseconds) // 1000000 as bigint) as total_spend_time,
    cast(sum(messages) as bigint) as total_message_send_this_day,
    cast(sum(money) as decimal(38, 2)) as total_money_spend,
    cast(sum(other_currency) as bigint) as purchases_other_currency
from parts
group by user_id
