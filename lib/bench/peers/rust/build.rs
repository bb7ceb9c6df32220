// SPDX-License-Identifier: MIT

//! Hands the versions that the table prints to the code: rustc's own word, and the crates' from Cargo.lock.

use std::{env, fs, process::Command};

fn crate_version(lock: &str, name: &str) -> String {
    let header = format!("name = \"{name}\"");
    let mut lines = lock.lines().skip_while(|line| *line != header);
    lines.next();
    let version = lines.next().unwrap_or("").trim_start_matches("version = ").trim_matches('"');
    format!("{name} {version}")
}

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().expect("rustc --version");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    let rustc: Vec<&str> = words.split_whitespace().take(2).collect();
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();

    println!("cargo:rustc-env=PEER_RUSTC={}", rustc.join(" "));
    println!("cargo:rustc-env=PEER_PARKING_LOT={}", crate_version(&lock, "parking_lot"));
    println!("cargo:rustc-env=PEER_CROSSBEAM={}", crate_version(&lock, "crossbeam-utils"));
    println!("cargo:rerun-if-changed=Cargo.lock");
    println!("cargo:rerun-if-env-changed=RUSTC");
}
