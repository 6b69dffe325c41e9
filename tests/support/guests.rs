//! Which of the tests is about which guest.

/// Guests that are made for the hostile suite; the end-to-end tests have no case of their own for them.
pub const HOSTILE: [&str; 4] = ["floods", "listexits", "prowls", "waits"];
