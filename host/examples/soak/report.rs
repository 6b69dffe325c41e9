//! What the run prints.

use std::{collections::BTreeMap, time::Duration};

use anstream::println;

use crate::run::{Report, SETTLED, Sample, mix::Expected, process::Held};

/// The head of the table of samples.
pub fn head() {
    println!(
        "{:>9}  {:>13}  {:>9}  {:>10}  {:>11}  {:>7}",
        "time", "calls", "a second", "memory", "descriptors", "threads"
    );
}

/// One line of it.
pub fn line(before: Option<&Sample>, sample: &Sample) {
    let rate = before.map_or(0.0, |before| {
        (sample.calls - before.calls) as f64 / sample.at.saturating_sub(before.at).as_secs_f64().max(f64::EPSILON)
    });
    println!(
        "{:>9}  {:>13}  {:>9}  {:>7.1} MB  {:>11}  {:>7}",
        time(sample.at),
        number(sample.calls),
        number(rate as u64),
        megabytes(sample.held.memory),
        sample.held.descriptors,
        sample.held.threads
    );
}

/// What came of it all.
pub fn summary(report: &Report) {
    let mut outcomes = BTreeMap::<_, u64>::new();
    for (kind, calls) in &report.outcomes {
        *outcomes.entry(name(&kind.expected)).or_default() += calls;
    }
    println!("\noutcome, as it must be");
    for (outcome, calls) in outcomes {
        println!("  {outcome:<22}  {:>13}", number(calls));
    }
    println!("another outcome           {:>13}", number(report.surprising));
    for surprise in &report.surprises {
        println!("  {surprise}");
    }

    let settled: Vec<_> = report.settled().map(|sample| sample.held).collect();
    let Some(growth) = report.growth(SETTLED..u64::MAX) else {
        println!("\nToo short to tell how the server grows: that takes more than {} calls.", number(SETTLED));
        return;
    };
    let (first, last) = (settled[0], settled[settled.len() - 1]);
    let range = |of: fn(&Held) -> usize| {
        let all = settled.iter().map(of);
        let (least, most) = (all.clone().min().unwrap_or_default(), all.max().unwrap_or_default());
        if least == most { least.to_string() } else { format!("{least} to {most}") }
    };
    println!("\nafter the first {} calls", number(SETTLED));
    println!(
        "  memory       {:.1} MB, then {:.1} MB: {growth:+.4} bytes a call",
        megabytes(first.memory),
        megabytes(last.memory)
    );
    println!("  descriptors  {}", range(|held| held.descriptors));
    println!("  threads      {}", range(|held| held.threads));
}

fn name(outcome: &Expected) -> &'static str {
    match outcome {
        Expected::Answer | Expected::Structured(_) => "answer",
        Expected::Failure(code) => code,
    }
}

/// With a comma after each thousand.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Millions of bytes.
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
