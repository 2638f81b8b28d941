//! Hosts that are in a plugin's hands: they say what no host says that does its work.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use streembit_plugin_api::MAX_VALUE;
use streembit_plugin_host::boundary::{
    Ask, Call, CallFault, Ended, FromHost, Level, Limits, MAX_NAME, MAX_STATE, Reply, Returned, ToHost,
};
use streembit_plugin_host::{ENGINE, Frames, frame};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::{broadcast, oneshot};

use super::host::{ready, say, script};
use crate::hardware::{Binding, Drive, Gpio, Hardware, HardwareError, InputLine, OutputLine};
use crate::journal::Mark;
use crate::liveness::stuck;
use crate::plugins::process::{BYTES, CallFailed, MAX_CALLS, Process, WINDOW};
use crate::plugins::serve::Served;
use crate::plugins::store::Store;
use crate::things::ActionEnd;

/// The first number that a process gives to an instance.
const INSTANCE: u32 = 1;
const LIMITS: Limits = Limits { memory: 0, cpu_ms: 0, deadline_ms: 5_000, host_calls_per_second: 0 };

/// An instance in a process that does `then` after it has said that the instance runs.
struct Taken {
    process: Process,
    served: Arc<Served>,
    store: Arc<Mutex<Store>>,
    ended: oneshot::Receiver<Ended>,
    folder: tempfile::TempDir,
}

impl Taken {
    async fn over(then: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let start = ToHost::Start { instance: INSTANCE, code: 0, limits: LIMITS, config: String::new() };
        let started = FromHost::Started { instance: INSTANCE, result: Ok(()) };
        let text = format!(
            "{}; {}; {}; {}; sleep 60",
            say(&[ready(ENGINE)]),
            hear(&[start], Path::new("/dev/null")),
            say(&[started]),
            then(folder.path())
        );
        let process = Process::start(&script(folder.path(), &text)).await.unwrap();
        let model =
            br#"{"@context": "https://www.w3.org/2022/wot/td/v1.1", "@type": "tm:ThingModel", "title": "T"}"#;
        let store = Arc::new(Mutex::new(Store::new(folder.path().join("store"))));
        let served = Arc::new(Served::new(
            "taken".parse().unwrap(),
            ThingModel::parse(model).unwrap(),
            BTreeMap::from([("line".parse().unwrap(), "gpiochip0 line 4, output".parse().unwrap())]),
            Arc::new(Hardware::new(Slow)),
            broadcast::channel(1).0,
            Arc::clone(&store),
        ));
        let started = process.start_instance(0, LIMITS, String::new(), Arc::clone(&served)).await;
        let ended = started.unwrap().unwrap().ended;
        Self { process, served, store, ended, folder }
    }

    /// Waits until it was ended, and says why.
    async fn why_ended(&self) -> String {
        let begun = Instant::now();
        while !self.process.is_dead() {
            assert!(begun.elapsed() < Duration::from_secs(10), "it lives");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.process.why_ended().unwrap_or_default().to_owned()
    }
}

/// Outputs that take their time, as those behind a bus do.
struct Slow;

impl Gpio for Slow {
    fn output(&self, _: &Binding) -> Result<Box<dyn OutputLine>, HardwareError> {
        Ok(Box::new(Self))
    }
    fn input(&self, binding: &Binding) -> Result<Box<dyn InputLine>, HardwareError> {
        Err(HardwareError::NoSuchLine { line: binding.line.to_string(), reason: "no inputs".to_owned() })
    }
}

impl OutputLine for Slow {
    fn drive(&self, _: Drive) -> Result<(), HardwareError> {
        std::thread::sleep(Duration::from_micros(50));
        Ok(())
    }
    fn is_active(&self) -> Result<bool, HardwareError> {
        Ok(true)
    }
}

/// A command that waits for these messages and keeps them in a file.
fn hear(messages: &[ToHost], file: &Path) -> String {
    let length: usize = messages.iter().map(|message| frame(message).unwrap().len()).sum();
    format!("head -c {length} <&0 >{}", file.display())
}

fn ask(id: u64, ask: Ask) -> FromHost {
    FromHost::Ask { instance: INSTANCE, id, ask }
}

fn returned(id: u64) -> FromHost {
    FromHost::Returned { id, result: Ok(Returned::Written) }
}

fn set(value: u8) -> Ask {
    Ask::StateSet { key: "k".into(), value: vec![value] }
}

#[tokio::test]
async fn one_that_asks_again_before_it_was_answered_is_ended() {
    for again in [set(2), Ask::StateKeys, Ask::IsActive { handle: 1 }] {
        // The disk is slow, so the first question stays open: nobody answers it while the store is taken.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let questions = |folder: &Path| {
            let wait = format!("while ! [ -e {} ]; do sleep 0.01; done", folder.join("go").display());
            format!("{wait}; {}", say(&[ask(1, set(1)), ask(2, again)]))
        };
        let taken = Taken::over(questions).await;
        let store = Arc::clone(&taken.store);
        let (locked, is_locked) = std::sync::mpsc::channel();
        let slow = std::thread::spawn(move || {
            let store = store.lock().unwrap();
            locked.send(()).unwrap();
            let _ = released.recv();
            drop(store);
        });
        is_locked.recv().unwrap();
        std::fs::write(taken.folder.path().join("go"), "").unwrap();
        let why = taken.why_ended().await;
        assert!(why.contains("before it was answered"), "{why}");
        drop(release);
        slow.join().unwrap();
    }
}

#[tokio::test]
async fn one_that_waits_for_each_answer_is_served() {
    let replies =
        [Reply::Done, Reply::Stored { value: Some(vec![7]) }, Reply::Keys { keys: vec!["k".into()] }];
    let answer = |id, reply: &Reply| ToHost::Answer { id, answer: Ok(reply.clone()) };
    let asks = [set(7), Ask::StateGet { key: "k".into() }, Ask::StateKeys];
    let heard = |folder: &Path, id: u64| folder.join(format!("heard-{id}"));
    let taken = Taken::over(|folder| {
        let questions = (1..).zip(asks).zip(&replies);
        let turns = questions.map(|((id, question), reply)| {
            let hear = hear(&[answer(id, reply)], &heard(folder, id));
            format!("{}; {hear}", say(&[ask(id, question)]))
        });
        turns.collect::<Vec<_>>().join("; ")
    })
    .await;
    for (id, reply) in (1..).zip(&replies) {
        let expected = answer(id, reply);
        let file = heard(taken.folder.path(), id);
        let begun = Instant::now();
        while std::fs::metadata(&file).map_or(0, |file| file.len()) < frame(&expected).unwrap().len() as u64 {
            assert!(begun.elapsed() < Duration::from_secs(10), "{id}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut frames = Frames::default();
        frames.push(&std::fs::read(&file).unwrap());
        assert_eq!(frames.take::<ToHost>().unwrap(), Some(expected));
    }
    assert!(!taken.process.is_dead());
}

#[tokio::test]
async fn one_that_lets_a_long_name_or_value_through_is_ended() {
    let (name, value) = ("n".repeat(MAX_NAME + 1), "1".repeat(MAX_VALUE + 1));
    for long in [
        Ask::OpenOutput { name: name.clone() },
        Ask::StateGet { key: name.clone() },
        Ask::StateSet { key: name, value: vec![] },
        Ask::StateSet { key: "k".into(), value: vec![0; MAX_STATE + 1] },
        Ask::EmitEvent { name: "e".into(), data: Some(value) },
    ] {
        // Too long for a command line.
        let message = frame(&ask(1, long)).unwrap();
        let taken = Taken::over(|folder| {
            let file = folder.join("message");
            std::fs::write(&file, message).unwrap();
            format!("cat {} >&0", file.display())
        });
        let why = taken.await.why_ended().await;
        assert!(why.contains("too long"), "{why}");
    }
}

#[tokio::test]
async fn an_output_that_is_not_json_is_refused_and_the_action_runs_on() {
    const ACTION: u64 = 7;
    let complete = |id, output: &str| {
        ask(id, Ask::CompleteAction { invocation: ACTION, outcome: Ok(Some(output.to_owned())) })
    };
    let taken = Taken::over(|folder| {
        let wait = format!("while ! [ -e {} ]; do sleep 0.01; done", folder.join("go").display());
        format!("{wait}; {}", say(&[complete(1, "nonsense"), complete(2, "\"there\"")]))
    })
    .await;
    let (end, ended) = ActionEnd::new();
    taken.served.action_called(ACTION, Mark::default(), end);
    assert!(taken.served.action_pends(ACTION));
    std::fs::write(taken.folder.path().join("go"), "").unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap();
    assert_eq!(ended, Ok(Ok(Some(json!("there")))));
}

#[tokio::test]
async fn one_that_does_not_read_its_answers_is_ended() {
    let questions: Vec<u8> = (0..5_000)
        .flat_map(|id| frame(&ask(id, Ask::OpenOutput { name: "é".repeat(64) })).unwrap())
        .collect();
    let taken = Taken::over(|folder| {
        let file = folder.join("questions");
        std::fs::write(&file, questions).unwrap();
        format!("while :; do cat {}; done >&0", file.display())
    });
    let why = taken.await.why_ended().await;
    assert!(why.contains("does not read"), "{why}");
}

#[tokio::test]
async fn one_that_answers_no_call_gets_no_more_than_fit() {
    let taken = Taken::over(|_| String::from(":")).await;
    let call = || {
        let call = Call::Read { name: "p".into() };
        let answered = taken.process.call(INSTANCE, call, None, Duration::from_secs(5));
        // Whoever gives up leaves the call behind: the host may be at it.
        tokio::time::timeout(Duration::from_millis(1), answered)
    };
    let mut sent = 0;
    let refused = loop {
        match call().await {
            Err(_) => sent += 1,
            Ok(answer) => break answer,
        }
        assert!(sent <= 1_000, "it gets them all");
    };
    assert!(matches!(refused, Err(CallFailed::Fault(CallFault::Busy))), "{refused:?}");
    assert!(sent >= 64, "as many as fit its mailbox: {sent}");
}

#[tokio::test]
async fn answers_make_room_for_calls() {
    let calls = u64::try_from(MAX_CALLS).unwrap();
    let read = || Call::Read { name: "p".into() };
    let call = |id| ToHost::Call { instance: INSTANCE, id, call: read() };
    let taken = Taken::over(|_| {
        // The first number was the instance's.
        let ids: Vec<u64> = (2..calls + 2).collect();
        let answers: Vec<_> = ids.iter().map(|id| returned(*id)).collect();
        let heard: Vec<_> = ids.iter().map(|id| call(*id)).collect();
        let (all, one) = (hear(&heard, Path::new("/dev/null")), hear(&[call(0)], Path::new("/dev/null")));
        format!("{all}; {}; {one}; {}", say(&answers), say(&[returned(calls + 2)]))
    })
    .await;
    let call = || taken.process.call(INSTANCE, read(), None, Duration::from_secs(30));
    for answer in futures::future::join_all((0..calls).map(|_| call())).await {
        assert_eq!(answer.unwrap(), Returned::Written);
    }
    assert_eq!(call().await.unwrap(), Returned::Written);
}

#[tokio::test]
async fn an_end_leaves_nobody_waiting() {
    let read = || Call::Read { name: "p".into() };
    let first = ToHost::Call { instance: INSTANCE, id: 2, call: read() };
    for end in [
        FromHost::Ended { instance: INSTANCE, reason: Ended::CpuBudget },
        // That it could not be started, after it was.
        FromHost::Started { instance: INSTANCE, result: Err(Ended::CpuBudget) },
    ] {
        let taken = Taken::over(|_| {
            let hear = hear(std::slice::from_ref(&first), Path::new("/dev/null"));
            format!("{hear}; {}", say(&[end]))
        })
        .await;
        let call = || taken.process.call(INSTANCE, read(), None, Duration::from_secs(30));
        let gone = tokio::time::timeout(Duration::from_secs(10), call()).await.unwrap();
        assert!(matches!(gone, Err(CallFailed::Gone)), "{gone:?}");
        let after = call().await;
        assert!(matches!(after, Err(CallFailed::Fault(CallFault::NotStarted))), "{after:?}");
    }
}

/// What is written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_that_lets_a_flood_of_lines_through_does_not_flood_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let line = |n| {
        let message = format!("line {n}\n{}", "x".repeat(10_000));
        FromHost::Log { instance: INSTANCE, level: Level::Info, message, dropped: 0 }
    };
    let mut said = vec![];
    for n in 0..1_000 {
        said.extend(frame(&line(n)).unwrap());
        // What is not granted is told as well.
        said.extend(frame(&ask(n, Ask::OpenOutput { name: "xxx".into() })).unwrap());
    }
    let end = FromHost::Ended { instance: INSTANCE, reason: Ended::CpuBudget };
    said.extend(frame(&end).unwrap());
    let taken = Taken::over(|folder| {
        let file = folder.join("lines");
        std::fs::write(&file, said).unwrap();
        format!("cat {} >&0", file.display())
    })
    .await;
    let ended = tokio::time::timeout(Duration::from_secs(10), taken.ended).await.unwrap();
    assert_eq!(ended, Ok(Ended::CpuBudget), "{:?}", taken.process.why_ended());
    taken.served.end();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let written = log.lines().filter(|line| line.contains("xxx")).count();
    assert!((100..=500).contains(&written), "{written} lines");
    assert!(log.contains("not granted"), "nothing of what was refused");
    assert!(log.lines().all(|line| line.len() < 2_000), "a line is too long");
    let numbers = log.split("dropped=").skip(1).map(|rest| rest.split([' ', '\n']).next().unwrap());
    let dropped: usize = numbers.map(|number| number.parse::<usize>().unwrap()).sum();
    assert_eq!(written + dropped, 2_000, "each is written or counted, and once");
}

/// However slow the machine is, it takes no less time.
#[tokio::test]
async fn one_that_says_more_than_plugins_can_is_heard_at_a_bounded_rate() {
    let message = "x".repeat(200_000);
    let line = frame(&FromHost::Log { instance: INSTANCE, level: Level::Info, message, dropped: 0 }).unwrap();
    let (windows, lines) = (6, BYTES.div_ceil(line.len()));
    let end = FromHost::Ended { instance: INSTANCE, reason: Ended::CpuBudget };
    let begun = Instant::now();
    let taken = Taken::over(|folder| {
        let file = folder.join("lines");
        std::fs::write(&file, line.repeat(lines)).unwrap();
        let flood = format!("cat {} >&0; ", file.display());
        format!("{}{}", flood.repeat(windows), say(&[end]))
    })
    .await;
    let ended = tokio::time::timeout(Duration::from_secs(30), taken.ended).await.unwrap();
    assert_eq!(ended, Ok(Ended::CpuBudget), "{:?}", taken.process.why_ended());
    // The first may begin anywhere in a window, and the last is not waited for.
    assert!(begun.elapsed() >= WINDOW * u32::try_from(windows - 2).unwrap(), "{:?}", begun.elapsed());
}

/// Its socket always has something to read, and each question is work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_never_stops_asking_does_not_stop_what_hears_it() {
    // Each takes so long that a window is over before there are too many for one: the host is never made to wait.
    let question = |id| ask(id, Ask::SetActive { handle: 1, active: true });
    let questions: Vec<u8> = (0..12_000).flat_map(|id| frame(&question(id)).unwrap()).collect();
    let taken = Taken::over(|folder| {
        let (file, going) = (folder.join("questions"), folder.join("going"));
        std::fs::write(&file, questions).unwrap();
        let flood = format!("cat {} >&0", file.display());
        // What a shell starts in the background has no standard input but what it is given under another number.
        let read = "exec 3<&0; cat <&3 >/dev/null &";
        let open = say(&[ask(0, Ask::OpenOutput { name: "line".into() })]);
        format!("{read} {open}; {flood}; : >{}; while :; do {flood}; done", going.display())
    })
    .await;
    let begun = Instant::now();
    while !taken.folder.path().join("going").exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", taken.process.why_ended());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let part = taken.process.part(&"taken".parse().unwrap());
    assert!(stuck(vec![part], Duration::from_secs(10)).await.is_empty());
    let id = taken.process.id().unwrap();
    drop(taken.process);
    let begun = Instant::now();
    while Path::new(&format!("/proc/{id}")).exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it was not ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
