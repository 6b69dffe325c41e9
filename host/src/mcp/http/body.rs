//! The body of a request, read whole within its bounds.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;

use super::answer::{Answer, plain};

/// For the whole body, once its head has come.
pub(super) const TIME: Duration = Duration::from_secs(30);

/// The body, of at most this many bytes, that has to come within this time.
pub(super) async fn read<B>(body: B, most: usize, time: Duration) -> Result<Bytes, Answer>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    let too_large = || {
        let problem = format!("the body has more than {most} bytes; [http] body in toolcell.toml can allow more\n");
        plain(StatusCode::PAYLOAD_TOO_LARGE, &problem)
    };
    // Refused before it is sent, where the client says how long it is.
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    match timeout(time, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(plain(StatusCode::BAD_REQUEST, "the body did not come whole\n")),
        Err(_) => Err(plain(StatusCode::REQUEST_TIMEOUT, "the body took too long to come\n")),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt, stream};
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    async fn status(body: impl Body<Data = Bytes, Error = Infallible>) -> u16 {
        read(body, 4, Duration::from_millis(200)).await.map_or_else(|answer| answer.status().as_u16(), |_| 200)
    }

    #[tokio::test]
    async fn a_body_has_so_many_bytes_and_so_much_time() {
        let part = || Ok(Frame::data(Bytes::from_static(b"ab")));
        assert_eq!(status(Full::new(Bytes::from_static(b"abcd"))).await, 200);
        assert_eq!(status(Full::new(Bytes::from_static(b"abcde"))).await, 413);
        // Without a length that is known before.
        assert_eq!(status(StreamBody::new(stream::iter([part(), part()]))).await, 200);
        assert_eq!(status(StreamBody::new(stream::iter([part(), part(), part()]))).await, 413);
        assert_eq!(status(StreamBody::new(stream::iter([part()]).chain(stream::pending()))).await, 408);
    }
}
