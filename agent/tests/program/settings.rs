//! A changed config file, in a running device.

use std::time::{Duration, Instant};

use streembit_agent::control::Call;
use streembit_agent::control::answer::Status;
use streembit_peer::health::{Level, Point};

use super::person::{Home, SETTINGS, SOON};
use super::process::Machine;

/// Asks until the answer is as it should be.
async fn until(home: &Home, what: &str, is: impl Fn(&Status) -> bool) -> Status {
    let began = Instant::now();
    loop {
        let status: Status = home.ask(Call::Status).await.unwrap();
        if is(&status) {
            return status;
        }
        assert!(began.elapsed() < SOON, "{what}: {:?}", status.config);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_wrong_file_leaves_the_old_settings_and_says_so_until_it_is_mended() {
    let home = Home::new();
    let daemon = home.start().await;
    let before = daemon.addresses();

    std::fs::write(home.data.config(), "[network]\nlisen = []\n").unwrap();
    let status = until(&home, "the mistake is named", |status| status.config.problem.is_some()).await;
    let problem = status.config.problem.unwrap();
    assert!(problem.contains("line 2") && problem.contains("network.lisen"), "{problem}");
    assert_eq!(daemon.addresses(), before);
    let points: Vec<Point> = home.ask(Call::Check).await.unwrap();
    assert!(points.iter().any(|point| point.level == Level::Warning && point.detail.contains("lisen")));

    std::fs::write(home.data.config(), SETTINGS).unwrap();
    until(&home, "the file is right again", |status| status.config.problem.is_none()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_takes_effect_at_the_next_start_is_named_until_it_is_taken_back() {
    let home = Home::new();
    let daemon = home.start().await;
    std::fs::write(home.data.config(), format!("name = \"Garage\"\n{}", SETTINGS.replace("false", "true")))
        .unwrap();
    let status = until(&home, "the change is named", |status| !status.config.next_start.is_empty()).await;
    assert_eq!(status.config.next_start, ["network.mdns", "name"]);
    assert_eq!(status.name, None);
    std::fs::write(home.data.config(), SETTINGS).unwrap();
    until(&home, "nothing waits", |status| status.config.next_start.is_empty()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn the_file_is_read_again_when_somebody_asks() {
    let home = Home::new();
    let daemon = home.start().await;
    let _: serde_json::Value = home.ask(Call::Reload).await.unwrap();
    until(&home, "all is well", |status| status.config.problem.is_none()).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_plugin_that_cannot_run_is_named_and_keeps_nothing_else_from_running() {
    let home = Home::new();
    let broken = home.data.path().join("broken.wasm");
    std::fs::write(&broken, "no component").unwrap();
    let table = format!("{SETTINGS}[plugins.door]\ncomponent = \"{}\"\n", broken.display());
    std::fs::write(home.data.config(), &table).unwrap();
    let daemon = home.start().await;
    let status: Status = home.ask(Call::Status).await.unwrap();
    assert!(status.things["door"].starts_with("cannot run:"), "{:?}", status.things);
    let points: Vec<Point> = home.ask(Call::Check).await.unwrap();
    let point = points.iter().find(|point| point.title() == "10 plugin door").unwrap();
    assert_eq!(point.level, Level::Bad);
    assert!(point.detail.contains("broken.wasm"), "{}", point.detail);

    // Taken out of the file, it is gone without a restart.
    std::fs::write(home.data.config(), SETTINGS).unwrap();
    until(&home, "the plugin is gone", |status| status.things.is_empty()).await;
    // And one that is put in while the device runs is tried at once.
    std::fs::write(home.data.config(), &table).unwrap();
    until(&home, "the plugin is tried", |status| status.things.contains_key("door")).await;
    daemon.stop().await;
}

#[test]
fn a_config_may_lie_elsewhere_than_the_data() {
    let machine = Machine::new();
    let elsewhere = machine.path().join("etc/agent.toml");
    let file = elsewhere.to_str().unwrap();
    assert_eq!(machine.run(&["--config", file, "init"]).code, 0);
    assert!(elsewhere.exists() && !machine.data().join("config.toml").exists());
    assert_eq!(machine.run(&["--config", file, "--json", "config", "check"]).json()["file"], file);
    // The environment says the same, and without either it is looked for beside the data.
    let mut check = machine.command(&["config", "check"]);
    assert!(check.env("STREEMBIT_CONFIG", file).output().unwrap().status.success());
    assert_eq!(machine.run(&["config", "check"]).code, 7);
}
