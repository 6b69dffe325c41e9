//! Exports functions of a world and of an interface inside it, in a package without a version, and runs futures to their end.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

#[allow(clippy::pedantic, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ path: ["../../../wit", "../wit/sums.wit"], world: "test:sums/sums", generate_all });
}

use bindings::{
    Guest,
    exports::wide_ops,
    toolcell::plugin::tool_types::{Blob, Content, Output, ToolError},
};

/// The component.
pub struct Program;

impl Guest for Program {
    fn add(a: u8, b: u8) -> u16 {
        u16::from(a) + u16::from(b)
    }

    fn draw(fail: bool) -> Result<Output, ToolError> {
        if fail {
            return Err(ToolError {
                code: "no_ink".to_owned(),
                message: "There is no ink.".to_owned(),
                likely_causes: vec!["it was used up".to_owned()],
                check_first: Some("Whether there is ink.".to_owned()),
                retryable: true,
                extra: None,
            });
        }
        let image = Blob { data: vec![0, 255, 128], mime_type: "image/png".to_owned() };
        let content = vec![Content::Text("a dot".to_owned()), Content::Image(image)];
        Ok(Output { content, structured: None, extra: None })
    }
}

impl wide_ops::Guest for Program {
    fn add(a: u64, b: u64) -> u64 {
        a + b
    }

    fn add_up(numbers: Vec<u32>) -> u64 {
        block_on(async {
            let mut sum = 0;
            for number in numbers {
                yield_now().await;
                sum += u64::from(number);
            }
            sum
        })
    }
}

/// Pending once, and then ready.
async fn yield_now() {
    let mut has_waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "the exports are generated")]
const _: () = {
    bindings::export!(Program with_types_in bindings);
};
