//! The file that people edit: whatever is wrong with it, its error has a line that is there.

use streembit_agent::config::Config;

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Config::parse(text) {
        Ok(config) => assert!(config.needs_restart(&config).is_empty()),
        Err(error) => {
            let lines = text.lines().count().max(1);
            assert!(error.line().is_none_or(|line| (1..=lines + 1).contains(&line)), "{error}");
            let _ = error.to_string();
        }
    }
}
