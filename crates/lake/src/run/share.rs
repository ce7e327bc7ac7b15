//! How memory and threads are divided among the days in flight.

use lakehouse_stage::Settings;

/// A day with less than this spills more than it works.
const MIN_MEMORY_BYTES: u64 = 256 << 20;

/// One day's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// Days in flight.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
    /// Memory of each.
    pub memory_limit_bytes: u64,
}

impl Share {
    /// Divides what the environment allows among `days`; `jobs` fixes how many run at once.
    #[must_use]
    pub fn of(settings: &Settings, days: usize, jobs: Option<usize>) -> Self {
        Self::divide(settings.threads, settings.memory_limit_bytes, days, jobs)
    }

    fn divide(threads: usize, memory_limit_bytes: u64, days: usize, jobs: Option<usize>) -> Self {
        let by_memory =
            usize::try_from(memory_limit_bytes / MIN_MEMORY_BYTES).unwrap_or(usize::MAX);
        let jobs = jobs
            .unwrap_or_else(|| threads.min(by_memory))
            .clamp(1, days.max(1));
        Self {
            jobs,
            threads: (threads / jobs).max(1),
            memory_limit_bytes: memory_limit_bytes / jobs as u64,
        }
    }

    /// The share as a stage's environment.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            ("LAKE_THREADS".to_owned(), self.threads.to_string()),
            (
                "LAKE_MEMORY_LIMIT".to_owned(),
                self.memory_limit_bytes.to_string(),
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Share;

    const GIB: u64 = 1 << 30;

    #[test]
    fn days_in_flight_are_bounded_by_threads_memory_and_days() {
        assert_eq!(
            Share::divide(4, GIB, 30, None),
            Share {
                jobs: 4,
                threads: 1,
                memory_limit_bytes: GIB / 4
            }
        );
        assert_eq!(Share::divide(8, GIB, 30, None).jobs, 4);
        assert_eq!(
            Share::divide(4, GIB, 1, None),
            Share {
                jobs: 1,
                threads: 4,
                memory_limit_bytes: GIB
            }
        );
        assert_eq!(Share::divide(4, GIB, 0, None).jobs, 1);
        assert_eq!(
            Share::divide(1, GIB / 8, 30, None),
            Share {
                jobs: 1,
                threads: 1,
                memory_limit_bytes: GIB / 8
            }
        );
    }

    #[test]
    fn a_number_of_jobs_is_obeyed_up_to_the_days() {
        assert_eq!(
            Share::divide(2, GIB, 30, Some(8)),
            Share {
                jobs: 8,
                threads: 1,
                memory_limit_bytes: GIB / 8
            }
        );
        assert_eq!(Share::divide(2, GIB, 3, Some(8)).jobs, 3);
    }
}
