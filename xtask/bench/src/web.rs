//! The yardstick from the Web of Things: node-wot's counter, read over plain HTTP without any security.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::figures::Figures;
use crate::load::{self, Requester};
use crate::processes::Running;

const COUNTER: &str = include_str!("counter.cjs");

/// Start, memory, and reads: one at a time, and 64 on as many connections.
pub(crate) async fn measure(figures: &mut Figures, folder: &Path, span: Duration) -> Result<()> {
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let begun = Instant::now();
    let mut command = Command::new("node");
    command.args(["-e", COUNTER]).arg(port.to_string()).current_dir(folder);
    let mut server = Running::start(&mut command, Stdio::piped())?;
    let mut ready = [0; 6];
    server
        .child()
        .stdout
        .as_mut()
        .context("no pipe")?
        .read_exact(&mut ready)
        .context("node-wot did not start")?;
    let mut first = Reader::connect(port).await?;
    first.once().await?;
    figures.note("node-wot.start", begun.elapsed().as_secs_f64() * 1e3, "ms");

    for outstanding in [1, 64] {
        let readers = std::sync::Mutex::new(connections(port, 2 * outstanding).await?);
        let next = || readers.lock().ok().and_then(|mut readers| readers.pop()).unwrap_or_default();
        load::keep(outstanding, span / 5, next).await?;
        let before = server.cpu()?;
        let outcome = load::keep(outstanding, span, next).await?;
        outcome.note(figures, &format!("node-wot.{outstanding}"), server.cpu()?.saturating_sub(before));
    }
    figures.note("node-wot.memory", server.memory()? as f64 / 1e6, "MB");
    Ok(())
}

async fn connections(port: u16, count: usize) -> Result<Vec<Reader>> {
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Reader::connect(port).await?);
    }
    Ok(all)
}

/// One HTTP/1.1 connection that is kept.
#[derive(Default)]
struct Reader(Option<BufReader<TcpStream>>);

impl Reader {
    async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(Some(BufReader::new(stream))))
    }
}

impl Requester for Reader {
    async fn once(&mut self) -> Result<()> {
        let stream = self.0.as_mut().context("no connection")?;
        stream.write_all(b"GET /counter/properties/count HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
        let (mut line, mut length, mut chunked, mut ok) = (String::new(), 0, false, false);
        loop {
            line.clear();
            ensure!(stream.read_line(&mut line).await? > 0, "node-wot closed the connection");
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            ok |= header.starts_with("http/1.1 200");
            chunked |= header == "transfer-encoding: chunked";
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        ensure!(ok, "node-wot refused the read");
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        while chunked {
            line.clear();
            stream.read_line(&mut line).await?;
            let size = usize::from_str_radix(line.trim(), 16)?;
            // Each chunk, the last and empty one too, ends with a line's end.
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).await?;
            chunked = size > 0;
        }
        Ok(())
    }
}
