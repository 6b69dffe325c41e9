//! Declares nothing about its result.

use toolcell_test_programs::{Tool, plugin, story};

plugin!(Tool { output_schema: None, ..story::tool() }, story::story);
