//! The files of the page. They ask nothing of any other server, and neither scripts nor styles stand in the HTML, so
//! that the strictest policy holds (Content Security Policy Level 3).

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response, header},
    response::IntoResponse,
};

/// One file.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

macro_rules! files {
    ($($path:literal: $media_type:expr, $file:literal;)+) => {
        [$(File { path: $path, media_type: $media_type, text: include_str!(concat!("page/", $file)) }),+]
    };
}

/// All of the page.
pub(super) const FILES: [File; 9] = files! {
    "/": "text/html; charset=utf-8", "index.html";
    "/app.css": "text/css; charset=utf-8", "app.css";
    "/app.js": JAVASCRIPT, "app.js";
    "/dom.js": JAVASCRIPT, "dom.js";
    "/failure.js": JAVASCRIPT, "failure.js";
    "/form.js": JAVASCRIPT, "form.js";
    "/plot.js": JAVASCRIPT, "plot.js";
    "/views.js": JAVASCRIPT, "views.js";
    "/icon.svg": "image/svg+xml", "icon.svg";
};

/// What every answer carries. A text that became a script against all intentions would not run; the names of tools and
/// the like stay out of caches, frames and the logs of other sites.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The answer with the headers that every answer carries.
pub(super) async fn guarded(mut answer: Response<Body>) -> Response<Body> {
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

impl IntoResponse for File {
    fn into_response(self) -> Response<Body> {
        ([(header::CONTENT_TYPE, self.media_type)], self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_small() {
        let bytes: usize = FILES.iter().map(|file| file.text.len()).sum();
        assert!(bytes < 60_000, "{bytes} bytes");
    }

    /// What the policy would refuse, and what makes markup of text.
    #[test]
    fn nothing_comes_from_elsewhere_and_no_text_becomes_markup() {
        for File { path, text, .. } in FILES {
            let elsewhere = text.replace("http://www.w3.org/2000/svg", "");
            for wrong in ["http:", "https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
            {
                assert!(!elsewhere.contains(wrong), "{wrong} in {path}");
            }
        }
        let html = FILES[0].text;
        for wrong in ["<style", " style=", " onclick=", "<script>"] {
            assert!(!html.contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn each_script_that_is_imported_is_there() {
        for File { path, text, .. } in FILES {
            let imported = text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next());
            for name in imported {
                assert!(FILES.iter().any(|file| file.path[1..] == *name), "{name}, which {path} imports");
            }
        }
    }
}
