//! Sets up the Rust target `wasm32-wasip2` and builds a Rust crate for it into a WebAssembly component. For plugins in Go it has
//! Debian's compiler where there is no other, and for tests Debian's other packages.
//!
//! [`Toolchain::locate`] finds a compiler that has the target, or gets one without root's rights. [`Toolchain::build`]
//! builds with it. `toolcell build`, the demo and the build script of the test guests share this.
//!
//! A component built here carries the lines of its source, so that the host can say where it trapped, and no path of
//! the machine it was built on.

mod build;
mod debian;
mod environment;
mod error;
mod flags;
mod locate;
mod messages;
mod metadata;
mod mirror;
mod process;

pub use build::{Artifact, GuestBuild, Targets};
pub use debian::Unpacked;
pub use error::{BuildError, SetupError};
pub use locate::{Toolchain, debian_go};

/// The target that guests are built for.
pub const TARGET: &str = "wasm32-wasip2";
