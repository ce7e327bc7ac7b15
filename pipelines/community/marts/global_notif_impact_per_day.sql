-- One row per notification that was sent on the day.
with states as (
    -- The newest state of each notification, as of the day.
    select notification_id, status, updated_at
    from silver.notification_states
    qualify row_number() over (
        partition by notification_id order by updated_at desc, status, id
    ) = 1
),

answers as (
    select
        sent.user_id,
        sent.notification_id,
        sent.content,
        sent.notification_time,
        coalesce(states.status in ('opened', 'clicked'), false)
        or sent.state in ('opened', 'clicked') as is_success,
        -- The server's time; the device's only where the server has none and it is not ahead.
        case
            when states.status in ('opened', 'clicked') then states.updated_at
            when
                sent.state in ('opened', 'clicked')
                and sent.modified_at < cast(run_date() + 1 as timestamp)
                then sent.modified_at
        end as answered_at
    from silver.user_notifications as sent
    left join states on sent.notification_id = states.notification_id
),

ends as (
    -- Of several sessions at once, the one that lasts longest.
    select answers.notification_id, answers.user_id, max(sessions.ended_at) as ended_at
    from answers
    inner join gold.user_sessions as sessions
        on
            answers.user_id = sessions.user_id
            and answers.answered_at between sessions.begun_at and sessions.ended_at
    group by answers.notification_id, answers.user_id
)

select
    answers.user_id,
    answers.notification_id,
    answers.content as content_notif,
    cast(answers.notification_time as date) as notif_date,
    answers.is_success,
    case
        when answers.is_success
            then coalesce((epoch_us(ends.ended_at) - epoch_us(answers.answered_at)) // 1000000, 0)
    end as time_spend_after_success
from answers
left join ends
    on answers.notification_id = ends.notification_id and answers.user_id = ends.user_id
