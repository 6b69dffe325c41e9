//! Compiled code that somebody changed where it is kept. It would run as the host itself, so that whatever is wrong with it
//! has to end in compiling again.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::json;

use crate::{
    components::ByHand,
    files::forget,
    folder::user,
    oracle::{Case, Expected, Seen},
    scene::{Scene, add_by_hand},
};

/// A plugin whose compiled code is kept in a file that is known.
struct Victim<'a> {
    scene: &'a Scene,
    plugin: &'static str,
    entry: PathBuf,
    sound: Vec<u8>,
    description: String,
}

impl<'a> Victim<'a> {
    /// Adds a plugin that was never compiled before.
    fn new(scene: &'a Scene, plugin: &'static str) -> Result<Self, String> {
        let before = entries();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let description = format!("Compiled for the first time at {}.", now.as_nanos());
        add_by_hand(&scene.folder, plugin, &ByHand { description: &description, ..ByHand::default() }, "");
        scene.folder.lock_one(plugin);
        scene.session.wait_for_tool(plugin, true)?;
        let new: Vec<_> = entries().difference(&before).cloned().collect();
        let [entry] = new.as_slice() else { return Err(format!("not one new entry: {new:?}")) };
        let sound = fs::read(entry).map_err(|error| error.to_string())?;
        Ok(Self { scene, plugin, entry: entry.clone(), sound, description })
    }

    /// Changes the kept code and lets the plugin be loaded again.
    fn load_changed(&self, change: impl FnOnce(&Path)) -> Result<(), String> {
        let Self { scene, plugin, description, .. } = self;
        scene.folder.remove(plugin);
        scene.session.wait_for_tool(plugin, false)?;
        change(&self.entry);
        let from = scene.session.log_length();
        add_by_hand(&scene.folder, plugin, &ByHand { description, ..ByHand::default() }, "");
        let name = self.entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        scene.session.wait_for_log(from, &["compiled code not used, compiling again", &name])?;
        scene.session.wait_for_tool(plugin, true)?;
        let answer = scene.session.begin_call(plugin, &json!({})).wait()?.message;
        if answer["result"]["content"][0]["text"] != "done" {
            return Err(answer.to_string());
        }
        let metadata = fs::symlink_metadata(&self.entry).map_err(|error| error.to_string())?;
        // A folder in the place of a file stays: nothing is kept there.
        let is_ours = metadata.is_file() && metadata.permissions().mode() & 0o777 == 0o600;
        if !is_ours && !metadata.is_dir() {
            return Err(format!("the entry was not written again: {metadata:?}"));
        }
        Ok(())
    }
}

impl Drop for Victim<'_> {
    fn drop(&mut self) {
        forget(self.scene, self.plugin);
        let _ = fs::remove_file(&self.entry).or_else(|_| fs::remove_dir(&self.entry));
    }
}

fn entries() -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(user().join("cache/toolcell/code")).expect("the server made it");
    entries.map(|entry| entry.expect("the folder can be listed").path()).collect()
}

/// Changes what is kept, which is in this file.
type Way<'a> = &'a dyn Fn(&Victim, &Path);

/// The entry changed in these ways, one after the other.
fn changed(ways: &[Way], scene: &Scene) -> Result<Seen, String> {
    let victim = Victim::new(scene, "victim")?;
    ways.iter().try_for_each(|way| victim.load_changed(|entry| way(&victim, entry)))?;
    Ok(Seen::Recompiled)
}

fn write(entry: &Path, bytes: &[u8]) {
    fs::write(entry, bytes).expect("the folder is ours");
}

fn flipped(at: impl Fn(usize) -> usize) -> impl Fn(&Victim, &Path) {
    move |victim, entry| {
        let mut bytes = victim.sound.clone();
        let at = at(bytes.len());
        bytes[at] ^= 1;
        write(entry, &bytes);
    }
}

pub fn cases() -> Vec<Case> {
    let case = |name: &str, attack: fn(&Scene) -> Result<Seen, String>| Case {
        name: name.to_owned(),
        guest: "",
        expected: Expected::Recompiles,
        attack: Box::new(attack),
    };
    vec![
        case("kept code, its key's hash changed", |scene| changed(&[&flipped(|_| 0), &flipped(|_| 31)], scene)),
        case("kept code, a byte of it changed", |scene| {
            changed(&[&flipped(|_| 32), &flipped(|length| length / 2), &flipped(|length| length - 1)], scene)
        }),
        case("kept code, cut", |scene| {
            changed(&[&|victim, entry| write(entry, &victim.sound[..victim.sound.len() / 2])], scene)
        }),
        case("kept code, with more at its end", |scene| {
            changed(&[&|victim, entry| write(entry, &[&victim.sound[..], b"more"].concat())], scene)
        }),
        case("kept code, exchanged with another's", |scene| {
            let other = Victim::new(scene, "other")?;
            changed(&[&|_, entry| write(entry, &other.sound)], scene)
        }),
        case("kept code, a link to sound code", |scene| {
            changed(
                &[&|_, entry| {
                    let elsewhere = entry.with_extension("elsewhere");
                    fs::rename(entry, &elsewhere)
                        .and_then(|()| symlink(&elsewhere, entry))
                        .expect("the folder is ours");
                }],
                scene,
            )
            .inspect(|_| remove_elsewhere())
        }),
        case("kept code that others can write", |scene| {
            changed(
                &[&|_, entry| fs::set_permissions(entry, Permissions::from_mode(0o660)).expect("it is ours")],
                scene,
            )
        }),
        case("kept code that is a folder", |scene| {
            changed(
                &[&|_, entry| {
                    fs::remove_file(entry).and_then(|()| fs::create_dir(entry)).expect("the folder is ours");
                }],
                scene,
            )
        }),
    ]
}

fn remove_elsewhere() {
    for entry in entries().into_iter().filter(|entry| entry.extension().is_some_and(|it| it == "elsewhere")) {
        let _ = fs::remove_file(entry);
    }
}
