//! `cargo xtask qualify soak`: people read, move and watch a door while everything around it goes wrong at random.
//!
//! What must hold at the end: whoever was told that something is done finds it in the journal, the door moved as often as
//! the journal says, each state that was read is one that the door was in, whoever watched it knows where it stands, and
//! nothing has grown. [`trouble`] is what goes wrong, [`people`] who is there meanwhile.
//!
//! It all happens in a network namespace of its own, whose network goes away now and then, too.

mod people;
mod trouble;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use streembit_harness::usage::{family, memory_of};
use streembit_harness::{Device, Person, Programs, Requests, Seeded, Told};

use crate::tool;

/// Between two troubles, at most: time to recover, and to be hit while recovering.
const LONGEST_PEACE: Duration = Duration::from_secs(12);

/// The last part of it is without trouble, so that what grows can be told from what was just started.
const QUIET_SHARE: u32 = 4;

/// By when caches, pools and allocators have what they need.
const WARM: Duration = Duration::from_secs(20);

/// What may come and go: an allocator gives pages back when it likes.
const SLACK: u64 = 1 << 20;

/// Its network, whose loopback interface can go away.
pub(super) const NETWORK: &str = "ip link set lo up";

/// In a namespace of its own.
pub(super) fn run(minutes: u64) -> Result<()> {
    let built = tool::target();
    let programs = Programs::in_folders(built.join("programs/release"), built.join("plugins"))?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut chance = Seeded::new()?;
    println!("{chance}");
    let mut device = Device::new(&programs, folder.path(), "garage")?;
    let _motor = device.door().motor()?;
    device.start()?;
    device.stay()?;
    let ada = Person::new(&programs, folder.path(), "ada")?;
    ada.run(["pair", &device.pairing_link()?])?.success()?;
    let watcher = people::Watcher::start(&ada)?;

    let all = Duration::from_secs(60 * minutes);
    let (enough, begun) = (AtomicBool::new(false), Instant::now());
    let (hands, troubles) = (chance.fork(), chance.fork());
    let told = std::thread::scope(|scope| -> Result<(Told, people::Read)> {
        let hand = scope.spawn(|| people::press(&ada, hands, &enough));
        let reader = scope.spawn(|| people::read(&ada, &enough));
        let lived = live_through(&mut device, &ada, troubles, all, begun);
        enough.store(true, Ordering::Relaxed);
        let told = hand.join().map_err(|_| anyhow::anyhow!("the hand panicked"))?;
        let read = reader.join().map_err(|_| anyhow::anyhow!("the reader panicked"))?;
        lived?;
        Ok((told?, read?))
    });
    let (told, read) = told?;
    verdict(&device, &ada, &watcher, &told, &read)?;
    device.stop()
}

/// Trouble, and then none while it is measured what grows.
fn live_through(
    device: &mut Device,
    ada: &Person,
    mut chance: Seeded,
    all: Duration,
    begun: Instant,
) -> Result<()> {
    let trouble_until = all - all / QUIET_SHARE;
    let mut count = 0;
    while begun.elapsed() < trouble_until {
        std::thread::sleep(Duration::from_millis(chance.below(LONGEST_PEACE.as_millis() as u64)));
        let what = trouble::happen(device, &mut chance)?;
        count += 1;
        println!("{:>5} s  {what}", begun.elapsed().as_secs());
    }
    std::thread::sleep(WARM);
    let before = Memory::of(device, ada)?;
    std::thread::sleep(all.saturating_sub(begun.elapsed()));
    let after = Memory::of(device, ada)?;
    println!(
        "{count} troubles; memory of the device {} KB, then {} KB; of the person {} KB, then {} KB",
        before.device / 1024,
        after.device / 1024,
        before.person / 1024,
        after.person / 1024
    );
    ensure!(after.device <= before.device + before.device / 20 + SLACK, "the device grows");
    ensure!(after.person <= before.person + before.person / 20 + SLACK, "the person's process grows");
    Ok(())
}

/// What the long-lived processes have.
struct Memory {
    device: u64,
    person: u64,
}

impl Memory {
    fn of(device: &mut Device, ada: &Person) -> Result<Self> {
        let sum = |first: u32| family(first).into_iter().map(memory_of).sum::<Result<u64>>();
        Ok(Self { device: sum(device.process()?.id())?, person: sum(ada.background()?)? })
    }
}

fn verdict(
    device: &Device,
    ada: &Person,
    watcher: &people::Watcher,
    told: &Told,
    read: &people::Read,
) -> Result<()> {
    // Whoever watched all the time hears of what happens now, and of nothing else after it.
    ada.run(["invoke", "garage/door/close"])?.success()?;
    watcher.sees("closed")?;
    ada.run(["invoke", "garage/door/open"])?.success()?;
    watcher.sees("open")?;

    device.run(["journal", "verify"])?.success()?;
    ada.run(["log", "garage", "--verify"])?.success()?;
    let journal = Requests::of(device, "door")?;
    let moved = device.door().movements();
    println!(
        "{journal}; {moved} movements; told: {} done, {} unknown, {} not asked, otherwise {:?}; read {} times, {} in vain",
        told.done.len(),
        told.unknown,
        told.unreachable,
        told.otherwise,
        read.answers,
        read.in_vain
    );
    ensure!(told.done.len() > 10 && read.answers > 10, "a soak in which nothing happened");
    ensure!(journal.all_have_ended(), "a request without an end");
    ensure!(journal.explain(moved), "{moved} movements, and {journal}");
    told.agrees_with(&journal)
}
