//! The rows of each table on a day: tables that are taken whole as they are when the day ends,
//! the others with what happened on the day.

use chrono::NaiveDate;

use super::csv::Row;
use super::moment::{self, DAY, HOUR, MINUTE, cassandra, midnight, postgres};
use super::user::{User, uuid};
use crate::GenerateError;
use crate::random::{Random, mix};

const CONTENTS: [&str; 4] = [
    "Your group meets tomorrow",
    "New message in your group",
    "Sale: 20 % off, today only",
    "Someone joined your \"activity\", say hello",
];
/// Days for which the app keeps what became of a notification.
const KEPT_DAYS: i64 = 7;
/// Members of a group, about.
const GROUP_SIZE: u64 = 40;

/// A day of the app.
pub struct Day {
    begin: i64,
    end: i64,
    seed: u64,
    users: u64,
    all_columns: bool,
}

type Write<'a> = &'a mut dyn FnMut(&Row) -> Result<(), GenerateError>;

impl Day {
    pub fn new(date: NaiveDate, seed: u64, users: u64, all_columns: bool) -> Self {
        let begin = midnight(date);
        Self {
            begin,
            end: begin + DAY,
            seed,
            users,
            all_columns,
        }
    }

    /// Hands each row of a table to `write`.
    pub fn write(&self, table: &str, write: Write<'_>) -> Result<(), GenerateError> {
        match table {
            "users" => self.users(write),
            "groups" => self.groups(write),
            "groups_users" => self.groups_users(write),
            "activities" => self.activities(write),
            "notification_states" => self.notification_states(write),
            "group_messages" => self.group_messages(write),
            "user_notifications" => self.user_notifications(write),
            "user_purchases" => self.user_purchases(write),
            _ => self.user_session_events(write),
        }
    }

    fn all_users(&self) -> impl Iterator<Item = User> {
        (0..self.users).map(|index| User::new(index, self.seed))
    }

    fn group_count(&self) -> u64 {
        (self.users / GROUP_SIZE).max(3)
    }

    fn group(&self, number: u64) -> String {
        uuid(self.seed ^ mix(0x6772_6f75 ^ number))
    }

    /// The groups that a user is in: one to three.
    fn groups_of(&self, user: &User) -> Vec<u64> {
        let mut random = user.random(9);
        let count = self.group_count();
        let mut groups: Vec<u64> = (0..1 + random.below(3))
            .map(|_| random.below(count))
            .collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    fn users(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users().filter(|user| user.exists(self.end)) {
            let (first, last) = user.names();
            let email = user.email(self.end);
            row.begin()
                .text(&user.id)
                .text(first)
                .text(last)
                .maybe(email.as_deref());
            if self.all_columns {
                row.text(&user.password());
            }
            let created = match user.has_impossible_date() {
                true => "infinity".to_owned(),
                false => postgres(user.created),
            };
            row.text(&created).text(&postgres(user.updated(self.end)));
            write(row.end())?;
        }
        Ok(())
    }

    fn groups(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for number in 0..self.group_count() {
            let created =
                postgres(midnight(NaiveDate::default()) + 20_089 * DAY + number as i64 * MINUTE);
            let name = ["Hikers", "Chess, \"slow\"", "Cooks", "Readers"][(number % 4) as usize];
            row.begin()
                .text(&self.group(number))
                .text(&format!("{name} {number}"))
                .text(&created);
            write(row.end())?;
        }
        Ok(())
    }

    fn groups_users(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users().filter(|user| user.exists(self.end)) {
            for group in self.groups_of(&user) {
                let role = match group % 7 == user.index % 7 {
                    true => "admin",
                    false => "member",
                };
                row.begin()
                    .text(&self.group(group))
                    .text(&user.id)
                    .text(role)
                    .text(&postgres(user.created));
                write(row.end())?;
            }
        }
        Ok(())
    }

    fn activities(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for number in 0..self.users / 100 + 1 {
            let mut random = Random::new(mix(self.seed ^ mix(self.begin as u64 ^ mix(number))));
            let owner = User::new(random.below(self.users), self.seed);
            let created = self.begin + random.below(DAY as u64) as i64;
            let scheduled = created + random.below(30 * DAY as u64) as i64;
            let scheduled = match random.below(100) {
                0 => "30/02/2025 10:00".to_owned(),
                1 => "soon".to_owned(),
                form => moment::typed(scheduled, form),
            };
            row.begin()
                .text(&uuid(random.next_u64()))
                .text(&self.group(random.below(self.group_count())))
                .text(&owner.id)
                .text(["hike", "meal", "game", "talk"][random.below(4) as usize])
                .text(
                    ["Sunday walk", "Dinner, all welcome", "Long \"evening\""]
                        [random.below(3) as usize],
                );
            if self.all_columns {
                row.text("Bring a friend.\nOr two.");
            }
            row.maybe((random.below(5) > 0).then_some("Old harbour"))
                .text(&scheduled)
                .text(["planned", "done", "cancelled"][random.below(3) as usize])
                .text(&postgres(created));
            write(row.end())?;
        }
        Ok(())
    }

    fn notification_states(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users() {
            for days_ago in (0..KEPT_DAYS).rev() {
                for notification in user.notifications(self.begin - days_ago * DAY) {
                    let (at, status) = notification
                        .answer
                        .filter(|(at, _)| *at < self.end)
                        .unwrap_or((notification.sent, "sent"));
                    row.begin()
                        .text(&uuid(mix(notification.sent as u64) ^ mix(user.index)))
                        .text(&user.id)
                        .text(&notification.id)
                        .text(status)
                        .text(&postgres(at));
                    write(row.end())?;
                }
            }
        }
        Ok(())
    }

    fn user_notifications(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users() {
            for notification in user.notifications(self.begin) {
                let answer = notification.answer.filter(|(at, _)| *at < self.end);
                let (mut modified, state) = answer.unwrap_or((notification.sent, "sent"));
                // Some clocks run ahead, by years.
                if mix(modified as u64).is_multiple_of(300) {
                    modified += 800 * DAY;
                }
                row.begin()
                    .text(&user.id)
                    .text(&cassandra(notification.sent))
                    .text(&notification.id)
                    .text(CONTENTS[notification.content])
                    .text(state)
                    .text(&cassandra(modified));
                write(row.end())?;
            }
        }
        Ok(())
    }

    fn group_messages(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users().filter(|user| user.is_active(self.begin)) {
            let groups = self.groups_of(&user);
            let mut random = user.random_of(self.begin, 10);
            for _ in 0..random.below(4) {
                let group = groups[random.below(groups.len() as u64) as usize];
                row.begin()
                    .text(&self.group(group))
                    .text(&cassandra(self.begin + random.below(DAY as u64) as i64))
                    .text(&uuid(random.next_u64()))
                    .text(&user.id);
                if self.all_columns {
                    row.text("See you there, \"team\"");
                }
                write(row.end())?;
            }
        }
        Ok(())
    }

    fn user_purchases(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users().filter(|user| user.is_active(self.begin)) {
            let mut random = user.random_of(self.begin, 11);
            for _ in 0..random.below(8).saturating_sub(5) {
                let cents = 99 + random.below(20_000);
                let amount = match random.below(200) {
                    0 => format!("-{}.{:02}", cents / 100, cents % 100),
                    1 => format!("{cents}000000.00"),
                    _ => format!("{}.{:02}", cents / 100, cents % 100),
                };
                let currency = match random.below(200) {
                    0 => None,
                    1 => Some("euros"),
                    2..16 => Some("USD"),
                    16..24 => Some("GBP"),
                    _ => Some("EUR"),
                };
                row.begin()
                    .text(&user.id)
                    .text(&cassandra(self.begin + random.below(DAY as u64) as i64))
                    .text(&uuid(random.next_u64()))
                    .text(["badge", "subscription", "ticket"][random.below(3) as usize])
                    .text(&amount)
                    .maybe(currency);
                write(row.end())?;
            }
        }
        Ok(())
    }

    fn user_session_events(&self, write: Write<'_>) -> Result<(), GenerateError> {
        let mut row = Row::default();
        for user in self.all_users() {
            // A session may have begun the day before.
            for begin in [self.begin - DAY, self.begin] {
                for session in user.sessions(begin) {
                    for (at, kind) in session.events {
                        if !(self.begin..self.end).contains(&at) {
                            continue;
                        }
                        row.begin()
                            .text(&user.id)
                            .text(&cassandra(at))
                            .text(&session.id)
                            .text(kind);
                        write(row.end())?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The longest time between a login and the last event of its session is shorter than a day.
const _: () = assert!(5 * 16 * MINUTE + 10 * MINUTE < 3 * HOUR);
