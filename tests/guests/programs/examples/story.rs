//! Passes the checklist.

use toolcell_test_programs::{plugin, story};

plugin!(story::tool(), story::story);
