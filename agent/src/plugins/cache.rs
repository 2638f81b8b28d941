//! Compiled code on disk.
//!
//! The engine trusts compiled code as it trusts itself, so a file that somebody else wrote would be native code of
//! theirs. Each file begins with a JWS of the device over the hashes of code and component and the engine with its
//! settings; one that does not verify is compiled again. Code is read into memory once, and it is that memory which is
//! checked and handed over.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use streembit_keys::{files, jws};
use streembit_plugin_host::ENGINE;
use streembit_plugin_host::compiled::MAX_CODE;

use super::component::Component;
use super::memory_file::MemoryFile;
use super::{PluginError, Setup, compiler};

/// The kind of the signature.
const TYP: jws::Typ = jws::Typ::new("sb-code");

/// Longest first line of a file; ours have about 400 bytes.
const MAX_LINE: usize = 2048;

/// What the device signs.
#[derive(serde::Serialize, serde::Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Claim {
    code: String,
    component: String,
    engine: String,
}

/// The code of a component: from the folder if it is the device's own, else compiled now and kept.
pub(super) async fn code(setup: &Setup, component: &Component) -> Result<MemoryFile, PluginError> {
    let path = path(setup, component);
    match read(setup, component) {
        Ok(Some(code)) => return memory_file(&code),
        Ok(None) => {}
        Err(reason) => {
            tracing::warn!(path = %path.display(), reason, "compiled code is not ours: compiling again");
        }
    }
    let code = compiler::compile(&setup.programs, &component.bytes()?).await?;
    let claim = serde_json::to_vec(&claim(component, &code)).map_err(|e| PluginError::Code(e.to_string()))?;
    let mut file = jws::sign(&setup.key, TYP, &claim).into_bytes();
    file.push(b'\n');
    file.extend_from_slice(&code);
    let folder = path.parent().unwrap_or(&setup.folder);
    let kept = files::create_dir_private(&setup.folder)
        .and_then(|()| files::create_dir_private(folder))
        .and_then(|()| files::write_atomic(&path, &file, 0o600));
    if let Err(error) = kept {
        // A full disk costs a compilation at each start, and nothing else.
        tracing::warn!(%error, "compiled code cannot be kept");
    }
    memory_file(&code)
}

fn memory_file(code: &[u8]) -> Result<MemoryFile, PluginError> {
    MemoryFile::sealed(code).map_err(|error| PluginError::Code(error.to_string()))
}

fn path(setup: &Setup, component: &Component) -> PathBuf {
    // One file a component: code for an older engine is replaced by that for the newer.
    setup.folder.join("code").join(URL_SAFE_NO_PAD.encode(component.hash))
}

fn claim(component: &Component, code: &[u8]) -> Claim {
    Claim {
        code: URL_SAFE_NO_PAD.encode(Sha256::digest(code)),
        component: URL_SAFE_NO_PAD.encode(component.hash),
        engine: ENGINE.to_owned(),
    }
}

/// The code in the folder. `Err` says why what lies there is not to be used.
fn read(setup: &Setup, component: &Component) -> Result<Option<Vec<u8>>, String> {
    let mut file = match files::read_bounded(&path(setup, component), (MAX_LINE + MAX_CODE) as u64) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let line = file.iter().take(MAX_LINE).position(|byte| *byte == b'\n').ok_or("it has no signature")?;
    let code = file.split_off(line + 1);
    file.truncate(line);
    let jws = std::str::from_utf8(&file).map_err(|_| "its signature is no text")?;
    let payload = jws::verify(jws, TYP, setup.key.public()).map_err(|error| error.to_string())?;
    let signed: Claim = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
    if signed.engine != ENGINE {
        // Nothing is wrong: the agent was updated.
        return Ok(None);
    }
    if signed != claim(component, &code) {
        return Err("its signature is of other code".to_owned());
    }
    Ok(Some(code))
}

/// Code that the engine refused is compiled again at the next start.
pub(super) fn forget(setup: &Setup, component: &Component) {
    if let Err(error) = std::fs::remove_file(path(setup, component)) {
        tracing::warn!(%error, "compiled code cannot be removed");
    }
}
