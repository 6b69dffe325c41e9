//! Who calls: the one place that turns the head of a request into a [`User`].

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::{BodyExt, Full};

use super::{
    Peer,
    answer::{Answer, JSON, plain},
};
use crate::{
    auth::{self, Auth},
    host::Host,
    user::User,
};

/// Who sent the request, and the request without what proved it. From its head alone: its body is not read and no session is
/// looked at before this is known. The error is the answer to who may not call.
pub(super) async fn identified(host: &Host, auth: &Auth, peer: Peer, request: &mut Parts) -> Result<Arc<User>, Answer> {
    let peer = match peer {
        Peer::Address(address) => auth::Peer::Address(address.ip()),
        Peer::Unix => auth::Peer::UnixSocket,
    };
    let user = auth.identify(request, peer, host.users()).await.map_err(|refused| {
        if let Some(refusal) = refused.report() {
            host.refused(&refusal);
        }
        refused.answer().map(|body| Full::from(body).boxed())
    })?;
    auth.strip(&mut request.headers);
    Ok(user)
}

/// The protected resource metadata, by which clients that know nothing yet find out where to get a token.
pub(super) fn document(auth: &Auth, request: &Parts) -> Option<Answer> {
    let is_asked = auth.metadata_paths().iter().any(|path| path == request.uri.path());
    let metadata = auth.metadata().filter(|_| is_asked)?;
    let mut answer = plain(StatusCode::OK, &metadata.to_string());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    Some(answer)
}
