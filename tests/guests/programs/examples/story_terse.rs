//! Describes itself in three words.

use toolcell_test_programs::{Tool, plugin, story};

plugin!(Tool { description: "Gets a story.".to_owned(), ..story::tool() }, story::story);
