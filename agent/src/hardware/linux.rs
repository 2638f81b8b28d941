//! Lines of the Linux GPIO character device, through `gpiocdev`. Debouncing is the kernel's.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gpiocdev::line::{EdgeDetection, EdgeKind as Kind, Value};
use gpiocdev::tokio::AsyncRequest;
use gpiocdev::{Chip, Request};
use tokio::sync::mpsc;

use super::input::{QUEUE, offer};
use super::{
    Bias, Binding, Drive, EdgeKind, Edges, Gpio, HardwareError, InputLine, Line, LineId, OutputLine,
};

/// The GPIO chips below `/dev`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linux;

/// Who holds the line, in `gpioinfo`.
pub const CONSUMER: &str = "streembit";

impl Gpio for Linux {
    fn output(&self, binding: &Binding) -> Result<Box<dyn OutputLine>, HardwareError> {
        let (mut builder, offset) = request(binding)?;
        builder.as_output(value(binding.safe));
        let request = builder.request().map_err(|error| opening(&binding.line, error))?;
        Ok(Box::new(LinuxOutput { line: binding.line.clone(), request, offset }))
    }

    fn input(&self, binding: &Binding) -> Result<Box<dyn InputLine>, HardwareError> {
        let (mut builder, offset) = request(binding)?;
        builder.as_input();
        if let Some(bias) = binding.bias {
            builder.with_bias(match bias {
                Bias::PullUp => gpiocdev::line::Bias::PullUp,
                Bias::PullDown => gpiocdev::line::Bias::PullDown,
            });
        }
        let request = builder.request().map_err(|error| opening(&binding.line, error))?;
        Ok(Box::new(LinuxInput {
            line: binding.line.clone(),
            request: Arc::new(AsyncRequest::new(request)),
            offset,
        }))
    }
}

/// A request for the line, without its direction.
fn request(binding: &Binding) -> Result<(gpiocdev::request::Builder, u32), HardwareError> {
    let line = &binding.line;
    let path = Path::new("/dev").join(&line.chip);
    let offset = match &line.id {
        LineId::Offset(offset) => *offset,
        LineId::Name(_) => offset_of(&Chip::from_path(&path).map_err(|error| opening(line, error))?, line)?,
    };
    let mut builder = Request::builder();
    builder.with_consumer(CONSUMER).on_chip(path).with_line(offset);
    if binding.active_low {
        builder.as_active_low();
    }
    Ok((builder, offset))
}

/// The number of the line on its chip.
pub(super) fn offset_of(chip: &Chip, line: &Line) -> Result<u32, HardwareError> {
    match &line.id {
        LineId::Offset(offset) => Ok(*offset),
        LineId::Name(name) => {
            let info = chip.find_line_info(name);
            Ok(info.ok_or_else(|| no_such(line, "the chip has no line of that name"))?.offset)
        }
    }
}

struct LinuxOutput {
    line: Line,
    request: Request,
    offset: u32,
}

impl OutputLine for LinuxOutput {
    fn drive(&self, drive: Drive) -> Result<(), HardwareError> {
        let set = self.request.set_value(self.offset, value(drive.active()));
        set.map_err(|error| failed(&self.line, error))
    }

    fn is_active(&self) -> Result<bool, HardwareError> {
        read(&self.line, &self.request, self.offset)
    }
}

struct LinuxInput {
    line: Line,
    request: Arc<AsyncRequest>,
    offset: u32,
}

impl InputLine for LinuxInput {
    fn is_active(&self) -> Result<bool, HardwareError> {
        read(&self.line, self.request.as_ref().as_ref(), self.offset)
    }

    fn watch(&self, kind: EdgeKind, debounce: Duration) -> Result<Edges, HardwareError> {
        let mut config = self.request.as_ref().as_ref().config();
        config.with_edge_detection(match kind {
            EdgeKind::Rising => EdgeDetection::RisingEdge,
            EdgeKind::Falling => EdgeDetection::FallingEdge,
            EdgeKind::Both => EdgeDetection::BothEdges,
        });
        if !debounce.is_zero() {
            config.with_debounce_period(debounce);
        }
        self.request.as_ref().as_ref().reconfigure(&config).map_err(|error| failed(&self.line, error))?;
        let (edges, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(forward(Arc::clone(&self.request), edges, self.line.clone()));
        Ok(Edges::new(receiver, AbortOnDrop(task)))
    }
}

async fn forward(request: Arc<AsyncRequest>, edges: mpsc::Sender<super::Edge>, line: Line) {
    let mut missed = 0;
    loop {
        match request.read_edge_event().await {
            Ok(event) => {
                let at = Duration::from_nanos(event.timestamp_ns);
                offer(&edges, &mut missed, event.kind == Kind::Rising, at);
            }
            Err(error) => return tracing::error!(%line, %error, "edges have ended"),
        }
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn read(line: &Line, request: &Request, offset: u32) -> Result<bool, HardwareError> {
    let level = request.value(offset).map_err(|error| failed(line, error))?;
    Ok(level == Value::Active)
}

fn value(active: bool) -> Value {
    if active { Value::Active } else { Value::Inactive }
}

pub(super) fn no_such(line: &Line, reason: &str) -> HardwareError {
    HardwareError::NoSuchLine { line: line.to_string(), reason: reason.to_owned() }
}

/// EBUSY is somebody else's line; everything else while opening says that it cannot be had.
pub(super) fn opening(line: &Line, error: gpiocdev::Error) -> HardwareError {
    let text = error.to_string();
    if text.contains("busy") {
        return HardwareError::InUse { line: line.to_string() };
    }
    no_such(line, &text)
}

fn failed(line: &Line, error: gpiocdev::Error) -> HardwareError {
    HardwareError::Failed { line: line.to_string(), reason: error.to_string() }
}
