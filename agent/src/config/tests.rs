use std::fs;
use std::time::Duration;

use super::*;

#[test]
fn the_default_file_says_what_is_the_default_anyway() {
    assert_eq!(Config::parse(DEFAULT).unwrap(), Config::default());
    assert_eq!(Config::parse("").unwrap(), Config::default());
    assert_eq!(Config::default().network.listen.len(), 2);
}

#[test]
fn the_commented_out_settings_are_right_too() {
    let all: String = DEFAULT
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = Config::parse(&all).unwrap();
    assert_eq!(config.name.as_deref(), Some("Garage"));
    assert_eq!(config.plugins.len(), 1);
}

/// What `config check` must name for each mistake: line, key, and a word of the reason.
#[test]
fn every_mistake_is_named_by_line_and_key() {
    let cases: [(&str, usize, &str, &str); 13] = [
        ("nmae = \"x\"\n", 1, "nmae", "unknown field"),
        ("[network]\nmdns = true\nmnds = true\n", 3, "network.mnds", "unknown field"),
        ("[network]\nmdns = \"yes\"\n", 2, "network.mdns", "boolean"),
        ("[network]\nlisten = [\n  \"/ip4/1.2.3.4/tcp/1\",\n  \"nonsense\",\n]\n", 4, "network.listen", ""),
        ("[netwrok]\n", 1, "netwrok", "unknown field"),
        ("\n[metrics]\nlisten = \"0.0.0.0:9464\"\n", 3, "metrics.listen", "this machine alone"),
        ("name = \"\"\n", 1, "name", ""),
        ("[plugins.door]\n", 1, "plugins.door", "component"),
        ("[plugins.door]\ncomponent = 5\n", 2, "plugins.door.component", "path string"),
        ("[journal]\nkeep-days = 0\n", 2, "journal.keep-days", "nonzero"),
        (
            "[plugins.door]\ncomponent = \"x\"\ngrants = { open = \"line 4\" }\n",
            3,
            "plugins.door.grants",
            "line 4",
        ),
        ("name = \"a\"\nname = \"b\"\n", 2, "name", "duplicate"),
        ("[plugins.\"a b\"]\ncomponent = \"x\"\n", 1, "plugins.\"a b\"", ""),
    ];
    for (text, line, key, reason) in cases {
        let error = Config::parse(text).unwrap_err();
        assert_eq!(error.line(), Some(line), "{text}: {error}");
        if !key.contains('"') {
            assert_eq!(error.key(), Some(key), "{text}: {error}");
        }
        assert!(error.message().contains(reason), "{text}: {error}");
        assert!(error.to_string().contains(&format!("line {line}")), "{error}");
    }
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, "name = \"a\"\n[network\n").unwrap();
    let error = Config::load(&path).unwrap_err();
    assert_eq!(error.line(), Some(2));
    assert!(error.to_string().contains("config.toml, line 2"), "{error}");
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("UTF-8"));
    fs::write(&path, "#".repeat(300 * 1024)).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("too long"));
}

#[test]
fn the_device_itself_cannot_be_taken_as_a_name() {
    let error = Config::parse("[plugins.device]\ncomponent = \"x\"\n").unwrap_err();
    assert!(error.message().contains("device itself"), "{error}");
}

#[test]
fn what_needs_a_restart_is_named() {
    let old = Config::default();
    let new = Config::parse("[network]\nmdns = false\n[plugins.door]\ncomponent = \"x\"\n").unwrap();
    assert_eq!(old.needs_restart(&new), ["network.mdns"]);
    assert!(old.needs_restart(&old).is_empty());
}

async fn next(watcher: &mut Watcher) -> Reload {
    tokio::time::timeout(Duration::from_secs(20), watcher.next()).await.expect("the change is noticed")
}

#[tokio::test]
async fn a_changed_file_is_read_again_however_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, "name = \"a\"\n").unwrap();
    let mut watcher = Watcher::new(&path);

    fs::write(&path, "name = \"b\"\n").unwrap();
    assert_eq!(next(&mut watcher).await.unwrap().name.as_deref(), Some("b"));

    // As an editor does that writes another file and renames it.
    fs::write(folder.path().join("new"), "name = \"c\"\n").unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(next(&mut watcher).await.unwrap().name.as_deref(), Some("c"));

    fs::write(&path, "nmae = \"d\"\n").unwrap();
    assert_eq!(next(&mut watcher).await.unwrap_err().key(), Some("nmae"));
}

#[tokio::test]
async fn reading_the_file_or_writing_another_one_is_no_change() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, "name = \"a\"\n").unwrap();
    let mut watcher = Watcher::new(&path);
    fs::read(&path).unwrap();
    fs::write(folder.path().join("state.db"), "x").unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(1), watcher.next()).await.is_err());
    // Asked, it reads all the same.
    watcher.asker().try_send(()).unwrap();
    assert!(next(&mut watcher).await.is_ok());
}

/// The tables of the file that have a fixed set of keys, by a file in which one of them has a key that nobody knows.
const TABLES: [(&str, &str); 7] = [
    ("", "??? = 1"),
    ("/properties/network", "[network]\n??? = 1"),
    ("/properties/journal", "[journal]\n??? = 1"),
    ("/properties/hardware", "[hardware]\n??? = 1"),
    ("/properties/sandbox", "[sandbox]\n??? = 1"),
    ("/properties/metrics", "[metrics]\n??? = 1"),
    ("/properties/plugins/additionalProperties", "[plugins.door]\n??? = 1"),
];

#[test]
fn the_schema_knows_the_settings_that_the_reader_knows() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    for (table, text) in TABLES {
        let error = Config::parse(&text.replace("???", "unheard-of")).unwrap_err();
        let known: std::collections::BTreeSet<&str> = error.message().split('`').skip(3).step_by(2).collect();
        let table = schema.pointer(table).unwrap();
        let described: std::collections::BTreeSet<&str> =
            table["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(known, described, "{}", error.message());
        assert!(!table["additionalProperties"].as_bool().unwrap_or(false));
    }
}

#[test]
fn the_schema_says_the_defaults_that_are_in_force() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
    let mut seen = 0;
    for table in ["network", "journal"] {
        for (key, setting) in schema["properties"][table]["properties"].as_object().unwrap() {
            let said = setting.get("default").cloned();
            assert_eq!(said, Config::default().get(&format!("{table}.{key}")), "{table}.{key}");
            seen += usize::from(said.is_some());
        }
    }
    assert_eq!(seen, 5);
}

#[test]
fn the_schema_takes_what_the_reader_takes_and_refuses_what_it_refuses() {
    let schema = jsonschema::draft7::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
    let valid = |text: &str| {
        let value: toml::Value = toml::from_str(text).unwrap();
        schema.is_valid(&serde_json::to_value(value).unwrap())
    };
    let all = "name = \"Garage\"\n[network]\nmdns = false\nlisten = []\n[journal]\nreads = false\nkeep-days = 3\n\
               [hardware]\nsimulated = \"/x\"\n[sandbox]\nfolder = \"/x\"\n[metrics]\nlisten = \"[::1]:1\"\n[plugins.door]\ncomponent = \"x\"\n\
               settings = { a = 1 }\ngroup = \"g\"\ngrants = { open = \"gpiochip0 line 4, output\" }\n";
    for (text, right) in [
        (DEFAULT, true),
        (all, true),
        ("nmae = \"x\"", false),
        ("name = \"\"", false),
        ("[network]\nmdns = \"yes\"", false),
        ("[journal]\nkeep-days = 0", false),
        ("[metrics]\nlisten = \"0.0.0.0:9464\"", false),
        ("[metrics]\nlisten = \"127.0.0.1:0\"", false),
        ("[plugins.door]", false),
        ("[plugins.device]\ncomponent = \"x\"", false),
        ("[plugins.\"a b\"]\ncomponent = \"x\"", false),
    ] {
        assert_eq!(valid(text), right, "the schema: {text}");
        assert_eq!(Config::parse(text).is_ok(), right, "the reader: {text}");
    }
}
