//! Runs the compiler process for one component.

use std::process::Stdio;
use std::time::Duration;

use streembit_plugin_api::imports;
use streembit_plugin_host::ENGINE;
use streembit_plugin_host::compiled::{self, Compiled, MAX_CODE};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{PluginError, Programs};

/// Longest compilation. The compiler's own limit of processor time is below it; a loaded machine takes longer.
const TIME: Duration = Duration::from_secs(180);

/// Compiles a component and checks that this agent serves what it imports.
pub(super) async fn compile(programs: &Programs, component: &[u8]) -> Result<Vec<u8>, PluginError> {
    let output = tokio::time::timeout(TIME, run(programs, component))
        .await
        .map_err(|_| PluginError::Compile(format!("it took longer than {} s", TIME.as_secs())))??;
    let (compiled, code) =
        compiled::parse(&output).map_err(|error| PluginError::Compile(error.to_string()))?;
    match compiled {
        Compiled::Refused { why } => Err(PluginError::Compile(why)),
        Compiled::Code { engine, .. } if engine != ENGINE => {
            Err(PluginError::Compile(format!("the compiler is for {engine}, this agent for {ENGINE}")))
        }
        Compiled::Code { imports, .. } => {
            imports::check(imports.iter().map(String::as_str))?;
            Ok(code.to_vec())
        }
    }
}

async fn run(programs: &Programs, component: &[u8]) -> Result<Vec<u8>, PluginError> {
    let program = |error: std::io::Error| PluginError::Program {
        program: programs.compiler.clone(),
        reason: error.to_string(),
    };
    let mut child = tokio::process::Command::new(&programs.compiler)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(program)?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // A compiler that ends early says why, or its end does.
            let _ = stdin.write_all(component).await;
        }
    };
    let read = async {
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MAX_CODE as u64 + (1 << 20)).read_to_end(&mut output).await.map_err(program)?;
        }
        Ok(output)
    };
    let ((), output) = tokio::join!(write, read);
    let status = child.wait().await.map_err(program)?;
    if !status.success() {
        return Err(PluginError::Compile(format!("the compiler ended with {status}")));
    }
    output
}
