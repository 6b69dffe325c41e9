//! How refusals of paths are worded. A path is shown as the plugin gave it, a folder as its manifest writes it.

use super::Parts;
use crate::receipt::{FileDenial, FileRefusal};

/// Why a path was refused, and whose matter it is: the author's, or the operator's.
pub(super) fn denied(FileDenial { path, why, plugin }: &FileDenial) -> Parts {
    let plugin = plugin.as_deref().unwrap_or("PLUGIN");
    let decides = |wanted: &str| {
        format!(
            "whether the plugin is meant to {wanted}; a person decides that with `toolcell allow {plugin}` in a terminal, do \
             not run it yourself"
        )
    };
    let less = "the operator granted less than the plugin asks for";
    let narrowed = "toolcell.toml takes it away";
    match why {
        FileRefusal::NotAsked { .. } => Parts::new(
            format!("the path {path} was refused: it is in no folder that the plugin's manifest asks for"),
            &[
                "an argument names a file that the plugin is not made for; it sees its own folders alone, not those of this machine",
                "the plugin's author left the folder out of the manifest",
            ],
            format!(
                "whether {path} is needed; if so, the plugin's author adds its folder to `files` in plugin.toml, and a person \
                 reviews it"
            ),
        ),
        FileRefusal::NotGranted { folder } => Parts::new(
            format!("the path {path} was refused: the plugin asks for the folder `{folder}` and was not granted it"),
            &[less, narrowed],
            decides("have it"),
        ),
        FileRefusal::ReadOnly { is_asked: true } => Parts::new(
            format!("nothing was changed at {path}: the plugin asks to write there and was granted to read alone"),
            &[less, narrowed],
            decides("write there"),
        ),
        FileRefusal::ReadOnly { is_asked: false } => Parts::new(
            format!("nothing was changed at {path}: the plugin's manifest asks to read there, not to write"),
            &[
                "an argument names a file that is only to be read",
                "the plugin's author left `access = \"read-write\"` out of the manifest",
            ],
            "whether the plugin has to write there; if so, its author says so under `files` in plugin.toml, and a person reviews \
             it",
        ),
        FileRefusal::LeadsOut => Parts::new(
            format!("the path {path} was refused: it leads out of the folder that was granted"),
            &["an argument has `..` in it", "a symbolic link in the folder leads to another place"],
            "where the path came from; a link can be replaced by what it leads to",
        ),
        FileRefusal::Missing { folder } => Parts::new(
            format!("the path {path} was refused: its folder `{folder}` was granted, and the host cannot open it"),
            &["the folder was not made yet, or was moved", "the user who runs toolcell may not read it"],
            format!("what `toolcell check {plugin}` says of the folder"),
        ),
    }
}
