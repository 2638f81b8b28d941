//! `streembit invoke`

use serde::Serialize;
use serde_json::{Value, json};
use streembit_peer::message::{Operation, Receipt};

use super::Patience;
use crate::address::{Kind, Typed};
use crate::desk::{self, Desk};
use crate::directory::Entry;
use crate::error::Outcome;
use crate::output::{Render, Style, show_value};
use crate::value;

/// The arguments of `streembit invoke`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  streembit invoke garage/door/open
  streembit invoke open                 where nothing else has this action
  streembit invoke move '{\"position\": 50}'
  streembit invoke move 50 --timeout 2m
  streembit invoke move 50 --no-wait    then: streembit invoke move --query ID

Nothing is done twice: where the connection breaks, the same request is asked again and the device knows it.")]
pub struct Args {
    /// The action: DEVICE/THING/ACTION, or as much of it as is not ambiguous
    pub address: Typed,
    /// Its input in JSON; a bare word where the schema says string; `-` for standard input; `@FILE` for a file
    #[arg(allow_hyphen_values = true, conflicts_with_all = ["query", "cancel"])]
    pub input: Option<String>,
    /// Do not wait for the end of an action that takes its time
    #[arg(long, conflicts_with_all = ["query", "cancel"])]
    pub no_wait: bool,
    /// Ask how an action that was started is doing
    #[arg(long, value_name = "ID", conflicts_with = "cancel")]
    pub query: Option<String>,
    /// Ask an action that was started to stop
    #[arg(long, value_name = "ID")]
    pub cancel: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Invoked {
    /// The action.
    pub address: String,
    /// Its output, or how it is doing.
    pub value: Value,
    /// What `--query` and `--cancel` call it, where it runs on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    /// Where the device's journal has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

/// Invokes an action, or asks about one.
pub async fn run(desk: &Desk, args: Args) -> Outcome<Invoked> {
    let found = desk.find(&args.address, Kind::Action).await?;
    let (op, input) = match (&args.query, &args.cancel) {
        (Some(id), _) => (Operation::QueryAction, Some(json!({ "action": id }))),
        (None, Some(id)) => (Operation::CancelAction, Some(json!({ "action": id }))),
        (None, None) => {
            let schema = found.entry().and_then(Entry::input);
            let input = args.input.as_deref();
            let input = input.map(|typed| value::parse(typed, schema, &mut std::io::stdin())).transpose()?;
            (Operation::InvokeAction, input)
        }
    };
    let mut call = desk::call(found.address(), op, input, args.patience.timeout);
    call.wait = !args.no_wait;
    let progress = desk.output().progress(found.address().to_string());
    let answered = desk.call(call).await.map_err(|e| desk::explained(e, &found, op))?;
    drop(progress);
    Ok(Invoked {
        address: found.address().to_string(),
        value: answered.value,
        pending: answered.pending,
        receipt: answered.receipt,
    })
}

impl Render for Invoked {
    fn text(&self, style: Style) -> String {
        match (&self.pending, &self.value) {
            (Some(id), _) => {
                let address = &self.address;
                format!(
                    "{} as {id}. `streembit invoke {address} --query {id}` asks about it.",
                    style.warning("Running")
                )
            }
            (None, Value::Null) => format!("{} {}", style.good("Done:"), self.address),
            (None, value) => show_value(value),
        }
    }
}
