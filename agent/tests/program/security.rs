//! What the log tells of those who try.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use streembit_agent::control::Call;
use streembit_peer::message::Answer;
use tracing_subscriber::fmt::MakeWriter;

use super::person::{Home, Person, invoke};

/// The lines of this thread's log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn lines_with(&self, words: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_line_for_each_reason_and_none_is_lost() {
    let log = Log::default();
    let lines = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
    // This test has one thread: what the device tells there comes here.
    let _kept = tracing::subscriber::set_default(lines);
    let home = Home::new();
    let daemon = home.start().await;
    let link = home.pair().await;
    let ada = Person::new().await;
    assert!(matches!(ada.claim(&link, "Ada").await, Answer::Ok(_)));

    let stranger = Person::new().await;
    for _ in 0..10 {
        assert!(stranger.visit(&link, &daemon).await.is_none());
    }
    let refused = log.lines_with("a handshake led to no session");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("source=") && refused[0].contains("reason=\"not-welcome\""), "{refused:?}");

    let session = ada.visit(&link, &daemon).await.unwrap();
    for _ in 0..200 {
        assert!(matches!(invoke(&session, "nowhere", None).await, Answer::Problem(_)));
    }
    let denied = log.lines_with("streembit_agent::security: denied");
    assert_eq!(denied.len(), 1, "{denied:?}");
    // The ring of denials has counted each of them.
    let ring: Value = home.ask(Call::Denials { limit: 100 }).await.unwrap();
    let times = ring["denials"].as_array().unwrap().iter().filter_map(|denial| denial["times"].as_u64());
    assert_eq!(times.sum::<u64>(), 200, "{ring}");
    daemon.stop().await;
}
