use serde_json::{Value, json};
use toolcell_sdk::testing;

use super::*;

const FEED: &str = "https://www.reddit.com/search.rss?q=linux+kernel&sort=relevance&t=month&type=link&limit=50";
const API: &str = "https://oauth.reddit.com/search?q=linux+kernel&sort=relevance&t=month&type=link&limit=50&raw_json=1";

/// In the form in which Reddit answered in autumn 2026: a subreddit, a link and a text.
const ANSWER: &str = r#"<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/"><category term=" reddit.com" label="r/ reddit.com"/><updated>2026-09-28T14:09:48+00:00</updated><id>/search.rss?q=linux</id><link rel="self" href="https://www.reddit.com/search.rss?q=linux" type="application/atom+xml" /><title>reddit.com: search results - linux</title><entry><author><name>/u/carol</name><uri>https://www.reddit.com/user/carol</uri></author><content type="html">&lt;div&gt; &lt;a href=&quot;https://www.reddit.com/r/kernels/&quot;&gt;[link]&lt;/a&gt; &lt;/div&gt;</content><id>t5_abc</id><link href="https://www.reddit.com/r/kernels/" /><updated>2018-10-31T07:17:54+00:00</updated><title>Kernels</title></entry><entry><author><name>/u/alice</name><uri>https://www.reddit.com/user/alice</uri></author><category term="technology" label="r/technology"/><content type="html">&lt;table&gt; &lt;tr&gt;&lt;td&gt; &lt;a href=&quot;https://www.reddit.com/r/technology/comments/x1/kernel/&quot;&gt; &lt;img src=&quot;https://preview.example/z.jpeg?width=640&amp;amp;crop=smart&quot; /&gt; &lt;/a&gt; &lt;/td&gt;&lt;td&gt; &amp;#32; submitted by &amp;#32; &lt;a href=&quot;https://www.reddit.com/user/alice&quot;&gt; /u/alice &lt;/a&gt; &lt;br/&gt; &lt;span&gt;&lt;a href=&quot;https://example.com/kernel?a=1&amp;amp;b=2&quot;&gt;[link]&lt;/a&gt;&lt;/span&gt; &amp;#32; &lt;span&gt;&lt;a href=&quot;https://www.reddit.com/r/technology/comments/x1/kernel/&quot;&gt;[comments]&lt;/a&gt;&lt;/span&gt; &lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;</content><id>t3_x1</id><media:thumbnail url="https://preview.example/z.jpeg?width=640&amp;crop=smart" /><link href="https://www.reddit.com/r/technology/comments/x1/kernel/" /><updated>2026-09-01T14:25:51+00:00</updated><published>2026-09-01T14:25:51+00:00</published><title>Kernel &amp; co &lt;new&gt;</title></entry><entry><author><name>/u/bob</name></author><category term="linux" label="r/linux"/><content type="html">&lt;!-- SC_OFF --&gt;&lt;div class=&quot;md&quot;&gt;&lt;p&gt;Text&lt;/p&gt;&lt;/div&gt;&lt;!-- SC_ON --&gt; &lt;span&gt;&lt;a href=&quot;https://www.reddit.com/r/linux/comments/x2/text/&quot;&gt;[link]&lt;/a&gt;&lt;/span&gt;</content><id>t3_x2</id><link href="https://www.reddit.com/r/linux/comments/x2/text/" /><updated>2026-09-02T14:25:51+00:00</updated><title>Text</title></entry></feed>"#;

fn search_for(subreddits: &[String]) -> Result<(Vec<Post>, Option<&'static str>), ToolError> {
    search(&Search { words: "linux kernel", subreddits, sort: Sort::Relevance, range: DateRange::Month })
}

fn as_json(posts: &[Post]) -> Value {
    serde_json::to_value(posts).unwrap()
}

#[test]
fn the_feed_gives_posts_without_numbers() {
    let http = testing::http().answer("GET", FEED, 200, ANSWER).install();
    let (posts, note) = search_for(&[]).unwrap();
    assert_eq!(note, Some(NO_NUMBERS));
    assert_eq!(
        as_json(&posts),
        json!([
            {"source": "reddit", "community": "r/technology", "title": "Kernel & co <new>",
             "url": "https://example.com/kernel?a=1&b=2", "author": "alice", "created_at": "2026-09-01T14:25:51Z",
             "discussion_url": "https://www.reddit.com/r/technology/comments/x1/kernel/"},
            {"source": "reddit", "community": "r/linux", "title": "Text", "author": "bob",
             "created_at": "2026-09-02T14:25:51Z", "discussion_url": "https://www.reddit.com/r/linux/comments/x2/text/"},
        ])
    );
    let request = &http.requests()[0];
    assert_eq!(request.timeout_ms, Some(10_000));
    assert!(!request.headers.iter().any(|(name, _)| name == "authorization"));
}

#[test]
fn with_a_token_the_api_gives_posts_with_numbers() {
    let _token = testing::env("REDDIT_TOKEN", " secret\n");
    let link = |id: &str, is_self: bool, score: i64, author: &str| {
        json!({"kind": "t3", "data": {"title": format!("Post {id}"), "url": "https://example.com/kernel", "is_self": is_self,
            "permalink": format!("/r/linux/comments/{id}/post/"), "author": author, "subreddit": "linux", "score": score,
            "num_comments": 7, "created_utc": 1_774_958_400.0, "subreddit_id": "t5_2qh1a"}})
    };
    let children = [link("x1", false, 12, "alice"), link("x2", true, -3, "[deleted]")];
    let body = json!({"kind": "Listing", "data": {"after": null, "dist": 2, "children": children}});
    let http = testing::http().answer("GET", API, 200, body).install();
    let (posts, note) = search_for(&[]).unwrap();
    assert_eq!(note, None);
    assert_eq!(
        as_json(&posts),
        json!([
            {"source": "reddit", "community": "r/linux", "title": "Post x1", "url": "https://example.com/kernel",
             "author": "alice", "points": 12, "comments": 7, "created_at": "2026-03-31T12:00:00Z",
             "discussion_url": "https://www.reddit.com/r/linux/comments/x1/post/"},
            {"source": "reddit", "community": "r/linux", "title": "Post x2", "points": 0, "comments": 7,
             "created_at": "2026-03-31T12:00:00Z", "discussion_url": "https://www.reddit.com/r/linux/comments/x2/post/"},
        ])
    );
    assert!(http.requests()[0].headers.contains(&("authorization".into(), "Bearer secret".into())));
}

#[test]
fn refusals_are_explained_with_what_to_do() {
    let cases = [
        (false, 403, "upstream_forbidden", "keeps the network that the host is in", "REDDIT_TOKEN", false),
        (false, 429, "upstream_rate_limited", "only a few requests a minute", "Wait 77 seconds", true),
        (true, 401, "upstream_unauthorized", "REDDIT_TOKEN has expired", "gets a new token", false),
        (true, 403, "upstream_forbidden", "private or in quarantine", "scopes of REDDIT_TOKEN", false),
        (true, 429, "upstream_rate_limited", "has used up its requests", "Wait 77 seconds", true),
        (false, 503, "upstream_failed", "overloaded", "Wait a moment", true),
    ];
    for (with_token, status, code, cause, check_first, retryable) in cases {
        let _token = with_token.then(|| testing::env("REDDIT_TOKEN", "secret"));
        let url = if with_token { API } else { FEED };
        let fake = testing::http().answer("GET", url, status, "<html>no</html>").header("x-ratelimit-reset", "77.0");
        let _http = fake.install();
        let error = search_for(&[]).unwrap_err();
        assert_eq!((error.code.as_str(), error.retryable), (code, retryable));
        assert!(error.likely_causes[0].contains(cause), "{error:?}");
        assert!(error.check_first.as_ref().unwrap().contains(check_first), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[test]
fn a_subreddit_that_does_not_exist_is_named() {
    let url = "https://www.reddit.com/r/rsut+wasm/search.rss?q=linux+kernel&sort=relevance&t=month&type=link&limit=50\
               &restrict_sr=1";
    for status in [302, 404] {
        let _http = testing::http().answer("GET", url, status, "").install();
        let error = search_for(&["rsut".to_owned(), "wasm".to_owned()]).unwrap_err();
        assert_eq!(error.code, "subreddit_not_found");
        assert!(error.message.ends_with("r/rsut, r/wasm"), "{error}");
    }
}

#[test]
fn an_answer_that_is_no_feed_is_told() {
    for (body, message) in
        [("<html>Are you a robot?</html>", "a page that is no feed"), ("<feed><entry>", "cannot be read")]
    {
        let _http = testing::http().answer("GET", FEED, 200, body).install();
        let error = search_for(&[]).unwrap_err();
        assert_eq!(error.code, "upstream_unexpected");
        assert!(error.message.contains(message), "{error}");
        assert!(error.check_first.unwrap().contains("REDDIT_TOKEN"));
    }
    let _http = testing::http().answer("GET", FEED, 200, r#"<feed xmlns="x"><title>none</title></feed>"#).install();
    assert!(search_for(&[]).unwrap().0.is_empty());
}
