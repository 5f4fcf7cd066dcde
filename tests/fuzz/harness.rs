//! Runs inputs one after the other, takes down what they do wrong, and fails at the end with all of it.

use crate::allocations;
use crate::mutate::Random;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What may be allocated beyond what an honest file of that size needs.
const ROOM: usize = 64 << 20;
/// Numbers of 32 bits, packed and not, of bytes.
const GROWTH: usize = 24;
/// What is too long, where time is looked at at all.
const SLOW: Duration = Duration::from_secs(5);

/// One test at a time: allocations are counted for the whole process.
static ALONE: Mutex<()> = Mutex::new(());
/// Where the last panic was, and what it said.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Whether an input is being tried: its panics are taken down, all others told as usual.
static TRYING: AtomicBool = AtomicBool::new(false);

/// A file that is tried.
pub(crate) struct Input<'a> {
    pub(crate) bytes: &'a [u8],
    /// Bytes that an honest file would have for all that is in it.
    pub(crate) honest: usize,
}

pub(crate) struct Harness {
    name: &'static str,
    count: u64,
    time: Option<Duration>,
    seed: u64,
    began: Instant,
    told: Instant,
    first: u64,
    done: u64,
    worked: u64,
    peak: usize,
    /// With the number of its input.
    slowest: (Duration, u64),
    /// What went wrong, how often, and the first input that did it.
    failures: BTreeMap<String, (u64, u64)>,
    _alone: MutexGuard<'static, ()>,
}

/// Time that this thread has had the processor for, where the system tells.
fn busy() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

impl Harness {
    /// Tries `count` inputs, or as many as there is time for.
    pub(crate) fn new(name: &'static str, count: u64) -> Harness {
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !TRYING.load(Relaxed) {
                return usual(info);
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let said = info.payload_as_str().unwrap_or("(nothing)").to_string();
            *PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = format!("panic at {place}: {said}");
        }));
        // Errors of Candle hold a backtrace where the environment asks for it; the names of the whole program, which the first
        // one loads and keeps, are no input's doing.
        let _ = std::backtrace::Backtrace::capture().to_string();
        let first = number("TLUMACH_FUZZ_FIRST").unwrap_or(0);
        Harness {
            name,
            count,
            time: number("TLUMACH_FUZZ_SECONDS").map(Duration::from_secs),
            seed: number("TLUMACH_FUZZ_SEED").unwrap_or(1),
            began: Instant::now(),
            told: Instant::now(),
            first,
            done: first,
            worked: 0,
            peak: 0,
            slowest: (Duration::ZERO, 0),
            failures: BTreeMap::new(),
            _alone: alone,
        }
    }

    /// Whether there is another input to try.
    pub(crate) fn goes_on(&mut self) -> bool {
        if self.time.is_some() && self.told.elapsed() > Duration::from_mins(1) {
            self.told = Instant::now();
            eprintln!("{}", self.figures());
        }
        match self.time {
            Some(time) => self.began.elapsed() < time,
            None => self.done < self.first + self.count,
        }
    }

    /// The numbers that make the next input; an input can be made again without those before it.
    pub(crate) fn random(&self) -> Random {
        Random::new(self.seed, self.done)
    }

    /// Tries an input; `f` says whether it was taken for a good file.
    pub(crate) fn run(&mut self, input: &Input<'_>, f: impl FnOnce() -> bool) {
        let before = allocations::begin();
        let began = (Instant::now(), busy());
        TRYING.store(true, Relaxed);
        let result = catch_unwind(AssertUnwindSafe(f));
        TRYING.store(false, Relaxed);
        // Others may have the processor, so that time that passes says little.
        let elapsed = match (began.1, busy()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => began.0.elapsed(),
        };
        let peak = allocations::peak().saturating_sub(before);
        self.peak = self.peak.max(peak);
        self.slowest = self.slowest.max((elapsed, self.done));
        if let Ok(worked) = result {
            self.worked += u64::from(worked);
        } else {
            let what = PANIC.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            self.failed(input, &what);
        }
        if peak > ROOM + GROWTH * input.honest {
            self.failed(input, &format!("allocations of {} MiB and more", (peak >> 20).next_power_of_two() / 2));
        }
        if self.time.is_some() && elapsed > SLOW {
            self.failed(input, "slow");
        }
        self.done += 1;
    }

    fn failed(&mut self, input: &Input<'_>, what: &str) {
        let first = (0, self.done);
        let known = self.failures.len();
        self.failures.entry(what.to_string()).or_insert(first).0 += 1;
        if self.time.is_some() && self.failures.len() > known && known < 50 {
            let name = format!("fuzz-{}-{}-{}.bin", self.name, self.seed, self.done);
            std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name), input.bytes).unwrap();
            eprintln!("{}: {what}: {name}", self.name);
        }
    }

    fn figures(&self) -> String {
        let seconds = self.began.elapsed().as_secs_f64();
        format!(
            "{}, seed {}: {} inputs in {seconds:.0} s, {} of them worked, peak {} KiB, slowest {} ms (input {}), {} kinds of failure",
            self.name,
            self.seed,
            self.done - self.first,
            self.worked,
            self.peak >> 10,
            self.slowest.0.as_millis(),
            self.slowest.1,
            self.failures.len()
        )
    }

    /// Fails if any input did.
    pub(crate) fn finish(self) {
        eprintln!("{}", self.figures());
        assert!(self.worked > 0, "{}: no input worked, so that little was tried", self.name);
        let list: Vec<String> = (self.failures.iter())
            .map(|(what, (times, first))| format!("{what}\n  {times} times, first at input {first}"))
            .collect();
        assert!(list.is_empty(), "{}:\n{}", self.name, list.join("\n"));
    }
}
