-- The community app's tables in PostgreSQL.
create schema if not exists public;
create table users (
    id uuid primary key,
    first_name text not null,
    last_name text not null,
    email text,
    password text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create table groups (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null
);
create table groups_users (
    group_id uuid not null,
    user_id uuid not null,
    role text not null,
    joined_at timestamptz not null,
    primary key (group_id, user_id)
);
create table activities (
    id uuid primary key,
    group_id uuid not null,
    user_id uuid not null,
    activity_type text not null,
    title text not null,
    description text,
    location text,
    scheduled_at text, -- as people typed it, over the years
    status text not null,
    created_at timestamptz not null
);
create index activities_created_at on activities (created_at);
create table notification_states (
    id uuid primary key,
    user_id uuid not null,
    notification_id uuid not null,
    status text not null,
    updated_at timestamptz not null
);
