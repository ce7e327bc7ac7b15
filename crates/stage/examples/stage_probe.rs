//! A stage that does what a test wants of it: it panics, hangs, fills the disk. The smallest
//! example of [`lakehouse_stage::main_with`] as well.

use std::process::ExitCode;
use std::time::Duration;

use lakehouse_stage::{Base, Exit, StageError, main_with};

/// Does what a test wants.
#[derive(clap::Parser)]
#[command(name = "stage_probe", version)]
struct Arguments {
    /// What to do
    #[arg(long)]
    act: Act,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Act {
    Nothing,
    Panic,
    TaskPanic,
    Block,
    Full,
    Refuse,
}

fn main() -> ExitCode {
    main_with("probe", run)
}

async fn run(base: Base, arguments: Arguments) -> Result<Exit, StageError> {
    base.report.set("act_started", true);
    // Something to be cleaned up, whatever happens.
    std::fs::write(base.workspace.file("spill"), "spill")
        .map_err(|error| StageError::from_io("cannot write", &error))?;
    match arguments.act {
        Act::Nothing => Ok(Exit::Nothing),
        Act::Panic => panic!("the probe panics"),
        Act::TaskPanic => {
            tokio::spawn(async { panic!("a task of the probe panics") }).await?;
            Ok(Exit::Done)
        }
        Act::Block => {
            // As a call of the engine: a thread that nobody can interrupt, writing on and on.
            let folder = base.workspace.path().to_owned();
            tokio::task::spawn_blocking(move || {
                for number in 0_u64.. {
                    let _ = std::fs::write(folder.join(format!("{}", number % 1000)), "more");
                    std::thread::sleep(Duration::from_micros(200));
                }
            })
            .await?;
            Ok(Exit::Done)
        }
        Act::Full => {
            base.workspace.require_free(u64::MAX)?;
            Ok(Exit::Done)
        }
        Act::Refuse => Err(StageError::refused("the probe refuses `it`")
            .cause("a rule")
            .hint("look at it")),
    }
}
