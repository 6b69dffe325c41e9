//! The checklist for production: ten questions about a plugin. [`collect`] runs the plugin, offline and with faults that are
//! made for it, and [`judge`] answers from what was seen; the questions are the table in `rules`.

mod collect;
mod facts;
mod files;
mod notes;
mod rules;

pub use self::{
    collect::collect,
    facts::{Facts, Seen, Situation, ToolFacts},
    files::Files,
    notes::notes,
    rules::{Answer, Finding, RULES, Rule, Verdict, judge},
};
