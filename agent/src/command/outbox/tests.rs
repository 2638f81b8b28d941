use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::command::actions::MAX_RUNNING_OF_A_CALLER;

fn topic(kind: NotificationKind, affordance: &str) -> Topic {
    Topic { kind, thing: "door".parse().unwrap(), affordance: affordance.parse().unwrap() }
}

fn re(n: u8) -> RequestHash {
    RequestHash::from_bytes([n; 32])
}

fn offer(outbox: &Outbox, topic: &Topic, value: Value) {
    outbox.offer(topic, Some(&value.into()));
}

fn begin(outbox: &Outbox, topic: &Topic, sub: RequestHash) {
    outbox.subscribe(topic.clone(), sub).unwrap();
    outbox.activate(topic);
}

#[test]
fn a_slow_reader_gets_the_newest_value_and_learns_how_many_it_missed() {
    let (outbox, state) = (Outbox::default(), topic(NotificationKind::Property, "state"));
    begin(&outbox, &state, re(1));
    for n in 0..10 {
        offer(&outbox, &state, json!(n));
    }
    let news = outbox.take().unwrap();
    assert_eq!((news.value, news.missed, news.n, news.sub), (Some(json!(9)), 9, 1, re(1)));
    assert_eq!(outbox.take(), None);
    offer(&outbox, &state, json!(10));
    let news = outbox.take().unwrap();
    assert_eq!((news.value, news.missed, news.n), (Some(json!(10)), 0, 2), "counted from one, without gaps");
}

#[test]
fn events_wait_in_order_and_the_oldest_are_dropped_and_counted() {
    let (outbox, bell) = (Outbox::default(), topic(NotificationKind::Event, "bell"));
    begin(&outbox, &bell, re(1));
    for n in 0..MAX_WAITING_EVENTS + 3 {
        offer(&outbox, &bell, json!(n));
    }
    let all: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
    assert_eq!(all.len(), MAX_WAITING_EVENTS);
    assert_eq!((all[0].value.clone(), all[0].missed), (Some(json!(3)), 3));
    assert!(all[1..].iter().all(|news| news.missed == 0));
    assert!(all.iter().enumerate().all(|(i, news)| news.n == i as u64 + 1));
}

#[test]
fn nothing_is_told_before_the_answer_to_the_subscription_is_on_its_way() {
    let (outbox, state) = (Outbox::default(), topic(NotificationKind::Property, "state"));
    outbox.subscribe(state.clone(), re(1)).unwrap();
    offer(&outbox, &state, json!(1));
    assert_eq!(outbox.take(), None);
    outbox.activate(&state);
    assert_eq!(outbox.take().unwrap().value, Some(json!(1)));
}

#[test]
fn a_chatty_event_does_not_hold_up_the_others() {
    let outbox = Outbox::default();
    let (chatty, quiet) = (topic(NotificationKind::Event, "chatty"), topic(NotificationKind::Event, "quiet"));
    begin(&outbox, &chatty, re(1));
    begin(&outbox, &quiet, re(2));
    for n in 0..4 {
        offer(&outbox, &chatty, json!(n));
    }
    offer(&outbox, &quiet, json!("here"));
    let order: Vec<_> = std::iter::from_fn(|| outbox.take()).map(|news| news.sub).collect();
    assert_eq!(order, [re(1), re(2), re(1), re(1), re(1)]);
}

#[test]
fn subscribing_again_starts_afresh() {
    let (outbox, state) = (Outbox::default(), topic(NotificationKind::Property, "state"));
    begin(&outbox, &state, re(1));
    offer(&outbox, &state, json!(1));
    begin(&outbox, &state, re(2));
    assert_eq!(outbox.take(), None, "what waited belonged to the first");
    offer(&outbox, &state, json!(2));
    let news = outbox.take().unwrap();
    assert_eq!((news.sub, news.n, news.value), (re(2), 1, Some(json!(2))));
}

#[test]
fn subscriptions_of_a_session_are_bounded() {
    let outbox = Outbox::default();
    for n in 0..MAX_SUBSCRIPTIONS {
        begin(&outbox, &topic(NotificationKind::Event, &format!("e{n}")), re(1));
    }
    assert_eq!(outbox.subscribe(topic(NotificationKind::Event, "more"), re(2)), Err(TooMany));
    begin(&outbox, &topic(NotificationKind::Event, "e0"), re(2));
    assert!(outbox.unsubscribe(&topic(NotificationKind::Event, "e1")));
    begin(&outbox, &topic(NotificationKind::Event, "more"), re(2));
}

#[test]
fn an_end_is_told_once_with_what_was_missed() {
    let (outbox, state) = (Outbox::default(), topic(NotificationKind::Property, "state"));
    begin(&outbox, &state, re(1));
    offer(&outbox, &state, json!(1));
    assert!(outbox.take().is_some());
    offer(&outbox, &state, json!(2));
    outbox.retain(End::Revoked, |_| false);
    let end = outbox.take().unwrap();
    assert_eq!((end.end, end.n, end.missed, end.value), (Some(End::Revoked), 2, 1, None));
    offer(&outbox, &state, json!(3));
    assert_eq!(outbox.take(), None);
}

#[test]
fn whoever_stops_listening_is_told_what_waits_and_then_that_it_was_all() {
    let (outbox, bell) = (Outbox::default(), topic(NotificationKind::Event, "bell"));
    begin(&outbox, &bell, re(1));
    for n in 0..MAX_WAITING_EVENTS + 2 {
        offer(&outbox, &bell, json!(n));
    }
    assert!(outbox.unsubscribe(&bell));
    offer(&outbox, &bell, json!("later"));
    let told: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
    assert!(told.iter().map(|news| news.n).eq(1..=MAX_WAITING_EVENTS as u64 + 1), "without gaps");
    assert_eq!(told.iter().map(|news| news.missed).sum::<u64>(), 2);
    let (end, values) = told.split_last().unwrap();
    assert_eq!((end.end, end.value.clone()), (Some(End::Unsubscribed), None));
    let values: Vec<_> = values.iter().map(|news| news.value.clone().unwrap()).collect();
    assert_eq!(values, (2..MAX_WAITING_EVENTS + 2).map(|n| json!(n)).collect::<Vec<_>>());
    assert!(!outbox.unsubscribe(&bell), "there is none any more");
    assert_eq!(outbox.take(), None);
}

#[test]
fn whoever_stops_listening_never_takes_what_was_left_out_for_an_event_without_data() {
    let (outbox, bell) = (Outbox::default(), topic(NotificationKind::Event, "bell"));
    begin(&outbox, &bell, re(1));
    let half = json!("x".repeat(ends::MAX_OUTPUTS / 2));
    offer(&outbox, &bell, half.clone());
    offer(&outbox, &bell, half);
    outbox.offer(&bell, None);
    assert!(outbox.unsubscribe(&bell));
    let told: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
    let [fits, left_out, no_data, end] = &told[..] else { panic!("{}", told.len()) };
    assert!(fits.value.is_some() && fits.problem.is_none());
    assert_eq!((left_out.value.as_ref(), left_out.missed), (None, 1));
    assert_eq!(left_out.problem.as_ref().unwrap().code, ProblemCode::OutputLost);
    assert_eq!((no_data.value.as_ref(), no_data.missed, no_data.problem.as_ref()), (None, 0, None));
    assert_eq!((end.end, end.problem.as_ref()), (Some(End::Unsubscribed), None));
}

#[test]
fn moving_over_with_all_that_a_session_may_have_does_not_end_it() {
    let outbox = Outbox::default();
    let all: Vec<_> =
        (0..MAX_SUBSCRIPTIONS).map(|n| topic(NotificationKind::Event, &format!("e{n}"))).collect();
    for topic in &all {
        begin(&outbox, topic, re(1));
        (0..MAX_WAITING_EVENTS).for_each(|n| offer(&outbox, topic, json!(n)));
    }
    for n in 0..MAX_RUNNING_OF_A_CALLER {
        action_ended(&outbox, 2, json!(n));
    }
    all.iter().for_each(|topic| assert!(outbox.unsubscribe(topic)));
    assert!(!outbox.overrun.is_cancelled());
    let told: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
    let ended = |why| told.iter().filter(|told| told.end == Some(why)).count();
    assert_eq!(ended(End::Unsubscribed), MAX_SUBSCRIPTIONS);
    assert_eq!(ended(End::Done), MAX_RUNNING_OF_A_CALLER);
}

#[test]
fn what_was_lost_on_the_way_is_counted_for_that_thing_alone() {
    let (outbox, bell) = (Outbox::default(), topic(NotificationKind::Event, "bell"));
    begin(&outbox, &bell, re(1));
    outbox.lost("window", 5);
    outbox.lost("door", 7);
    offer(&outbox, &bell, json!(1));
    assert_eq!(outbox.take().unwrap().missed, 7);
}

#[test]
fn what_was_lost_is_told_also_where_nothing_comes_after_it() {
    let (outbox, state) = (Outbox::default(), topic(NotificationKind::Property, "state"));
    let bell = topic(NotificationKind::Event, "bell");
    begin(&outbox, &state, re(1));
    outbox.subscribe(bell.clone(), re(2)).unwrap();
    outbox.lost("door", 7);
    let told = outbox.take().unwrap();
    assert_eq!((told.sub, told.n, told.value.clone(), told.missed, told.end), (re(1), 1, None, 7, None));
    assert!(told.problem.is_some(), "no value, rather than an event without data");
    assert_eq!(outbox.take(), None, "once, and not to who does not know yet that it listens");
    outbox.activate(&bell);
    let told = outbox.take().unwrap();
    assert_eq!((told.sub, told.missed, told.problem.is_some()), (re(2), 7, true));
    offer(&outbox, &state, json!(1));
    let told = outbox.take().unwrap();
    assert_eq!((told.n, told.value, told.missed, told.problem), (2, Some(json!(1)), 0, None));
}

fn action_ended(outbox: &Outbox, n: u8, output: Value) {
    let (door, open) = ("door".parse().unwrap(), "open".parse().unwrap());
    outbox.action_ended(re(n), door, open, Some(Ok(Some(output.into()))));
}

#[test]
fn a_slow_reader_gets_every_end_and_learns_which_outputs_it_missed() {
    let outbox = Outbox::default();
    let quarter = json!("x".repeat(ends::MAX_OUTPUTS / 4));
    for n in 0..6 {
        action_ended(&outbox, n, quarter.clone());
    }
    action_ended(&outbox, 6, json!("short"));
    let told: Vec<_> = std::iter::from_fn(|| outbox.take()).collect();
    assert!(told.iter().map(|end| end.sub).eq((0..7).map(re)), "each is told, in order");
    assert!(told.iter().all(|end| end.end == Some(End::Done)));
    for (n, end) in told.iter().enumerate() {
        let missed = (3..6).contains(&n);
        assert_eq!((end.value.is_none(), end.missed), (missed, u64::from(missed)), "{n}");
    }
    assert!(!outbox.overrun.is_cancelled());
    action_ended(&outbox, 7, quarter);
    assert!(outbox.take().unwrap().value.is_some(), "who reads has room again");
}

#[test]
fn a_reader_who_is_stuck_is_not_left_waiting_for_an_end_that_never_comes() {
    let outbox = Outbox::default();
    for _ in 0..ends::MAX_WAITING {
        action_ended(&outbox, 1, json!(null));
    }
    assert!(!outbox.overrun.is_cancelled());
    action_ended(&outbox, 2, json!(null));
    assert!(outbox.overrun.is_cancelled(), "its session ends");
    assert_eq!(std::iter::from_fn(|| outbox.take()).count(), ends::MAX_WAITING);
}

#[tokio::test]
async fn whoever_waits_is_woken() {
    let outbox = Arc::new(Outbox::default());
    let bell = topic(NotificationKind::Event, "bell");
    begin(&outbox, &bell, re(1));
    let waiting = tokio::spawn({
        let outbox = Arc::clone(&outbox);
        async move { outbox.next().await }
    });
    tokio::task::yield_now().await;
    offer(&outbox, &bell, json!(1));
    assert_eq!(waiting.await.unwrap().value, Some(json!(1)));
}
