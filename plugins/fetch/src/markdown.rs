use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use htmd::element_handler::{HandlerResult, Handlers};
use htmd::{Element, HtmlToMarkdown, Node};
use toolcell_sdk::ToolError;

/// Elements that hold no text of the page itself: code, pictures, and what stands around the text on every page.
const SKIPPED: [&str; 13] = [
    "aside", "button", "canvas", "dialog", "footer", "form", "iframe", "nav", "noscript", "script", "style", "svg",
    "template",
];

/// How deep elements may nest. Making markdown recurses for each level, and at 400 the stack of a call in the host is used
/// up; build.rs sees to the component's own.
const MAX_DEPTH: usize = 256;

/// Title and markdown of an HTML page.
///
/// When the page marks its main part with `<main>`, only that is taken.
pub(crate) fn from_html(html: &str) -> Result<(Option<String>, String), ToolError> {
    let title = Arc::new(OnceLock::new());
    let main = Arc::new(OnceLock::new());
    let converter = HtmlToMarkdown::builder()
        .skip_tags(SKIPPED.to_vec())
        .add_handler(vec!["title"], keep(&title))
        .add_handler(vec!["main"], keep(&main))
        .build();
    let unreadable = |what: String| {
        ToolError::new("unreadable_page", format!("the page cannot be read as HTML: {what}"))
            .cause("the page is made by a program that nests without end, or is no HTML")
            .check_first("Find another address for the page.")
    };
    let tree = converter.html_to_tree(html).map_err(|error| unreadable(error.to_string()))?;
    if is_deeper_than(&tree, MAX_DEPTH) {
        return Err(unreadable(format!("its elements nest deeper than {MAX_DEPTH} levels")));
    }
    let whole = converter.tree_to_markdown(&tree);
    let title = title.get().map(|title: &String| title.split_whitespace().collect::<Vec<_>>().join(" "));
    let main = main.get().filter(|main: &&String| !main.is_empty());
    Ok((title.filter(|title| !title.is_empty()), main.cloned().unwrap_or(whole)))
}

/// Keeps the text of the first such element, and leaves it out of its surroundings.
fn keep(text: &Arc<OnceLock<String>>) -> impl Fn(&dyn Handlers, Element<'_>) -> Option<HandlerResult> + use<> {
    let text = Arc::clone(text);
    move |handlers, element| {
        let content = handlers.walk_children(element.node).content;
        text.get_or_init(|| content.trim().to_owned());
        None
    }
}

/// Level by level instead of by recursion, which is what it protects.
fn is_deeper_than(tree: &Rc<Node>, max_depth: usize) -> bool {
    let mut level = vec![Rc::clone(tree)];
    for _ in 0..max_depth {
        level = level.iter().flat_map(|node| node.children.borrow().clone()).collect();
    }
    !level.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn markdown(html: &str) -> String {
        from_html(html).unwrap().1
    }

    #[test]
    fn headings_lists_links_and_tables_become_markdown() {
        let text = markdown(
            "<h1>Title</h1><p>Some <b>bold</b> <a href='/x'>link</a>.</p><ul><li>one</li><li>two</li></ul>\
             <table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table><pre><code>let x;</code></pre>",
        );
        for part in ["# Title", "Some **bold** [link](/x).", "one", "| 1", "let x;"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn the_title_is_the_first_one_on_one_line() {
        let (title, text) = from_html("<head><title> A &amp;\n B </title></head><body><p>text</p></body>").unwrap();
        assert_eq!(title.as_deref(), Some("A & B"));
        assert_eq!(text, "text");
        assert_eq!(from_html("<p>x</p>").unwrap().0, None);
        assert_eq!(from_html("<title> </title>").unwrap().0, None);
    }

    #[test]
    fn scripts_styles_and_navigation_are_left_out() {
        let text = markdown(
            "<nav>menu</nav><p>text</p><script>code()</script><style>p{}</style><aside>ad</aside><footer>(c)</footer>",
        );
        assert_eq!(text, "text");
    }

    #[test]
    fn the_main_part_is_taken_where_the_page_marks_it() {
        assert_eq!(
            markdown("<div>cookies?</div><main><h2>News</h2><p>text</p></main><div>more</div>"),
            "## News\n\ntext"
        );
        assert_eq!(markdown("<div>text</div><main> </main>"), "text");
    }

    #[test]
    fn broken_html_is_read_as_browsers_do() {
        assert_eq!(markdown("<p>one<p>two</div></b>"), "one\n\ntwo");
        assert_eq!(markdown(""), "");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| format!("{}x{}", "<div>".repeat(depth), "</div>".repeat(depth));
        assert_eq!(markdown(&nested(250)), "x");
        for depth in [260, 3000] {
            let error = from_html(&nested(depth)).unwrap_err();
            assert_eq!(error.code, "unreadable_page");
            assert!(error.message.contains("deeper than 256 levels"), "{error}");
        }
    }
}
