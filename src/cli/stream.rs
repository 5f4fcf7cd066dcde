//! `translate - --format jsonl`: records from standard input, one by one, each answered in its place as soon as it and all
//! before it are done.
//!
//! A thread reads lines while there is room, a thread writes them in the order in which they came; between the two they are
//! articles of the pipeline. What is held is bounded: a line is read only while those that are not written yet are few
//! enough. A record that fails is written as it came.

use super::Ending;
use super::args::{Cli, FormatArg, InputArgs};
use super::console::{Console, Loudness, Printing, Sink};
use super::job::{self, Plan};
use super::memories::Export;
use super::records::{Asked, Records};
use super::{keeping, resolve};
use anyhow::{Context, Result, anyhow, bail};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::NamedTempFile;
use tlumach::article::{self, Format, Unit};
use tlumach::job::journal::Journal;
use tlumach::job::report::{ArticleRecord, Status, Tail};
use tlumach::job::spec::{Item, JobSpec, Lines, Source, Target, Work};
use tlumach::pipeline::models::Models;
use tlumach::pipeline::{Arrival, Arrivals, Event, Observer, Pipeline};
use tlumach::registry::Settings;

/// Bytes of lines that are read and not written; one line is always let in.
const MOST_BYTES: usize = 32 << 20;
/// The same in lines: many times a window of the pipeline, so that one that takes long does not hold up the others.
const MOST_LINES: usize = 65_536;

const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Whether a job is a stream: JSON lines on standard input, and answers into one file or on standard output. A folder of
/// outputs has a journal, for which an article is a file.
pub(super) fn is_one(input: &InputArgs, plan: &Plan<'_>) -> bool {
    input.format == Some(FormatArg::Jsonl)
        && input.inputs == [Path::new("-")]
        && matches!(plan.work, Work::Translate { by_line: Lines::Sentences, .. })
        && !keeping::is_folder_job(input)
}

/// Lines on their way from the input to the output.
struct Stream {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What has been read and not written, in order.
    lines: VecDeque<Held>,
    /// The number of the first of these, from 0.
    first: usize,
    /// How many lines are written for certain.
    written: usize,
    /// The number of the first line that may not have been handed out.
    next: usize,
    /// Bytes that `lines` take.
    bytes: usize,
    /// Whether a byte order mark stands before the first line, and is not written.
    mark: bool,
    /// Whether nothing more will be read.
    ended: bool,
    /// Whether nothing more will be answered.
    closed: bool,
    failure: Option<anyhow::Error>,
}

/// A line that is not written.
enum Held {
    /// It has no answer yet.
    Open(Vec<u8>),
    Answered(Vec<u8>),
}

impl State {
    fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES || self.lines.len() >= MOST_LINES
    }

    /// The next line to be handed out; blank ones are passed over.
    fn open(&mut self) -> Option<&[u8]> {
        self.next = self.next.max(self.first);
        while let Some(Held::Answered(_)) = self.lines.get(self.next - self.first) {
            self.next += 1;
        }
        match self.lines.get(self.next - self.first) {
            Some(Held::Open(line)) => Some(line),
            _ => None,
        }
    }

    /// Takes what can be written.
    fn ready(&mut self) -> Vec<u8> {
        let mut ready = Vec::new();
        while let Some(Held::Answered(bytes)) = self.lines.front() {
            if std::mem::take(&mut self.mark) {
                ready.extend(MARK);
            }
            self.bytes -= bytes.len();
            ready.extend_from_slice(bytes);
            self.lines.pop_front();
            self.first += 1;
        }
        ready
    }
}

impl Stream {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads until the input ends, or the job does.
    fn read(&self, mut input: impl BufRead) {
        let mut is_first = true;
        loop {
            let mut line = Vec::new();
            let read = input.read_until(b'\n', &mut line);
            let mut state = self.state();
            while state.is_full() && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            if let Err(error) = &read {
                state.failure.get_or_insert_with(|| anyhow!("cannot read standard input: {error}"));
            }
            // What was read before an error may be half a record.
            if !matches!(read, Ok(1..)) {
                state.ended = true;
                self.changed.notify_all();
                return;
            }
            if std::mem::take(&mut is_first) && line.starts_with(MARK) {
                state.mark = true;
                line.drain(..MARK.len());
            }
            let blank = std::str::from_utf8(&line).is_ok_and(|line| line.trim().is_empty());
            state.bytes += line.len();
            state.lines.push_back(if blank { Held::Answered(line) } else { Held::Open(line) });
            drop(state);
            self.changed.notify_all();
        }
    }

    /// Takes what came of a record.
    fn answer(&self, index: usize, record: &ArticleRecord, bytes: Option<&[u8]>) {
        let mut state = self.state();
        let Some(place) = index.checked_sub(state.first) else { return };
        let Some(Held::Open(line)) = state.lines.get_mut(place) else { return };
        let length = line.len();
        let answer = match (bytes, record.status) {
            (Some(bytes), _) => bytes.to_vec(),
            (None, Status::Cancelled) => return,
            // Why there is no answer is told; the record must not be lost.
            (None, _) => std::mem::take(line),
        };
        state.bytes = state.bytes - length + answer.len();
        state.lines[place] = Held::Answered(answer);
        drop(state);
        self.changed.notify_all();
    }

    /// Writes answers in their order until there will be no more.
    fn write(&self, output: &mut dyn Write) -> std::io::Result<()> {
        loop {
            let mut state = self.state();
            let mut ready = state.ready();
            while ready.is_empty() && !state.closed {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                ready = state.ready();
            }
            let taken = state.first;
            drop(state);
            if ready.is_empty() {
                return Ok(());
            }
            // There is room for more.
            self.changed.notify_all();
            output.write_all(&ready)?;
            // Whoever sent a record may wait for its answer before the next one is sent.
            output.flush()?;
            self.state().written = taken;
        }
    }
}

impl Arrivals for Stream {
    fn next(&self) -> Arrival {
        let mut state = self.state();
        if state.closed {
            return Arrival::End;
        }
        let Some(line) = state.open() else { return if state.ended { Arrival::End } else { Arrival::Later } };
        let bytes = line.to_vec();
        let index = state.next;
        state.next += 1;
        let input = Source::Bytes { name: format!("stdin:{}", index + 1), bytes };
        Arrival::Item { index, item: Item { input, output: Target::Caller } }
    }

    fn wait(&self, at_most: Duration) {
        let mut state = self.state();
        if state.open().is_none() && !state.ended && !state.closed {
            drop(self.changed.wait_timeout(state, at_most));
        }
    }
}

/// Where a stream is written to.
enum Output {
    Standard,
    /// A device or a pipe, which no rename replaces.
    Device(File),
    /// A file, which gets its name when it is whole.
    File(NamedTempFile, PathBuf),
}

impl Output {
    fn open(path: Option<&Path>) -> Result<Output> {
        let Some(path) = path else { return Ok(Output::Standard) };
        let cannot = || format!("--output: cannot write {}; choose another", path.display());
        if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(Output::Device(File::options().write(true).open(path).with_context(cannot)?));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).with_context(cannot)?;
        let file = tempfile::Builder::new().prefix(".tlumach-").tempfile_in(folder).with_context(cannot)?;
        Ok(Output::File(file, path.to_path_buf()))
    }

    fn name(&self) -> String {
        match self {
            Output::File(_, path) => path.display().to_string(),
            Output::Device(_) => "the output".to_string(),
            Output::Standard => "standard output".to_string(),
        }
    }

    fn writer(&mut self) -> Box<dyn Write + Send + '_> {
        match self {
            Output::Standard => Box::new(std::io::stdout()),
            Output::Device(file) => Box::new(file),
            Output::File(file, _) => Box::new(file),
        }
    }

    /// Gives a file that is whole its name.
    fn finish(self) -> Result<()> {
        let Output::File(file, path) = self else { return Ok(()) };
        let cannot = || format!("cannot write {}", path.display());
        file.as_file().sync_data().with_context(cannot)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).map_or(0o644, |metadata| metadata.permissions().mode());
            file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).with_context(cannot)?;
        }
        file.persist(&path).with_context(cannot)?;
        Ok(())
    }
}

/// Tells the console and the report of each record, and the stream of its answer.
struct Teller<'t, 'a> {
    sink: &'t Sink<'a>,
    stream: &'t Stream,
    lacking: Mutex<Lacking>,
}

/// Fields that records do not have: that none has it is a mistake in its name.
#[derive(Default)]
struct Lacking {
    records: usize,
    /// How many have it not, by what is said of it.
    missing: BTreeMap<String, usize>,
}

impl Observer for Teller<'_, '_> {
    fn event(&self, event: &Event<'_>) {
        let Event::Article { index, record, bytes } = event else { return self.sink.event(event) };
        self.sink.console.more(1);
        self.sink.event(&Event::Article { index: *index, record, bytes: None });
        if bytes.is_some() {
            let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
            lacking.records += 1;
            for finding in record.findings.iter().filter(|finding| finding.code == "field_missing") {
                *lacking.missing.entry(finding.message.clone()).or_default() += 1;
            }
        }
        self.stream.answer(*index, record, *bytes);
    }
}

/// Runs until the input ends.
///
/// # Errors
/// The job cannot be run at all, the input cannot be read, or the output cannot be written.
pub(super) fn run(cli: &Cli, input: &InputArgs, settings: &mut Settings, plan: Plan<'_>) -> Result<Ending> {
    if plan.keep.is_some_and(|keep| keep.shard.is_some()) {
        bail!("--shard: expected files; records of standard input are parted by whoever sends them");
    }
    let mut spec = JobSpec { items: Vec::new(), ..resolve::options(input, plan.work)? };
    // Fields that are written wrongly are wrong for every record.
    article::read_with(b"", Format::JsonLines, &spec.reading)?;
    spec.reading.unit = Unit::Record;
    let ground = job::Ground::prepare(input, &mut spec, settings, plan)?;
    let mut output = Output::open(input.output.as_deref())?;
    let stop = super::stop_flag();
    let mut console = Console::new(Loudness::new(cli.quiet, cli.verbose)).stopped_by(stop.clone());
    if let Some((articles, segments)) = ground.kept.journal.as_ref().and_then(Journal::earlier) {
        console.resumed(articles, segments);
    }
    console.begin(0);
    let models = Models::new(ground.choice.clone(), settings, ground.options.clone(), &console)?.of_tier(ground.tier);
    let (report, review) = (input.report.as_deref(), input.review.as_deref());
    let asked = Asked { report, review, articles: usize::MAX, items: &[] };
    let export = plan.memory.and_then(|memory| memory.memory_out.as_deref()).zip(spec.to);
    let export = export.map(|(path, to)| Export::begin(path, spec.from, to)).transpose()?;
    let sink = Sink {
        console: &console,
        export: Mutex::new(export),
        records: Mutex::new(Records::begin(asked, &ground.head)?),
        failure: Mutex::new(None),
        print: Printing::Discard,
        sidecars: None,
        used: Mutex::default(),
    };
    let stream = Arc::new(Stream { state: Mutex::default(), changed: Condvar::new() });
    let reader = stream.clone();
    // Nobody waits for it: it may be waiting for a line that never comes.
    std::thread::Builder::new().name("records".into()).spawn(move || reader.read(std::io::stdin().lock()))?;
    let teller = Teller { sink: &sink, stream: &stream, lacking: Mutex::default() };
    let name = output.name();
    let outcome = std::thread::scope(|scope| {
        let mut writer = output.writer();
        // However the job ends, the writer must not wait for more.
        let _closing = Closing(&stream);
        scope.spawn({
            let (stream, name, stop) = (&stream, &name, &stop);
            move || {
                if let Err(error) = stream.write(&mut *writer) {
                    fail(stream, &error, name, stop);
                }
            }
        });
        ground.equip(Pipeline::new(&spec, &models, &stop, &teller)).with_arrivals(&*stream).execute()
    });
    console.end();
    let Lacking { records: read, missing } = teller.lacking.into_inner().unwrap_or_else(PoisonError::into_inner);
    let records = sink.records.into_inner().unwrap_or_else(PoisonError::into_inner);
    let (summary, failure) = (outcome, stream.state().failure.take());
    let failure = failure.or(sink.failure.into_inner().unwrap_or_else(PoisonError::into_inner));
    let summary = match (summary, failure) {
        (Ok(summary), None) => summary,
        (Err(error), None) => {
            records.discard();
            return Err(error.into());
        }
        // What was done until then stays in the report, under its name of an unfinished one.
        (_, Some(failure)) => return Err(failure),
    };
    if summary.cancelled {
        console.stopped(summary.undone);
    } else {
        output.finish()?;
    }
    console.remembered(&summary.totals);
    let used = sink.used.into_inner().unwrap_or_else(PoisonError::into_inner);
    let tail = Tail { models: job::all_records(&models, &used), totals: summary.totals.clone() };
    let kept = ground.kept.finish(&ground.head, &tail, summary.cancelled);
    records.finish(&tail)?;
    if let Some(export) = sink.export.into_inner().unwrap_or_else(PoisonError::into_inner) {
        export.finish()?;
    }
    kept?;
    let mut ending = job::ending(&summary);
    for (message, _) in missing.iter().filter(|(_, count)| **count == read) {
        console.line(&format!("tlumach: {message}, of all {read} that were read"));
        ending = Ending::Findings;
    }
    Ok(ending)
}

/// Closes a stream when it goes.
struct Closing<'s>(&'s Stream);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_all();
    }
}

/// Ends a job whose output cannot be written.
fn fail(stream: &Stream, error: &std::io::Error, name: &str, stop: &AtomicBool) {
    let mut state = stream.state();
    // Text alone: that nobody reads any more is no reason to end as if all were done.
    let failure = if error.kind() == ErrorKind::BrokenPipe {
        anyhow!("{name} was closed by its reader: line {} and what follows could not be written", state.written + 1)
    } else {
        anyhow!("cannot write to {name}: {error}")
    };
    state.failure.get_or_insert(failure);
    state.closed = true;
    drop(state);
    stream.changed.notify_all();
    stop.store(true, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufReader, Read};
    use tlumach::job::report::InputRecord;

    /// Lines without an end, of a thousand bytes each.
    struct Endless(Arc<Mutex<usize>>);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let length = into.len().min(1000);
            into[..length].fill(b'x');
            into[length - 1] = b'\n';
            *self.0.lock().unwrap() += length;
            Ok(length)
        }
    }

    #[test]
    fn no_more_is_read_than_there_is_room_for() {
        let stream = Arc::new(Stream { state: Mutex::default(), changed: Condvar::new() });
        let read = Arc::new(Mutex::new(0));
        let input = BufReader::with_capacity(1000, Endless(read.clone()));
        let reader = std::thread::spawn({
            let stream = stream.clone();
            move || stream.read(input)
        });
        while !stream.state().is_full() {
            stream.wait(Duration::from_millis(1));
            std::thread::yield_now();
        }
        let record = ArticleRecord::new(InputRecord::default());
        for turn in 0..3 {
            std::thread::sleep(Duration::from_millis(5));
            let answered = turn * 1000;
            assert!(stream.state().bytes <= MOST_BYTES + 1000);
            assert!(*read.lock().unwrap() <= MOST_BYTES + (answered + 3) * 1000);
            // What is answered and not written is held as well.
            for _ in 0..1000 {
                let Arrival::Item { index, .. } = stream.next() else { panic!("expected a line") };
                stream.answer(index, &record, Some(b"y\n"));
            }
            assert_eq!(stream.state().ready().len(), 2000);
            stream.changed.notify_all();
        }
        drop(Closing(&stream));
        reader.join().unwrap();
        assert!(matches!(stream.next(), Arrival::End));
    }

    #[test]
    fn answers_are_written_in_the_order_of_the_lines() {
        let stream = Stream { state: Mutex::default(), changed: Condvar::new() };
        stream.read(&b"\xEF\xBB\xBFa\n\nb\nc\n \nd"[..]);
        let indices: Vec<usize> = std::iter::from_fn(|| match stream.next() {
            Arrival::Item { index, item } => Some((index, item)),
            _ => None,
        })
        .map(|(index, item)| {
            assert_eq!(item.input.name(), format!("stdin:{}", index + 1));
            index
        })
        .collect();
        assert_eq!(indices, [0, 2, 3, 5]);
        let mut record = ArticleRecord::new(InputRecord::default());
        let mut answer = |index, bytes: Option<&[u8]>, status| {
            record.status = status;
            stream.answer(index, &record, bytes);
            String::from_utf8(stream.state().ready()).unwrap()
        };
        assert_eq!(answer(2, Some(b"B\n"), Status::Ok), "");
        assert_eq!(answer(5, Some(b"D"), Status::Ok), "");
        assert_eq!(answer(0, None, Status::Failed), "\u{feff}a\n\nB\n");
        assert_eq!(answer(3, None, Status::Cancelled), "", "what was not done keeps what follows back");
        assert_eq!(stream.state().bytes, "c\n \nD".len());
        assert_eq!(answer(3, Some(b"C\n"), Status::Ok), "C\n \nD");
        assert_eq!(stream.state().bytes, 0);
    }
}
