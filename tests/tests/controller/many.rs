//! A gateway with many Things: what it offers does not fit into one message.

use streembit_controller::commands::{Patience, ls, td};

use super::door::Door;
use super::people::{House, SOON, Someone};
use super::unlocked::unlock;

/// As many as a large gateway has.
const THINGS: usize = 200;

/// The size of the Thing Description of a device with a dozen affordances.
const BYTES: usize = 6 * 1024;

async fn lists_all(who: &Someone) {
    let listing = ls::run(&who.desk, ls::Args::default()).await.unwrap();
    listing.verdict().unwrap();
    let things = &listing.0[0].things;
    let names: Vec<_> = things.iter().map(|thing| thing.name.clone()).collect();
    let expected = ["device".to_owned(), "door".to_owned()].into_iter();
    let expected: Vec<_> = expected.chain((0..THINGS).map(|n| format!("lock-{n:03}"))).collect();
    assert_eq!(names, expected);
    for thing in things.iter().skip(1) {
        assert_eq!(thing.state["state"], "closed", "{}", thing.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_with_two_hundred_things_lists_them_all() {
    let house = House::new().await;
    let ada = house.owner().await;
    for n in 0..THINGS {
        let things = house.daemon().device().things();
        things.put(format!("lock-{n:03}"), Door::with_much_to_say(BYTES));
    }
    lists_all(&ada).await;
    let contacts = ada.home.contacts().unwrap();
    let kept = contacts.things(&contacts.get("house").unwrap().key).unwrap();
    drop(contacts);
    assert!(serde_json::to_string(&kept).unwrap().len() > THINGS * BYTES, "each as long as it should be");

    let args = td::Args { address: "house/lock-199".parse().unwrap(), patience: Patience::default() };
    let description = td::run(&ada.desk, args).await.unwrap().0;
    assert_eq!(description["description"].as_str().unwrap().len(), BYTES);

    let (ada, serving) = unlock(ada, SOON).await;
    lists_all(&ada).await;
    serving.abort();
}
