//! What the hardware does comes to the person who follows it, and ends with the right to it. Every program, the plugin and its
//! sandbox are real; the lines are simulated.

use std::time::Duration;

use streembit_harness::{Device, Person, Programs, Running};
use tempfile::TempDir;

/// Many times what a busy machine needs.
const SOON: Duration = Duration::from_secs(60);

struct House {
    device: Device,
    ada: Person,
    programs: Programs,
    folder: TempDir,
}

fn house() -> House {
    let (programs, folder) = (Programs::of_the_test_run().unwrap(), tempfile::tempdir().unwrap());
    let mut device = Device::new(&programs, folder.path(), "garage").unwrap();
    device.start().unwrap();
    let ada = Person::new(&programs, folder.path(), "ada").unwrap();
    ada.run(["pair", &device.pairing_link().unwrap()]).unwrap().success().unwrap();
    House { device, ada, programs, folder }
}

impl House {
    /// Lets somebody in at the device, with these words of `streembit-agent invite`.
    fn invite<const N: usize>(&self, name: &str, words: [&str; N]) -> Person {
        let invite = ["--json", "invite", "--name", name];
        let made = self.device.run_all(&[&invite[..], &words].concat()).unwrap().success().unwrap();
        let link = made.json().unwrap()["link"].as_str().unwrap().to_owned();
        let person = Person::new(&self.programs, self.folder.path(), name).unwrap();
        person.run(["accept", "--as", "garage", &link]).unwrap().success().unwrap();
        person
    }
}

fn followed(following: &Running) {
    following.line_that(SOON, |line| line.starts_with("Following")).unwrap();
}

#[test]
fn an_event_of_the_hardware_comes_to_who_may_hear_it_and_to_nobody_else() {
    let mut house = house();
    let ann = house.invite("ann", ["--role", "guest", "--allow", "door/state:observe"]);
    ann.run(["subscribe", "garage/door/obstruction"]).unwrap().ends_with(3).unwrap();

    let following = house.ada.start(["subscribe", "garage/door/obstruction", "--count", "2"]).unwrap();
    followed(&following);
    let door = house.device.door();
    for _ in 0..2 {
        door.set("obstruction", true).unwrap();
        following.line_that(SOON, |line| line.contains("unknown")).unwrap();
        door.set("obstruction", false).unwrap();
        while house.ada.run(["read", "garage/door/obstructed"]).unwrap().success().unwrap().stdout
            != "false\n"
        {}
    }
    assert_eq!(following.end(SOON).unwrap(), Some(0));
    house.device.stop().unwrap();
}

#[test]
fn an_observation_ends_when_its_observer_is_revoked_at_the_device() {
    let mut house = house();
    let bea = house.invite("bea", ["--role", "viewer"]);
    let (hers, adas) = (
        bea.start(["observe", "garage/door/state"]).unwrap(),
        house.ada.start(["observe", "garage/door/state", "--count", "1"]).unwrap(),
    );
    followed(&hers);
    followed(&adas);
    house.device.run(["revoke", "bea"]).unwrap().success().unwrap();
    assert_eq!(hers.end(SOON).unwrap(), Some(3));
    bea.run(["read", "garage/door/state"]).unwrap().ends_with(3).unwrap();

    // The owner's goes on.
    house.ada.run(["invoke", "garage/door/open"]).unwrap().success().unwrap();
    assert_eq!(adas.end(SOON).unwrap(), Some(0));
    house.device.stop().unwrap();
}
