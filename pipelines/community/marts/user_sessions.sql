-- One row per session that was in use on the day: its part of the day.
select
    user_id,
    session_id,
    bool_or(event_type = 'login') as begins_today,
    -- Without a login of today it began the day before: its part of today begins at midnight.
    case
        when bool_or(event_type = 'login') then min(event_time)
        else cast(run_date() as timestamp)
    end as begun_at,
    -- Without a logout it ends with its last event.
    max(event_time) as ended_at
from silver.user_session_events
group by user_id, session_id
