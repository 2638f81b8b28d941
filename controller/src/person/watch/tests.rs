//! Whoever follows, against a device that the tests play: it answers when they say so.

mod device;

use std::time::Duration;

use serde_json::json;
use streembit_peer::message::{End, Operation, Request};
use tokio::time::timeout;

use super::Watching;
use crate::door::{News, Watch};
use crate::error::{Exit, Failure};
use crate::person::Person;
use device::{Device, SOON, Session};

fn watch(within: Duration) -> Watch {
    Watch {
        device: "garage".into(),
        op: Operation::ObserveProperty,
        thing: "door".into(),
        affordance: "state".into(),
        timeout: within,
    }
}

async fn told(watching: &mut Watching) -> News {
    let news = timeout(SOON, watching.next()).await.expect("something is told");
    news.unwrap().unwrap()
}

async fn failed(watching: &mut Watching) -> Failure {
    let news = timeout(SOON, watching.next()).await.expect("something is told");
    news.unwrap().unwrap_err()
}

async fn until_so_many_listen(person: &Person, count: usize) {
    let listening = async {
        while person.0.topics.listeners() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, listening).await.expect("so many listen");
}

/// How old a session gets where one is renewed: more than a test needs to follow something, less than anybody waits.
const SHORT: Duration = Duration::from_millis(200);

async fn known_and_renewed_soon() -> (Person, Device) {
    let (person, device) = device::known().await;
    (person.renewing_after(SHORT), device)
}

/// Somebody who follows the door, in which session, and what was asked for that.
async fn following(person: &Person, device: &mut Device) -> (Watching, Session, Request) {
    let mut watching = person.watch(watch(SOON));
    let mut session = device.session().await;
    let asked = session.agree(Operation::ObserveProperty).await;
    assert_eq!(told(&mut watching).await, News::Begun);
    (watching, session, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_when_the_connection_goes_is_what_is_returned_to() {
    let (person, mut device) = known_and_renewed_soon().await;
    let (mut watching, old, _) = following(&person, &mut device).await;
    let mut new = device.session().await;
    let asked = new.asked(Operation::ObserveProperty).await;
    drop(old);
    assert!(matches!(told(&mut watching).await, News::Lost { .. }));
    new.answer(&asked).await;
    assert!(matches!(told(&mut watching).await, News::Resumed { .. }));
    new.notify(&asked, json!("open")).await;
    assert_eq!(told(&mut watching).await, News::Value { value: json!("open") });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_during_a_renewal_leaves_nothing_on_the_device() {
    let (person, mut device) = known_and_renewed_soon().await;
    let (watching, mut old, _) = following(&person, &mut device).await;
    let mut new = device.session().await;
    let asked = new.asked(Operation::ObserveProperty).await;
    drop(watching);
    old.agree(Operation::UnobserveProperty).await;
    new.answer(&asked).await;
    new.agree(Operation::UnobserveProperty).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_during_a_renewal_is_not_asked_for_in_the_new_session_either() {
    let (person, mut device) = known_and_renewed_soon().await;
    let (mut watching, mut old, followed) = following(&person, &mut device).await;
    let mut new = device.session().await;
    let asked = new.asked(Operation::ObserveProperty).await;
    old.end(&followed, End::Gone).await;
    // What was missed is told as the end is looked at: from now on the answer comes after it.
    assert_eq!(told(&mut watching).await, News::Missed { count: 1 });
    new.answer(&asked).await;
    new.agree(Operation::UnobserveProperty).await;
    assert_eq!(told(&mut watching).await, News::Ended { why: "gone".into() });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_the_device_is_returned_to_leaves_nothing_on_it() {
    let (person, mut device) = device::known().await;
    let (mut watching, old, _) = following(&person, &mut device).await;
    drop(old);
    assert!(matches!(told(&mut watching).await, News::Lost { .. }));
    let mut new = device.session().await;
    let asked = new.asked(Operation::ObserveProperty).await;
    drop(watching);
    until_so_many_listen(&person, 0).await;
    new.answer(&asked).await;
    new.agree(Operation::UnobserveProperty).await;

    // Whoever comes now begins anew, in the session that there is.
    let mut watching = person.watch(watch(SOON));
    new.agree(Operation::ObserveProperty).await;
    assert_eq!(told(&mut watching).await, News::Begun);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_has_a_patience_of_its_own() {
    let (person, mut device) = device::known().await;
    let mut hasty = person.watch(watch(SHORT));
    let mut session = device.session().await;
    let asked = session.asked(Operation::ObserveProperty).await;
    // In the first one's place and after it: neither has the other's patience.
    let mut patient = person.watch(watch(SOON));
    let failure = failed(&mut hasty).await;
    assert!(matches!(failure.exit, Exit::TimedOut | Exit::Unreachable), "{failure}");
    let failure = failed(&mut person.watch(watch(SHORT))).await;
    assert_eq!(failure.exit, Exit::TimedOut, "{failure}");
    session.answer(&asked).await;
    assert_eq!(told(&mut patient).await, News::Begun);
    session.notify(&asked, json!("open")).await;
    assert_eq!(told(&mut patient).await, News::Value { value: json!("open") });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_later_asks_once_more_where_the_first_one_had_no_luck() {
    let (person, mut device) = device::known().await;
    let mut first = person.watch(watch(SOON));
    let mut session = device.session().await;
    session.asked(Operation::ObserveProperty).await;
    let mut second = person.watch(watch(SOON));
    until_so_many_listen(&person, 2).await;
    drop(session);
    // What was lost with its session is asked for once again by itself.
    device.session().await.asked(Operation::ObserveProperty).await;
    let failure = failed(&mut first).await;
    assert_eq!(failure.exit, Exit::Unreachable, "{failure}");
    device.session().await.agree(Operation::ObserveProperty).await;
    assert_eq!(told(&mut second).await, News::Begun);
}
