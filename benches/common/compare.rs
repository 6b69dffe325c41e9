//! Cases that are measured in turns, so that what else the machine does hits them alike, and their ratios.

use std::time::{Duration, Instant};

use criterion::Criterion;

/// Something that is done again and again.
pub(crate) struct Case<'a> {
    name: &'static str,
    /// Does it so many times and says how long that took, without what had to be prepared.
    run: Box<dyn FnMut(u64) -> Duration + 'a>,
}

impl<'a> Case<'a> {
    /// A case whose every repetition is timed with all that it does.
    pub(crate) fn new(name: &'static str, mut repeat: impl FnMut(u64) + 'a) -> Self {
        Self::prepared(name, |_| (), move |times, ()| repeat(times))
    }

    /// A case that prepares something for each batch, which is not timed.
    pub(crate) fn prepared<T>(
        name: &'static str,
        mut prepare: impl FnMut(u64) -> T + 'a,
        mut repeat: impl FnMut(u64, T) + 'a,
    ) -> Self {
        let run = move |times| {
            let prepared = prepare(times);
            let began = Instant::now();
            repeat(times, prepared);
            began.elapsed()
        };
        Self { name, run: Box::new(run) }
    }
}

/// Shows each case by itself, as criterion does.
pub(crate) fn show(criterion: &mut Criterion, group: &str, cases: &mut [Case]) {
    let mut group = criterion.benchmark_group(group);
    group.measurement_time(Duration::from_secs(2)).warm_up_time(Duration::from_millis(500));
    for case in cases {
        group.bench_function(case.name, |bencher| bencher.iter_custom(|times| (case.run)(times)));
    }
    group.finish();
}

/// Times of one repetition, in nanoseconds, sorted.
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Samples of a batch of `times` each.
    pub(crate) fn new(mut nanoseconds: Vec<f64>) -> Self {
        nanoseconds.sort_by(f64::total_cmp);
        Self(nanoseconds)
    }

    pub(crate) fn min(&self) -> f64 {
        self.0[0]
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }

    pub(crate) fn quantile(&self, q: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * q) as usize]
    }
}

/// What was measured in turns.
pub(crate) struct Comparison(Vec<(&'static str, Samples)>);

impl Comparison {
    /// Runs a batch of each case, `rounds` times in turns.
    pub(crate) fn of(cases: &mut [Case], rounds: usize, batch: u64) -> Self {
        let mut samples: Vec<_> = cases.iter().map(|case| (case.name, Vec::with_capacity(rounds))).collect();
        for _ in 0..rounds {
            for (case, (_, samples)) in cases.iter_mut().zip(&mut samples) {
                samples.push((case.run)(batch).as_nanos() as f64 / batch as f64);
            }
        }
        let comparison = Self(samples.into_iter().map(|(name, samples)| (name, Samples::new(samples))).collect());
        for (name, samples) in &comparison.0 {
            println!("{name:<40} min {:>10}   median {:>10}", time(samples.min()), time(samples.median()));
        }
        comparison
    }

    /// Prints the ratio of two cases' medians, and of their minima, and whether it is what it should be at most.
    pub(crate) fn ratio(&self, case: &str, baseline: &str, at_most: Option<f64>) {
        let (case_samples, baseline_samples) = (self.samples(case), self.samples(baseline));
        let medians = case_samples.median() / baseline_samples.median();
        let minima = case_samples.min() / baseline_samples.min();
        println!("RATIO {case} / {baseline} = {medians:.2}{} [minima {minima:.2}]", verdict(medians, at_most));
    }

    fn samples(&self, name: &str) -> &Samples {
        &self.0.iter().find(|(case, _)| *case == name).expect("the case was measured").1
    }
}

/// Whether a figure is what it should be at most, in words.
pub(crate) fn verdict(value: f64, at_most: Option<f64>) -> String {
    match at_most {
        Some(limit) if value > limit => format!(" (MISSED: at most {limit})"),
        Some(limit) => format!(" (at most {limit})"),
        None => String::new(),
    }
}

/// Nanoseconds for a person.
pub(crate) fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}
