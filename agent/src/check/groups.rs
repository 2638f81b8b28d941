//! Names of groups, for remedies.

use std::fs;

/// What `/etc/group` calls the group with this number; the number where it has none.
pub(super) fn name_of(id: u32) -> String {
    let file = fs::read_to_string("/etc/group").unwrap_or_default();
    name_in(&file, id).map_or_else(|| id.to_string(), str::to_owned)
}

fn name_in(file: &str, id: u32) -> Option<&str> {
    file.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(id)).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_its_number() {
        let file = "root:x:0:\n\nbroken\ngpio:x:997:streembit,ada\n";
        assert_eq!(name_in(file, 997), Some("gpio"));
        assert_eq!(name_in(file, 1), None);
    }
}
