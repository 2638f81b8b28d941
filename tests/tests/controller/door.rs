//! A door that counts its movements, in place of a plugin.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use streembit_agent::journal::Mark;
use streembit_agent::things::{Answer, Completion, Fault, Health, Invocation, Notice, Thing};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::broadcast;

const MODEL: &str = r#"{
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "@type": "tm:ThingModel",
  "title": "Garage door",
  "properties": {
    "state": { "type": "string", "enum": ["open", "closed"], "readOnly": true, "observable": true },
    "speed": { "type": "integer", "minimum": 1, "maximum": 10, "observable": true },
    "pin": { "type": "string", "pattern": "^[0-9]{4}$", "writeOnly": true }
  },
  "actions": {
    "open": {},
    "turn": {
      "input": {
        "type": "object",
        "properties": { "by": { "type": "integer", "maximum": 90 } },
        "required": ["by"]
      },
      "output": { "type": "integer" }
    },
    "travel": { "output": { "type": "string" } }
  },
  "events": { "obstruction": { "data": { "type": "integer" } } }
}"#;

/// The door.
pub struct Door {
    model: ThingModel,
    moved: AtomicU64,
    /// While it is set, the door answers nothing.
    pub stuck: AtomicBool,
    /// How many have asked while it was.
    pub kept_waiting: AtomicU64,
    /// The actions that run on.
    pub travelling: Mutex<Vec<Invocation>>,
    properties: Mutex<HashMap<String, Value>>,
    notices: broadcast::Sender<Notice>,
}

impl Door {
    pub fn new() -> Arc<Self> {
        Self::of_model(MODEL)
    }

    /// A door whose description has so many bytes more than another's.
    pub fn with_much_to_say(bytes: usize) -> Arc<Self> {
        let mut model: Value = serde_json::from_str(MODEL).unwrap();
        model["description"] = "About this door. ".chars().cycle().take(bytes).collect::<String>().into();
        Self::of_model(&model.to_string())
    }

    fn of_model(model: &str) -> Arc<Self> {
        let properties = [("state".to_owned(), json!("closed")), ("speed".to_owned(), json!(5))];
        Arc::new(Self {
            model: ThingModel::parse(model.as_bytes()).unwrap(),
            moved: AtomicU64::new(0),
            stuck: AtomicBool::new(false),
            kept_waiting: AtomicU64::new(0),
            travelling: Mutex::default(),
            properties: Mutex::new(properties.into()),
            notices: broadcast::channel(64).0,
        })
    }

    /// How often it moved.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::SeqCst)
    }

    pub fn property(&self, name: &str) -> Value {
        self.properties.lock().unwrap()[name].clone()
    }

    pub fn notice(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    pub fn changed(&self, name: &str, value: Value) {
        self.properties.lock().unwrap().insert(name.into(), value.clone());
        self.notice(Notice::PropertyChanged { name: name.into(), value: value.into() });
    }

    pub fn obstructed(&self, by: i64) {
        self.notice(Notice::Event { name: "obstruction".into(), data: Some(json!(by).into()) });
    }

    async fn asked(&self) {
        if self.stuck.load(Ordering::SeqCst) {
            self.kept_waiting.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}

impl Thing for Door {
    fn model(&self) -> &ThingModel {
        &self.model
    }

    fn health(&self) -> Health {
        Health::Running
    }

    fn read_property<'a>(&'a self, name: &'a str) -> Answer<'a, Value> {
        Box::pin(async move {
            self.asked().await;
            self.properties.lock().unwrap().get(name).cloned().ok_or(Fault::Failed("no value".into()))
        })
    }

    fn write_property<'a>(&'a self, name: &'a str, value: Value, _mark: Mark) -> Answer<'a, ()> {
        Box::pin(async move {
            self.moved.fetch_add(1, Ordering::SeqCst);
            self.asked().await;
            self.changed(name, value);
            Ok(())
        })
    }

    fn invoke_action<'a>(
        &'a self,
        name: &'a str,
        input: Option<Value>,
        call: Invocation,
    ) -> Answer<'a, Completion> {
        Box::pin(async move {
            self.moved.fetch_add(1, Ordering::SeqCst);
            self.asked().await;
            match name {
                "open" => {
                    self.changed("state", json!("open"));
                    Ok(Completion::Done(None))
                }
                "turn" => Ok(Completion::Done(input.map(|input| input["by"].clone()))),
                _ => {
                    self.travelling.lock().unwrap().push(call);
                    Ok(Completion::Pending)
                }
            }
        })
    }

    fn cancel_action(&self, _invocation: u64) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}
