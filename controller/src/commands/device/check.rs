//! `streembit device check`

use serde::Serialize;
use streembit_peer::health::{Level, Point};

use crate::desk::{Desk, TIMEOUT};
use crate::error::{Failure, Outcome};
use crate::output::{Render, Style, printable};

/// What a device found when it looked at itself.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    /// Its name here.
    pub device: String,
    /// Each point, by number.
    pub points: Vec<Point>,
}

/// Asks a device whether all is well.
pub(super) async fn run(desk: &Desk, device: Option<&str>) -> Outcome<Checked> {
    let contact = desk.home().contacts()?.one(device)?;
    let value = desk.device_property(&contact.name, "health", TIMEOUT).await?;
    let points = serde_json::from_value(value).map_err(|_| {
        Failure::because(format!("{} said how it is in an unknown way.", contact.name))
            .or("Its program may be newer than this one.")
    })?;
    Ok(Checked { device: contact.name, points })
}

impl Checked {
    /// A failure if something does not work.
    pub(super) fn verdict(&self) -> Outcome<()> {
        let mut codes: Vec<String> = self.of(Level::Bad).map(|point| format!("{:02}", point.code)).collect();
        codes.dedup();
        if codes.is_empty() {
            return Ok(());
        }
        Err(Failure::because(format!("Something does not work on {} ({}).", self.device, codes.join(", ")))
            .or("What to do about it stands below each point."))
    }

    fn of(&self, level: Level) -> impl Iterator<Item = &Point> {
        self.points.iter().filter(move |point| point.level == level)
    }
}

impl Render for Checked {
    fn text(&self, style: Style) -> String {
        let mut lines: Vec<String> = self.points.iter().map(|point| line(point, style)).collect();
        if self.of(Level::Bad).next().is_none() {
            lines.push(match self.of(Level::Warning).count() {
                0 => format!("All is well on {}.", self.device),
                count => format!("{} works; somebody should look at the warnings ({count}).", self.device),
            });
        }
        lines.join("\n")
    }
}

/// What the device says is its own words: nothing in them may steer the terminal, or look like a point of its own.
fn one_line(words: &str) -> String {
    printable(words).replace(['\n', '\r'], " ")
}

fn line(point: &Point, style: Style) -> String {
    let mark = match point.level {
        Level::Ok => style.good("ok     "),
        Level::Warning => style.warning("warning"),
        Level::Bad => style.bad("BAD    "),
    };
    let remedy = point.remedy.as_ref().map(|remedy| format!("\n         → {}", one_line(remedy)));
    let (title, detail) = (one_line(&point.title()), one_line(&point.detail));
    format!("{mark}  {title}: {detail}{}", remedy.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(points: serde_json::Value) -> Checked {
        Checked { device: "garage".to_owned(), points: serde_json::from_value(points).unwrap() }
    }

    #[test]
    fn what_is_bad_fails_and_what_is_a_warning_does_not() {
        let storage = json!({ "code": 7, "name": "storage", "level": "warning", "detail": "little", "remedy": "Make room." });
        let plugin =
            json!({ "code": 10, "name": "plugin", "subject": "door", "level": "bad", "detail": "trapped" });
        let warned = checked(json!([storage]));
        assert!(warned.verdict().is_ok());
        assert_eq!(
            warned.text(Style::PLAIN),
            "warning  07 storage: little\n         → Make room.\ngarage works; somebody should look at the warnings (1)."
        );
        let broken = checked(json!([storage, plugin]));
        assert!(broken.verdict().unwrap_err().message.contains("(10)"));
        assert!(broken.text(Style::PLAIN).ends_with("BAD      10 plugin door: trapped"));
        assert!(checked(json!([])).text(Style::PLAIN).contains("All is well"));
    }

    #[test]
    fn words_of_a_device_do_not_steer_the_terminal() {
        let hostile = json!({ "code": 1, "name": "x", "level": "ok", "detail": "\u{1b}[2Jgone\nBAD" });
        let text = checked(json!([hostile])).text(Style::PLAIN);
        assert!(!text.contains('\u{1b}') && text.lines().count() == 2, "{text}");
    }
}
