//! SIGTERM and SIGINT: the workspace is removed, the report says `killed`, the process ends.
//!
//! A thread of its own waits for them, with a runtime of its own, since the stage's threads
//! may be inside a call of the engine that returns in minutes. Nothing is unwound: what is
//! visible in the store is whole at any instant, and the next run sweeps the rest. Uploads
//! that are under way are given up, as far as the store answers at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use lakehouse_store::ObjectStore;

use crate::{Report, StageError, Workspace, output};

/// How long giving up uploads may hold the end.
const ABORT_TIMEOUT: Duration = Duration::from_secs(2);

/// For the stage's own thread, after a signal has decided how the process ends, and is about to end
/// it with its own code.
pub(crate) fn await_end() {
    std::thread::sleep(Duration::from_secs(30));
}

/// What a signal has to clean up.
#[derive(Clone, Default)]
pub(crate) struct SignalCleanup {
    inner: Arc<Mutex<Remains>>,
}

#[derive(Default)]
struct Remains {
    /// A signal has taken all that follows.
    ending: bool,
    workspace: Option<Workspace>,
    store: Option<ObjectStore>,
}

impl SignalCleanup {
    /// Makes the workspace that a signal removes. A signal that arrives meanwhile waits until it
    /// is known; after one, nothing is made any more.
    pub(crate) fn keep(
        &self,
        create: impl FnOnce() -> Result<Workspace, StageError>,
    ) -> Result<Workspace, StageError> {
        let mut last = self.lock();
        if last.ending {
            drop(last);
            await_end();
            return Err(StageError::transient("a signal did not end the process"));
        }
        let workspace = create()?;
        last.workspace = Some(workspace.clone());
        Ok(workspace)
    }

    /// A signal gives up what is being uploaded to this.
    pub(crate) fn abort_uploads(&self, store: &ObjectStore) {
        self.lock().store = Some(store.clone());
    }

    /// Waits for the signals, from now on.
    pub(crate) fn start(&self, report: &Report) -> Result<(), StageError> {
        let failed = |error: std::io::Error| StageError::from_io("cannot wait for signals", &error);
        let cleanup = self.clone();
        let report = report.clone();
        let (ready, is_ready) = std::sync::mpsc::sync_channel(1);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                let prepared = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .and_then(|runtime| {
                        let entered = runtime.enter();
                        let signals = (
                            signal(SignalKind::terminate())?,
                            signal(SignalKind::interrupt())?,
                        );
                        drop(entered);
                        Ok((runtime, signals))
                    });
                match prepared {
                    Err(error) => {
                        let _ = ready.send(Err(error));
                    }
                    Ok((runtime, (mut terminate, mut interrupt))) => {
                        let _ = ready.send(Ok(()));
                        let (name, number) = runtime.block_on(async {
                            tokio::select! {
                                _ = terminate.recv() => ("SIGTERM", 15),
                                _ = interrupt.recv() => ("SIGINT", 2),
                            }
                        });
                        // Whatever happens from here on, the process ends.
                        let _end = EndNow(128 + number);
                        if let Some(store) = cleanup.end(&report, name, 128 + number) {
                            runtime.block_on(async {
                                let _ =
                                    tokio::time::timeout(ABORT_TIMEOUT, store.abort_open_uploads())
                                        .await;
                            });
                        }
                    }
                }
            })
            .map_err(failed)?;
        is_ready
            .recv()
            .map_err(|_| StageError::bug("the thread that waits for signals ended"))?
            .map_err(failed)
    }

    /// Cleans up and says so; from the last line on, the stage's own end waits for the
    /// process to end with the signal's code.
    fn end(&self, report: &Report, name: &'static str, code: i32) -> Option<ObjectStore> {
        let last = self.take();
        if let Some(workspace) = last.workspace {
            workspace.remove();
        }
        report.set("signal", name);
        if output::print_report(&report.render_as("killed", code, None)) {
            return last.store;
        }
        // The stage was already past its last line: it ends by itself with its own code,
        // unless something holds it.
        std::thread::sleep(Duration::from_secs(5));
        None
    }

    /// All that has to be cleaned up; from here on nothing is added.
    fn take(&self) -> Remains {
        let mut last = self.lock();
        let ending = Remains {
            ending: true,
            ..Remains::default()
        };
        std::mem::replace(&mut last, ending)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remains> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the process at once when dropped.
struct EndNow(i32);

impl Drop for EndNow {
    fn drop(&mut self) {
        // SAFETY: ends the process at once. `std::process::exit` would run the destructors of
        // the engine's library while its threads are still at work.
        unsafe { libc::_exit(self.0) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::SignalCleanup;
    use crate::Workspace;

    #[test]
    fn a_signal_waits_for_a_workspace_that_is_being_made() {
        let base = tempfile::tempdir().unwrap();
        let cleanup = SignalCleanup::default();
        let (making, is_being_made) = channel();
        let (go_on, may_go_on) = channel();
        let (took, taken) = channel();
        let (maker, folder) = (&cleanup, base.path());
        std::thread::scope(|scope| {
            scope.spawn(move || {
                maker
                    .keep(|| {
                        let workspace = Workspace::create(folder, "silver");
                        making.send(()).unwrap();
                        may_go_on.recv().unwrap();
                        workspace
                    })
                    .unwrap();
            });
            // Dropped with this closure, also when it fails: the other thread must not wait for ever.
            let go_on = go_on;
            is_being_made.recv().unwrap();
            scope.spawn(|| took.send(cleanup.take().workspace).unwrap());
            assert_eq!(
                taken.recv_timeout(Duration::from_millis(200)).unwrap_err(),
                RecvTimeoutError::Timeout
            );
            go_on.send(()).unwrap();
            taken.recv().unwrap().expect("it is known").remove();
        });
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    #[test]
    fn after_a_signal_no_workspace_is_made() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().to_owned();
        let cleanup = SignalCleanup::default();
        cleanup.take();
        let (made, is_made) = channel();
        // It waits for the process to end, and so ends with it.
        std::thread::spawn(move || {
            let _ = cleanup.keep(|| {
                made.send(()).unwrap();
                Workspace::create(&folder, "silver")
            });
        });
        assert_eq!(
            is_made
                .recv_timeout(Duration::from_millis(200))
                .unwrap_err(),
            RecvTimeoutError::Timeout
        );
    }
}
