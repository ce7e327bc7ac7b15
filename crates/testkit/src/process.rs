//! Child processes that end with the test.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// A child with a process group of its own, killed as a group when it is dropped.
#[derive(Debug)]
pub struct ProcessGroup {
    child: Child,
    ended: Option<ExitStatus>,
}

impl ProcessGroup {
    /// Starts a command in a new process group.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        let child = command
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {:?}: {error}", command.get_program()));
        Self { child, ended: None }
    }

    /// The process id, which is the group's id too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, when it has.
    ///
    /// # Panics
    /// When the system does not say.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("the child's state");
        }
        self.ended
    }

    /// Waits until it ends, or until the time is up.
    pub fn wait_for(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        while self.try_wait().is_none() && start.elapsed() < limit {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.ended
    }

    /// Sends SIGTERM to the child alone, as a scheduler does.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGINT to the child alone, as a terminal does.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Sends SIGKILL to the child alone.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    fn signal(&self, signal: Signal) {
        if self.ended.is_none()
            && let Some(pid) = pid(self.child.id())
        {
            // It may have ended meanwhile; until it is waited for, its id is its own.
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if self.try_wait().is_none() {
            if let Some(pid) = pid(self.child.id()) {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            let _ = self.child.wait();
        }
    }
}

fn pid(id: u32) -> Option<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw)
}

/// The most memory that a process has had resident (`VmHWM`), on Linux.
#[must_use]
pub fn resident_bytes(process_id: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace()
        .nth(1)?
        .parse::<u64>()
        .ok()
        .map(|kibibytes| kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::{ProcessGroup, resident_bytes};
    use std::io::Read as _;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    #[test]
    fn a_child_and_its_children_end_with_the_guard() {
        let mut command = Command::new("sh");
        command
            .args(["-c", "sleep 60 & sleep 60"])
            .stdout(Stdio::piped());
        let mut group = ProcessGroup::spawn(&mut command);
        let mut pipe = group.child().stdout.take().expect("a pipe");
        assert!(group.wait_for(Duration::from_millis(20)).is_none());
        drop(group);
        // The pipe ends when the last process that holds its other end is gone.
        let start = Instant::now();
        pipe.read_to_end(&mut Vec::new()).expect("readable");
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "a child outlived its guard"
        );
    }

    #[test]
    fn a_terminated_child_is_seen_to_end() {
        use std::os::unix::process::ExitStatusExt as _;
        let mut group = ProcessGroup::spawn(Command::new("sleep").arg("60"));
        group.terminate();
        let status = group.wait_for(Duration::from_secs(10)).expect("it ends");
        assert_eq!(status.signal(), Some(15));
    }

    #[test]
    fn this_process_has_resident_memory() {
        if cfg!(target_os = "linux") {
            assert!(resident_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000));
        }
    }
}
