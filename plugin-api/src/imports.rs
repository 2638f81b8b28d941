//! Which interfaces a component may import.
//!
//! A component's import list is its request for rights. What this agent does not serve is refused when the component is
//! installed, by name, instead of failing when somebody calls it.

/// Interfaces of `streembit:plugin` that this agent serves.
const SERVED: [&str; 6] = ["types", "log", "gpio", "timer", "state", "thing"];

/// WASI interfaces that a Rust or C program imports for its run time alone. The host offers clocks, random numbers and
/// a log behind standard output; everything else in them gives nothing away: no argument, variable, file or socket.
const WASI: [&str; 4] = ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"];

/// The file system's interfaces: the standard library imports them even where no file is ever opened.
const WASI_FILES: [&str; 2] = ["wasi:filesystem/types", "wasi:filesystem/preopens"];

/// An import that this agent does not serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the component imports `{import}`, which this agent does not serve{hint}")]
pub struct Unserved {
    /// The import's name, with its version.
    pub import: String,
    hint: &'static str,
}

/// Whether every import of a component is served; else the first that is not.
pub fn check<'a>(imports: impl IntoIterator<Item = &'a str>) -> Result<(), Unserved> {
    imports.into_iter().try_for_each(check_one)
}

fn check_one(import: &str) -> Result<(), Unserved> {
    let unserved = |hint| Err(Unserved { import: import.chars().take(128).collect(), hint });
    let (interface, version) = import.split_once('@').unwrap_or((import, ""));
    if let Some(ours) = interface.strip_prefix("streembit:plugin/") {
        if !SERVED.contains(&ours) {
            return unserved(": a newer agent may");
        }
        // Compatible as semver sees it: below 1.0 the minor version must be equal (0.1.x).
        return if version.starts_with("0.1.") { Ok(()) } else { unserved(" in that version") };
    }
    let wasi = WASI.iter().any(|prefix| interface.starts_with(prefix)) || WASI_FILES.contains(&interface);
    if wasi && version.starts_with("0.2.") { Ok(()) } else { unserved("") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_passes() {
        let imports = ["streembit:plugin/gpio@0.1.0", "streembit:plugin/log@0.1.7", "wasi:io/streams@0.2.6"];
        assert_eq!(check(imports), Ok(()));
        assert_eq!(check(["wasi:filesystem/types@0.2.9"]), Ok(()));
    }

    #[test]
    fn what_is_not_served_is_named() {
        for import in [
            "streembit:plugin/modbus@0.1.0",
            "streembit:plugin/gpio@0.2.0",
            "streembit:plugin/gpio",
            "wasi:sockets/tcp@0.2.6",
            "wasi:http/outgoing-handler@0.2.6",
            "wasi:io/streams@0.3.0",
            "wasi:filesystem/other@0.2.6",
            "env",
        ] {
            let refused = check(["streembit:plugin/log@0.1.0", import]).unwrap_err();
            assert_eq!(refused.import, import);
            assert!(refused.to_string().contains(import));
        }
    }
}
