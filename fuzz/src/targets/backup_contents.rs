//! What is behind the seal of a backup, as somebody could have written it who has the key: it opens only where the device's own
//! signatures in it hold.

use streembit_agent::backup::Backup;

use crate::fixed::DEVICE;

pub fn run(input: &[u8]) {
    let Ok(opened) = Backup::of_json(DEVICE.clone(), input) else { return };
    let (standing, rights) = (opened.standing, opened.rights);
    assert_eq!((rights.seq(), rights.head()), (standing.rights, standing.rights_head));
    assert_eq!(rights.device(), DEVICE.public().thumbprint());
    assert_eq!(opened.backup.journal.check(DEVICE.public()).expect("it held a moment ago").1, rights);
}
