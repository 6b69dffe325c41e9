//! Progress of a call, on its way to the client.

use std::time::Duration;

use rmcp::{
    Peer, RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{call::ProgressReceiver, text};

/// The least time between two notifications of one call; reports in between replace each other.
const SPACING: Duration = Duration::from_millis(20);

/// Characters of a message that are shown: it is one line for a person.
const MESSAGE_LENGTH: usize = 500;

/// Sends reports to the client until the call has ended, the last one included. Run beside the call and awaited with it, so
/// that no notification follows the result (MCP 2025-11-25, basic/utilities/progress). Ends early with the client's input:
/// rmcp then sends results only.
pub(super) async fn forward(
    mut reports: ProgressReceiver,
    token: ProgressToken,
    client: &Peer<RoleServer>,
    input_ended: &CancellationToken,
) {
    // An error means that the call has ended and that the newest report was seen.
    while reports.changed().await.is_ok() {
        let Some(report) = reports.borrow_and_update().clone() else { continue };
        let mut notification = ProgressNotificationParam::new(token.clone(), report.done);
        notification.total = report.total;
        notification.message = report.message.map(|message| text::shown(&message, MESSAGE_LENGTH));
        tokio::select! {
            sent = client.notify_progress(notification) => if sent.is_err() { return },
            () = input_ended.cancelled() => return,
        }
        tokio::select! {
            () = sleep(SPACING) => {}
            // With a receiver of its own, so that a report which comes meanwhile stays unseen.
            () = ended(reports.clone()) => {}
        }
    }
}

async fn ended(mut reports: ProgressReceiver) {
    while reports.changed().await.is_ok() {}
}
