//! What a device is called here where its person does not say.

use crate::address::check_contact_name;

/// A name for addresses: out of what the device calls itself, or of its fingerprint where that gives none.
pub fn proposed(title: Option<&str>, fingerprint: &str) -> String {
    title.and_then(slug).unwrap_or_else(|| unnamed(fingerprint))
}

/// A name for addresses out of a title: `Garage (left)` becomes `garage-left`.
fn slug(title: &str) -> Option<String> {
    let mut slug = String::new();
    for c in title.chars().take(48) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-').to_owned();
    check_contact_name(&slug).is_ok().then_some(slug)
}

/// A device that has no name of its own is named after its fingerprint.
fn unnamed(fingerprint: &str) -> String {
    let short: String = fingerprint.chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    format!("device-{}", short.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_make_names() {
        assert_eq!(slug("Garage (left)"), Some("garage-left".into()));
        assert_eq!(slug("  Tür  "), Some("t-r".into()));
        assert_eq!(slug("device"), None, "that is the device's own Thing");
        assert_eq!(slug("門"), None);
        assert!(check_contact_name(&unnamed("_-Ab9dEf")).is_ok());
        assert_eq!(proposed(Some("門"), "_-Ab9dEf"), "device-ab9d");
    }
}
