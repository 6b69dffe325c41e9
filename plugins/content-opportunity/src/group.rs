use std::collections::HashMap;

use crate::post::Post;

/// Posts about the same, together: those with the same link or the same title, in the order of the first of them.
pub(crate) fn group(posts: Vec<Post>) -> Vec<Vec<Post>> {
    let mut groups: Vec<Vec<Post>> = vec![];
    let mut of_key: HashMap<String, usize> = HashMap::new();
    for post in posts {
        let keys = [post.url.as_deref().map(link), title(&post.title)].map(Option::unwrap_or_default);
        let known = keys.iter().find_map(|key| of_key.get(key).copied());
        let number = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push(vec![]);
        }
        for key in keys.into_iter().filter(|key| !key.is_empty()) {
            of_key.entry(key).or_insert(number);
        }
        // The same post may come from two searches.
        if !groups[number].iter().any(|other| other.discussion_url == post.discussion_url) {
            groups[number].push(post);
        }
    }
    groups
}

/// A link without what differs between addresses of the same page: scheme, `www.`, tracking, fragment and a last slash.
fn link(url: &str) -> String {
    let address = url.split_once("://").map_or(url, |(_, rest)| rest);
    let address = address.split('#').next().unwrap_or(address);
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let path = path.strip_prefix("www.").unwrap_or(path).trim_end_matches('/');
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("utm_")).collect();
    format!("{path}?{}", kept.join("&"))
}

/// The words of a title that is long enough to be no coincidence.
fn title(title: &str) -> Option<String> {
    let words: Vec<String> =
        title.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    (words.len() >= 4).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::post::Source;

    fn post(number: u32, title: &str, url: Option<&str>) -> Post {
        Post {
            source: Source::Reddit,
            community: "r/rust".into(),
            title: title.into(),
            url: url.map(str::to_owned),
            discussion_url: number.to_string(),
            author: None,
            points: None,
            comments: None,
            created_at: "2026-03-31T12:00:00Z".into(),
        }
    }

    fn grouped(posts: Vec<Post>) -> Vec<Vec<String>> {
        group(posts).into_iter().map(|group| group.into_iter().map(|post| post.discussion_url).collect()).collect()
    }

    #[test]
    fn the_same_link_in_another_form_is_the_same() {
        let posts = vec![
            post(1, "A", Some("https://example.com/a/?utm_source=hn&id=1#top")),
            post(2, "B", Some("http://www.example.com/a?id=1")),
            post(3, "C", Some("https://example.com/a?id=2")),
        ];
        assert_eq!(grouped(posts), [vec!["1", "2"], vec!["3"]]);
    }

    #[test]
    fn a_long_title_is_the_same_and_a_short_one_is_not() {
        let posts = vec![
            post(1, "How do you isolate plugins?", None),
            post(2, "how do you: isolate plugins", Some("https://example.com/b")),
            post(3, "Rust news", None),
            post(4, "Rust News", None),
        ];
        assert_eq!(grouped(posts), [vec!["1", "2"], vec!["3"], vec!["4"]]);
    }

    #[test]
    fn the_same_post_counts_once() {
        assert_eq!(grouped(vec![post(1, "How do you do it?", None), post(1, "How do you do it?", None)]), [["1"]]);
    }
}
