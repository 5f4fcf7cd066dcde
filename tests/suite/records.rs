//! Lines of JSON as records: bad ones beside good ones, and streams of them on standard input and output.

use super::cli::{Place, Ran};
use super::planner::nonsense;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const TO_UK: [&str; 6] = ["--from", "en", "--to", "uk", "--model", "echo"];

/// Nothing is timed: this only ends a test that would hang.
const FOREVER: Duration = Duration::from_mins(2);

fn arguments<'a>(input: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["translate", input, "--format", "jsonl", "--field", "text"];
    all.extend(TO_UK);
    all.extend(more);
    all
}

/// Lines that are records, lines that are none, and blank ones.
fn lines(count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|number| match number % 12 {
            3 => Vec::new(),
            5 => b"{\"text\": \"cut".to_vec(),
            8 => b"{\"text\": \"\xCF\xF0\xE8\"}".to_vec(),
            10 => format!("{{\"id\": {number}, \"texts\": \"x\"}}").into_bytes(),
            _ => format!(
                "{{\"id\": {number}, \"text\": \"On day {number} the bridge was closed. \\\"Nobody\\\" was hurt in house {}.\", \"n\": 1.50}}",
                number * 7
            )
            .into_bytes(),
        })
        .collect()
}

/// A stream that is open.
struct Open {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Open {
    fn new(place: &Place, arguments: &[&str]) -> Open {
        let mut command = place.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Open { child, input, lines }
    }

    fn send(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(line.as_bytes()).unwrap();
        input.flush().unwrap();
    }

    fn receive(&self) -> String {
        self.lines.recv_timeout(FOREVER).unwrap()
    }

    /// Exit code, and what was said.
    fn end(mut self) -> (Option<i32>, String) {
        drop(self.input.take());
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn a_bad_line_is_told_and_the_others_are_translated() {
    let place = Place::new();
    let content = lines(24).join(&b'\n');
    place.file("in/export.jsonl", &content);
    let mut all = vec!["translate", "in", "--field", "text", "-o", "out", "--report", "r.json", "--review", "r.html"];
    all.extend(TO_UK);
    let ran = place.run(&all);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(fs::read(place.path("out/export.uk.jsonl")).unwrap(), content);
    let report = place.report("r.json");
    let article = &report["articles"][0];
    assert_eq!(article["status"], "findings");
    // Fourteen records of two sentences.
    assert_eq!(article["accounting"]["translated"]["segments"], 32);
    let told: Vec<&str> =
        article["findings"].as_array().unwrap().iter().map(|f| f["message"].as_str().unwrap()).collect();
    assert_eq!(told.len(), 6, "{told:?}");
    for (line, reason) in [
        (6, "expected JSON, got an error in column 13: EOF while parsing a string"),
        (9, "byte 10: expected UTF-8 text, got CF"),
        (11, "field `text`: expected it in the line, got none"),
        (18, "EOF"),
    ] {
        let expected = format!("line {line} was left as it is: {reason}");
        let has = |text: &str| {
            text.contains(&expected) || text.contains(&format!("line {line} was left")) && text.contains(reason)
        };
        assert!(told.iter().any(|told| has(told)), "{expected}: {told:?}");
        assert!(has(&ran.err), "{expected}: {}", ran.err);
        let sidecar = place.report("out/export.uk.jsonl.tlumach.json");
        assert!(sidecar["not_read"].as_array().unwrap().iter().any(|told| has(told.as_str().unwrap())), "{sidecar}");
        assert!(has(&fs::read_to_string(place.path("r.html")).unwrap()), "{expected}");
    }
    let finding = &article["findings"][0];
    assert_eq!((finding["code"].as_str(), finding["severity"].as_str()), (Some("not_read"), Some("error")));
    // A second run knows it.
    let again = place.run(&all);
    assert_eq!((again.code, place.report("r.json")["totals"]["reused"].as_u64()), (1, Some(1)), "{}", again.err);
    // Nothing sound in it.
    place.file("in/export.jsonl", "{\n}\n");
    let ran = place.run(&all);
    assert!(ran.err.contains("export.jsonl: jsonl: line 1: expected JSON"), "{}", ran.err);
}

#[test]
fn records_come_out_as_the_whole_file_does() {
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    nonsense(folder.path());
    let model = folder.path().to_str().unwrap();
    let lines = lines(300);
    for (name, content) in [
        ("lf", lines.join(&b'\n')),
        ("crlf", [lines.join(&b"\r\n"[..]), b"\r\n".to_vec()].concat()),
        ("mark", [b"\xEF\xBB\xBF".to_vec(), lines.join(&b'\n'), b"\n \n\n".to_vec()].concat()),
        ("mark again", [lines.join(&b'\n'), b"\n\xEF\xBB\xBF{\"text\": \"One.\"}\n".to_vec()].concat()),
    ] {
        place.file("in.jsonl", &content);
        for model in ["echo", model] {
            let whole =
                ["translate", "in.jsonl", "--field", "text", "--from", "en", "--to", "uk", "--model", model, "-q"];
            let whole = place.run(&[&whole[..], &["-o", "whole.jsonl", "--threads", "1", "--no-cache"]].concat());
            assert_eq!(whole.code, 1, "{}", whole.err);
            let whole = fs::read(place.path("whole.jsonl")).unwrap();
            assert_eq!(whole == content, model == "echo", "{name}");
            let stream = ["translate", "-", "--format", "jsonl", "--field", "text", "--from", "en", "--to", "uk"];
            let stream = [&stream[..], &["--model", model, "-q", "--no-cache"]].concat();
            let ran = place.run_with_input(&[&stream[..], &["--threads", "2"]].concat(), &content);
            assert_eq!(ran.code, 1, "{}", ran.err);
            assert!(ran.out == whole, "{name}: {}", ran.text());
            let ran = place.run_with_input(&[&stream[..], &["-o", "out/one.jsonl"]].concat(), &content);
            assert_eq!((ran.code, ran.out.len()), (1, 0), "{}", ran.err);
            assert!(fs::read(place.path("out/one.jsonl")).unwrap() == whole, "{name}");
            assert_eq!(fs::read_dir(place.path("out")).unwrap().count(), 1, "nothing is left beside it");
        }
    }
}

#[test]
fn a_record_is_answered_before_the_next_one_is_sent() {
    let place = Place::new();
    let mut open = Open::new(&place, &arguments("-", &["-q"]));
    let record = |number: usize| format!("{{\"id\": {number}, \"text\": \"Day {number}. Nobody was hurt.\"}}");
    for number in 0..5 {
        open.send(&format!("{}\n", record(number)));
        assert_eq!(open.receive(), record(number));
    }
    // What is known, what is none and what is blank is answered at once as well, and several in their order.
    open.send(&format!("{}\n\nno record\n{}\n", record(3), record(7)));
    for expected in [record(3).as_str(), "", "no record", &record(7)] {
        assert_eq!(open.receive(), expected);
    }
    // The last line may end without a line end.
    open.send(&record(9));
    drop(open.input.take());
    assert_eq!(open.receive(), record(9));
    let (code, said) = open.end();
    assert_eq!(
        (code, said.as_str()),
        (Some(1), "tlumach: stdin:8: jsonl: expected JSON, got an error in column 2: expected ident\n")
    );
}

#[test]
fn each_record_is_an_article_with_a_language_of_its_own() {
    let place = Place::new();
    let input = concat!(
        "{\"text\": \"The bridge over the river was closed for repairs on Tuesday, the mayor said.\"}\n",
        "\n",
        "{\"text\": \"Міст через річку закрили на ремонт у вівторок, повідомив міський голова.\"}\n",
        "{\"text\": \"시장은 화요일에 강을 가로지르는 다리가 보수를 위해 폐쇄되었다고 말했다.\"}\n",
        "{\"text\": 5}\n",
        "{\"texts\": \"x\"}\n",
    );
    let all = ["translate", "-", "--format", "jsonl", "--field", "text", "--to", "uk", "--model", "echo"];
    let all = [&all[..], &["--report", "r.json", "--review", "r.html"]].concat();
    let ran = place.run_with_input(&all, input.as_bytes());
    assert_eq!((ran.code, ran.text().as_str()), (1, input), "{}", ran.err);
    let report = place.report("r.json");
    let seen: Vec<(&str, &str, &str)> = report["articles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|article| {
            let text =
                |value: &'_ Value| value.as_str().map_or("", |text| Box::leak(text.to_string().into_boxed_str()));
            (text(&article["input"]["path"]), text(&article["language"]["used"]), text(&article["status"]))
        })
        .collect();
    let expected = [
        ("stdin:1", "en", "findings"),
        ("stdin:3", "uk", "ok"),
        ("stdin:4", "ko", "findings"),
        ("stdin:5", "en", "ok"),
        ("stdin:6", "", "failed"),
    ];
    assert_eq!(seen, expected);
    assert!(
        ran.err.contains("tlumach: stdin:6: jsonl: field `text`: expected it in the line, got none"),
        "{}",
        ran.err
    );
    assert!(fs::read_to_string(place.path("r.html")).unwrap().contains("stdin:4"));
}

#[test]
fn a_field_that_no_record_has_is_told_at_the_end() {
    let place = Place::new();
    let input = "{\"text\": \"One.\"}\n{\"text\": \"Two.\", \"head\": \"A\"}\n";
    let ran = place.run_with_input(&arguments("-", &["--retry", "off", "--field", "head"]), input.as_bytes());
    assert!(!ran.err.contains("of all"), "{}", ran.err);
    let ran = place.run_with_input(&arguments("-", &["--field", "haed"]), input.as_bytes());
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("field `haed`: expected it in the record, got none, of all 2 that were read"),
        "{}",
        ran.err
    );
    for (more, expected) in
        [(&["--field", "a..b"][..], "field `a..b`: expected a key"), (&["--shard", "0/2"], "--shard: expected files")]
    {
        let ran = place.run_with_input(&arguments("-", more), input.as_bytes());
        assert!(ran.code == 2 && ran.err.contains(expected) && ran.out.is_empty(), "{}", ran.err);
    }
    let empty = place.run_with_input(&arguments("-", &[]), b"");
    assert_eq!((empty.code, empty.out.len()), (0, 0), "{}", empty.err);
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let place = Place::new();
    let mut command = place.command(&arguments("-", &["-q"]));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    input.write_all(b"{\"text\": \"One.\"}\n").unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    drop(output);
    // It may end while this is being sent. Another test may be starting a program just now, which has the pipe open until
    // it runs: so more than one line is sent.
    let sent = Instant::now();
    while child.try_wait().unwrap().is_none() && sent.elapsed() < FOREVER {
        let _ = input.write_all(b"{\"text\": \"Two.\"}\n{\"text\": \"Three.\"}\n");
        std::thread::sleep(Duration::from_millis(20));
    }
    let ran: Ran = super::cli::ran(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("standard output was closed by its reader: line "), "{}", ran.err);
    assert!(!ran.err.contains("line 1 "), "the first line was read: {}", ran.err);
    drop(input);
}

#[test]
fn a_stream_that_is_stopped_ends_with_whole_lines() {
    let place = Place::new();
    let mut open = Open::new(&place, &arguments("-", &[]));
    open.send("{\"text\": \"One.\"}\n{\"text\": \"Tw");
    assert_eq!(open.receive(), "{\"text\": \"One.\"}");
    let pid = rustix::process::Pid::from_child(&open.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    // Its input is still open.
    assert_eq!(open.child.wait().unwrap().code(), Some(1));
    assert!(open.lines.recv_timeout(FOREVER).is_err());
    let mut file = Open::new(&place, &arguments("-", &["-o", "out.jsonl"]));
    file.send("{\"text\": \"One.\"}\n");
    let pid = rustix::process::Pid::from_child(&file.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    file.child.wait().unwrap();
    assert!(!place.path("out.jsonl").exists(), "a file that is not whole gets no name");
}
