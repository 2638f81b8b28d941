//! A line on the control socket.

use streembit_agent::control::Call;

pub fn run(input: &[u8]) {
    let Ok(call) = serde_json::from_slice::<Call>(input) else { return };
    let again = serde_json::to_vec(&call).expect("what was read can be written");
    assert_eq!(serde_json::from_slice::<Call>(&again).expect("and read again"), call);
}
