//! Answers the same call differently.

use std::hash::{BuildHasher, RandomState};

use toolcell_test_programs::{Answer, Value, json, plugin, story, structured};

plugin!(story::tool(), moody);

fn moody(arguments: &Value) -> Answer {
    match story::title(arguments) {
        Ok(title) => structured(json!({ "title": title, "luck": RandomState::new().hash_one(0) })),
        Err(error) => Err(story::passed_on(*error)),
    }
}
