use std::path::PathBuf;

use streembit_plugin_api::Name;
use streembit_plugin_api::imports::Unserved;
use streembit_plugin_api::manifest::ManifestError;
use streembit_plugin_api::section::SectionError;

/// Why a plugin cannot be installed or run.
#[derive(Debug, thiserror::Error)]
pub enum PluginError {
    /// The component's file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is no component with a manifest.
    #[error("{path}: {error}")]
    Component {
        /// The file.
        path: PathBuf,
        /// Why.
        error: SectionError,
    },
    /// The manifest is wrong.
    #[error("the manifest in {path}, {error}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: ManifestError,
    },
    /// The manifest's Thing Model is wrong.
    #[error("the Thing Model of {plugin}: {reason}")]
    Model {
        /// The plugin.
        plugin: String,
        /// Where and why.
        reason: String,
    },
    /// A resource that the plugin requires is not granted.
    #[error("{plugin} needs `{name}` and has no grant for it. It says why: {reason}")]
    NotGranted {
        /// The plugin.
        plugin: String,
        /// The logical name.
        name: Name,
        /// The plugin's reason.
        reason: String,
    },
    /// A grant that the plugin never asked for.
    #[error("`{name}` is granted, but {plugin} does not ask for it")]
    NotAskedFor {
        /// The plugin.
        plugin: String,
        /// The logical name.
        name: Name,
    },
    /// A grant of another kind.
    #[error("`{name}` must be a {wanted}, but is granted `{binding}`")]
    WrongGrant {
        /// The logical name.
        name: Name,
        /// What the plugin asks for.
        wanted: &'static str,
        /// What is granted.
        binding: String,
    },
    /// The settings are too long.
    #[error("the settings of a plugin are at most 64 KiB of JSON")]
    SettingsTooLong,
    /// It imports what this agent does not serve.
    #[error(transparent)]
    Unserved(#[from] Unserved),
    /// The compiler refused it.
    #[error("the component cannot be compiled: {0}")]
    Compile(String),
    /// A program of the sandbox cannot be started.
    #[error("{program} cannot be started: {reason}")]
    Program {
        /// The program.
        program: PathBuf,
        /// Why.
        reason: String,
    },
    /// Compiled code cannot be kept or handed over.
    #[error("compiled code: {0}")]
    Code(String),
    /// There is an instance of that name.
    #[error("there is a plugin instance `{0}` already")]
    Exists(Name),
}
