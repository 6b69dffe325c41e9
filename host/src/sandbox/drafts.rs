//! Interfaces of WASI that are proposals still and that toolchains import all the same: `wasi:config` and `wasi:logging`, under
//! each of the names that they had. Behind them is what the plugin has anyway: its variables, and the host's log.

use wasmtime::{
    StoreContextMut,
    component::{ComponentType, Lift, Linker, Lower},
};

use super::{bindings::toolcell::plugin::log, state::CallState};

const CONFIG: [&str; 3] =
    ["wasi:config/store@0.2.0-rc.1", "wasi:config/store@0.2.0-draft", "wasi:config/runtime@0.2.0-draft"];
const LOGGING: [&str; 2] = ["wasi:logging/logging", "wasi:logging/logging@0.1.0-draft"];

pub(super) fn add_to_linker(linker: &mut Linker<CallState>) -> wasmtime::Result<()> {
    for name in CONFIG {
        let mut instance = linker.instance(name)?;
        instance.func_wrap("get", |store: StoreContextMut<'_, CallState>, (key,): (String,)| {
            let found = store.data().env.iter().find(|(name, _)| *name == key);
            let value: Result<_, ConfigError> = Ok(found.map(|(_, value)| value.clone()));
            Ok((value,))
        })?;
        instance.func_wrap("get-all", |store: StoreContextMut<'_, CallState>, (): ()| {
            let values: Result<_, ConfigError> = Ok(store.data().env.to_vec());
            Ok((values,))
        })?;
    }
    for name in LOGGING {
        let mut instance = linker.instance(name)?;
        instance.func_wrap(
            "log",
            |mut store: StoreContextMut<'_, CallState>, (level, context, message): (Level, String, String)| {
                let line = if context.is_empty() { message } else { format!("{context}: {message}") };
                log::Host::log(store.data_mut(), level.into(), line);
                Ok(())
            },
        )?;
    }
    Ok(())
}

/// The interface has errors, and none of them happens here.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum ConfigError {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make them")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

impl From<Level> for log::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace | Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error | Level::Critical => Self::Error,
        }
    }
}
