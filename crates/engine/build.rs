//! Compiles the one C++ function that keeps the engine's exceptions out of Rust.

fn main() {
    println!("cargo::rerun-if-changed=src/assign_text.cpp");
    cc::Build::new()
        .cpp(true)
        .std("c++14")
        .file("src/assign_text.cpp")
        .compile("lake_assign_text");
}
