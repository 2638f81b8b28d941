//! What the log tells of those who try.

use serde_json::Value;
use streembit_agent::control::Call;
use streembit_peer::message::Answer;

use super::log::Log;
use super::person::{Home, Person, invoke};

#[tokio::test]
async fn a_flood_of_refusals_is_a_line_for_each_reason_and_none_is_lost() {
    let (log, _kept) = Log::keep();
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
