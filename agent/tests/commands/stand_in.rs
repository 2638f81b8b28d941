//! A door that counts its movements.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use streembit_agent::journal::Mark;
use streembit_agent::things::{Answer, Completion, Fault, Health, Invocation, Notice, Thing};
use streembit_thing_descriptions::ThingModel;
use tokio::sync::{Notify, broadcast};

pub const MODEL: &str = r#"{
  "@context": "https://www.w3.org/2022/wot/td/v1.1",
  "@type": "tm:ThingModel",
  "title": "Door",
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
  "events": {
    "obstruction": { "data": { "type": "integer" } },
    "bell": {}
  }
}"#;

/// What the door does when it is asked.
#[derive(Default)]
pub struct Behaviour {
    /// Every call waits until this is notified.
    pub hold: Option<Arc<Notify>>,
    /// What a read answers in place of the truth.
    pub lie: Option<Value>,
    /// What every action puts out at once.
    pub output: Option<Value>,
    /// What every call fails with.
    pub fault: Option<Fault>,
    /// An action moves before it waits or fails.
    pub moves_first: bool,
}

pub struct StandIn {
    model: ThingModel,
    moved: AtomicU64,
    read: AtomicU64,
    pub travelling: Mutex<Vec<Invocation>>,
    pub cancelled: Mutex<Vec<u64>>,
    properties: Mutex<HashMap<String, Value>>,
    pub behaviour: Mutex<Behaviour>,
    /// Where each movement leaves a durable byte, for a test that kills the process.
    pub trace: Mutex<Option<File>>,
    notices: broadcast::Sender<Notice>,
}

impl StandIn {
    pub fn new() -> Arc<Self> {
        Self::with_model(MODEL)
    }

    /// A Thing of another model, which has events and no more.
    pub fn with_model(model: &str) -> Arc<Self> {
        let properties = [("state".to_owned(), json!("closed")), ("speed".to_owned(), json!(5))];
        Arc::new(Self {
            model: ThingModel::parse(model.as_bytes()).unwrap(),
            moved: AtomicU64::new(0),
            read: AtomicU64::new(0),
            travelling: Mutex::default(),
            cancelled: Mutex::default(),
            properties: Mutex::new(properties.into()),
            behaviour: Mutex::default(),
            trace: Mutex::default(),
            notices: broadcast::channel(64).0,
        })
    }

    /// How often it moved.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::SeqCst)
    }

    /// How often it was read.
    pub fn reads(&self) -> u64 {
        self.read.load(Ordering::SeqCst)
    }

    pub fn notice(&self, notice: Notice) {
        let _ = self.notices.send(notice);
    }

    pub fn changed(&self, name: &str, value: Value) {
        self.properties.lock().unwrap().insert(name.into(), value.clone());
        self.notice(Notice::PropertyChanged { name: name.into(), value: value.into() });
    }

    pub fn event(&self, name: &str, data: Option<Value>) {
        self.notice(Notice::Event { name: name.into(), data: data.map(Into::into) });
    }

    fn moves(&self, mark: &Mark) {
        streembit_agent::failpoint!("move-before");
        mark.touch().unwrap();
        if let Some(trace) = self.trace.lock().unwrap().as_mut() {
            trace.write_all(b"m").unwrap();
            trace.sync_all().unwrap();
        }
        self.moved.fetch_add(1, Ordering::SeqCst);
        streembit_agent::failpoint!("move-after");
    }

    async fn asked(&self) -> Result<(), Fault> {
        let (hold, fault) = {
            let behaviour = self.behaviour.lock().unwrap();
            (behaviour.hold.clone(), behaviour.fault.clone())
        };
        if let Some(hold) = hold {
            hold.notified().await;
        }
        fault.map_or(Ok(()), Err)
    }
}

impl Thing for StandIn {
    fn model(&self) -> &ThingModel {
        &self.model
    }

    fn health(&self) -> Health {
        Health::Running
    }

    fn read_property<'a>(&'a self, name: &'a str) -> Answer<'a, Value> {
        Box::pin(async move {
            self.asked().await?;
            self.read.fetch_add(1, Ordering::SeqCst);
            if let Some(lie) = &self.behaviour.lock().unwrap().lie {
                return Ok(lie.clone());
            }
            self.properties.lock().unwrap().get(name).cloned().ok_or(Fault::Failed("no value".into()))
        })
    }

    fn marks(&self) -> bool {
        true
    }

    fn write_property<'a>(&'a self, name: &'a str, value: Value, mark: Mark) -> Answer<'a, ()> {
        Box::pin(async move {
            self.asked().await?;
            self.moves(&mark);
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
            if self.behaviour.lock().unwrap().moves_first {
                self.moves(&call.mark);
            }
            self.asked().await?;
            self.moves(&call.mark);
            if let Some(output) = self.behaviour.lock().unwrap().output.clone() {
                return Ok(Completion::Done(Some(output)));
            }
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

    fn cancel_action(&self, invocation: u64) -> Answer<'_, ()> {
        Box::pin(async move {
            self.asked().await?;
            self.moves(&Mark::default());
            self.cancelled.lock().unwrap().push(invocation);
            Ok(())
        })
    }

    fn notices(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }
}
