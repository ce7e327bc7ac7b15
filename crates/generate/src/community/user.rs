//! A user of the app, as of any moment.

use chrono::NaiveDate;

use super::moment::{DAY, HOUR, MINUTE, SECOND, midnight};
use crate::random::{Random, mix};

const FIRST_NAMES: [&str; 16] = [
    "Ada",
    "Björn",
    "Chloé",
    "Deniz",
    "Emeka",
    "Fatima",
    "Giorgos",
    "Hana",
    "Ines",
    "Jürgen",
    "Katarzyna",
    "Liam",
    "Maëlle",
    "Nikos",
    "Oluwaseun",
    "Zoë",
];
const LAST_NAMES: [&str; 16] = [
    "Andersen",
    "Brontë",
    "Castillo",
    "D'Souza",
    "Eriksson",
    "Fischer",
    "García",
    "Haddad",
    "Ivanova",
    "Jansen",
    "Kowalska",
    "Lemaître",
    "Müller",
    "Novák",
    "O'Neill",
    "Şahin",
];
/// The app's first day, and the days over which its users joined.
const LAUNCH: Option<NaiveDate> = NaiveDate::from_ymd_opt(2025, 1, 1);
const JOINING_DAYS: u64 = 300;

/// A user.
#[derive(Debug, Clone)]
pub struct User {
    /// Its number, from 0.
    pub index: u64,
    /// Its id.
    pub id: String,
    /// When it joined.
    pub created: i64,
    /// When it was deleted, where it was.
    pub deleted: Option<i64>,
    /// How often it changes its profile.
    change_every: i64,
    seed: u64,
}

/// A session: the times of its events, of which the first is the login.
#[derive(Debug, Clone)]
pub struct Session {
    pub id: String,
    pub events: Vec<(i64, &'static str)>,
}

/// A notification that was sent.
#[derive(Debug, Clone)]
pub struct Notification {
    pub id: String,
    pub sent: i64,
    /// Which text it has.
    pub content: usize,
    /// What becomes of it, and when.
    pub answer: Option<(i64, &'static str)>,
}

/// A UUID of version 4 made of a seed.
pub fn uuid(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0x5bd1_e995_97f4_a7c1));
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(3 << 62)) | (1 << 63);
    let digits = format!("{high:016x}{low:016x}");
    format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )
}

impl User {
    /// The user with this number.
    pub fn new(index: u64, seed: u64) -> Self {
        let seed = mix(seed ^ mix(index));
        let mut random = Random::new(seed);
        let launch = LAUNCH.map_or(0, midnight);
        let created = launch
            + random.below(JOINING_DAYS) as i64 * DAY
            + random.below(86_400) as i64 * SECOND
            + random.below(1_000) as i64;
        let deleted = (random.below(100) < 3)
            .then(|| created + (30 + random.below(250) as i64) * DAY + 9 * HOUR);
        Self {
            index,
            id: uuid(seed),
            created,
            deleted,
            change_every: (30 + random.below(90) as i64) * DAY,
            seed,
        }
    }

    /// Whether it has an account at the moment.
    pub fn exists(&self, at: i64) -> bool {
        self.created < at && self.deleted.is_none_or(|deleted| deleted > at)
    }

    fn changes(&self, at: i64) -> i64 {
        ((at - 1 - self.created) / self.change_every).max(0)
    }

    /// When its profile changed last.
    pub fn updated(&self, at: i64) -> i64 {
        self.created + self.changes(at) * self.change_every
    }

    /// First and last name.
    pub fn names(&self) -> (&'static str, &'static str) {
        let mut random = self.random(1);
        (
            FIRST_NAMES[random.below(16) as usize],
            LAST_NAMES[random.below(16) as usize],
        )
    }

    /// Its e-mail address: some never gave one, some an empty one.
    pub fn email(&self, at: i64) -> Option<String> {
        match self.random(2).below(1_000) {
            0..12 => None,
            12..15 => Some(String::new()),
            _ => {
                let domain =
                    ["example.org", "example.com", "example.net"][(self.changes(at) % 3) as usize];
                Some(format!("member{}@{domain}", self.index))
            }
        }
    }

    /// The hash of its password: what must never leave the database.
    pub fn password(&self) -> String {
        format!(
            "$2b$12${:016x}{:016x}",
            mix(self.seed ^ 3),
            mix(self.seed ^ 4)
        )
    }

    /// One in a thousand joined at a time that no calendar has.
    pub fn has_impossible_date(&self) -> bool {
        self.random(5).below(1_000) == 0
    }

    /// Numbers for one use, the same on every day.
    pub fn random(&self, purpose: u64) -> Random {
        Random::new(mix(self.seed ^ mix(purpose)))
    }

    /// Numbers for one use on one day.
    pub fn random_of(&self, day: i64, purpose: u64) -> Random {
        Random::new(mix(self.seed ^ mix(purpose ^ mix(day as u64))))
    }

    /// Whether it uses the app on the day that begins then. Of the deleted, a few devices have not
    /// noticed.
    pub fn is_active(&self, midnight: i64) -> bool {
        let chance = match self.deleted {
            _ if self.created >= midnight => 0,
            Some(deleted) if deleted <= midnight => 4,
            _ => 40,
        };
        self.random_of(midnight, 6).below(100) < chance
    }

    /// The sessions that it begins on a day. One in seven has no logout.
    pub fn sessions(&self, midnight: i64) -> Vec<Session> {
        if !self.is_active(midnight) {
            return Vec::new();
        }
        let mut random = self.random_of(midnight, 7);
        let count = 1 + random.below(3);
        (0..count)
            .map(|number| {
                let share = DAY / count as i64;
                let mut at = midnight + number as i64 * share + random.below(share as u64) as i64;
                let mut events = vec![(at, "login")];
                for _ in 0..random.below(6) {
                    at += 20 * SECOND + random.below(15 * MINUTE as u64) as i64;
                    let kind = ["view", "search", "join_group", "open_notification"];
                    events.push((at, kind[random.below(4) as usize]));
                }
                if random.below(7) > 0 {
                    at += SECOND + random.below(10 * MINUTE as u64) as i64;
                    events.push((at, "logout"));
                }
                let id = uuid(self.seed ^ mix(midnight as u64 ^ mix(100 + number)));
                Session { id, events }
            })
            .collect()
    }

    /// The notifications that it is sent on a day, and what becomes of them.
    pub fn notifications(&self, midnight: i64) -> Vec<Notification> {
        if !self.exists(midnight) {
            return Vec::new();
        }
        let mut random = self.random_of(midnight, 8);
        let sessions = self.sessions(midnight);
        (0..random.below(3))
            .map(|number| {
                let sent = midnight + random.below(20 * HOUR as u64) as i64;
                let later = sent + MINUTE + random.below(30 * HOUR as u64) as i64;
                let wait = 10 * SECOND + random.below(MINUTE as u64) as i64;
                // Most are opened in the next session of the day.
                let next = sessions
                    .iter()
                    .map(|session| session.events[0].0)
                    .find(|begun| *begun > sent);
                let opened = next
                    .filter(|_| random.below(4) > 0)
                    .map_or(later, |at| at + wait);
                let answer = match random.below(100) {
                    0..25 => Some((opened, "opened")),
                    25..40 => Some((opened, "clicked")),
                    40..60 => Some((later, "dismissed")),
                    _ => None,
                };
                Notification {
                    id: uuid(self.seed ^ mix(midnight as u64 ^ mix(200 + number))),
                    sent,
                    content: random.below(4) as usize,
                    answer,
                }
            })
            .collect()
    }
}
