//! Runs many seeds, or one again with everything that happened in it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this is the program that people call")]

use std::process::ExitCode;

use pull_agent_sim::run::{Plan, run};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().skip(1).filter_map(|text| text.parse().ok()).collect();
    match (arguments.first().map(String::as_str), numbers.as_slice()) {
        (Some("replay"), [seed]) => replay(*seed),
        (Some("run"), [start, count]) => many(*start, *count),
        (Some(_) | None, _) => {
            eprintln!("usage: pull-agent-sim replay SEED | run START COUNT");
            ExitCode::from(2)
        }
    }
}

fn replay(seed: u64) -> ExitCode {
    let report = run(&Plan { seed, log: true, ..Plan::default() });
    for line in &report.log {
        println!("{line}");
    }
    match report.violation {
        Some(violation) => {
            println!("seed {seed}: {violation}");
            ExitCode::FAILURE
        }
        None => {
            println!("seed {seed}: {} points, {} decisions, nothing wrong", report.points, report.events);
            ExitCode::SUCCESS
        }
    }
}

fn many(start: u64, count: u64) -> ExitCode {
    let mut points = 0;
    for seed in start..start + count {
        let report = run(&Plan { seed, ..Plan::default() });
        points += report.points;
        if let Some(violation) = report.violation {
            println!("seed {seed}: {violation}");
            return ExitCode::FAILURE;
        }
    }
    println!("{count} seeds, {points} points, nothing wrong");
    ExitCode::SUCCESS
}
