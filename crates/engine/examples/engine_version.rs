//! Prints the engine's version: what starting a process that links the engine costs.
#![expect(clippy::print_stdout, reason = "an example")]

fn main() {
    println!("{}", lakehouse_engine::version());
}
