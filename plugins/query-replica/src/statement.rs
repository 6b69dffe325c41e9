//! What an error needs to know of a statement's text: what stands at a position, and the names in it. Nothing is judged by
//! this; a wrong guess makes an error less helpful and nothing else.

/// Characters that are shown on either side of a position.
const AROUND: usize = 32;

/// Names of a statement that are looked at.
const MAX_NAMES: usize = 500;

/// What stands at a position, counted in characters from 1, and before it.
pub(crate) fn around(sql: &str, position: u32) -> String {
    let (before, after) = split(sql, position);
    let (before, after) = (last_chars(&one_line(before)), first_chars(&one_line(after)));
    match (before.as_str(), after.as_str()) {
        (before, "") => format!("the statement ends there, after `{before}`"),
        ("", after) => format!("there stands `{after}`"),
        (before, after) => format!("there stands `{after}`, after `{before}`"),
    }
}

/// The name at a position, in its parts (`u.email` has two), each as the database reads it: without quotes, and in small
/// letters where there are none. Empty where no name stands.
pub(crate) fn name_at(sql: &str, position: u32) -> Vec<String> {
    let mut rest = split(sql, position).1;
    let mut parts = Vec::new();
    while let Some((part, after)) = identifier(rest) {
        parts.push(part);
        let Some(after) = after.trim_start().strip_prefix('.') else { break };
        rest = after.trim_start();
    }
    parts
}

/// Every name in a statement, keywords included, once each.
pub(crate) fn names(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = sql;
    while names.len() < MAX_NAMES {
        if let Some((name, after)) = identifier(rest) {
            if !names.contains(&name) {
                names.push(name);
            }
            rest = after;
        } else {
            let mut chars = rest.chars();
            if chars.next().is_none() {
                break;
            }
            rest = chars.as_str();
        }
    }
    names
}

/// The identifier that a text begins with, and what follows it (PostgreSQL's manual, section 4.1.1).
fn identifier(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut name = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('"')?;
            name.push_str(part);
            let Some(more) = after.strip_prefix('"') else { return Some((name, after)) };
            name.push('"');
            rest = more;
        }
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let begins = |c: char| !c.is_ascii_digit() && c != '$';
    name.starts_with(begins).then(|| (name.to_ascii_lowercase(), rest))
}

fn split(sql: &str, position: u32) -> (&str, &str) {
    let before = usize::try_from(position.saturating_sub(1)).unwrap_or(usize::MAX);
    let at = sql.char_indices().nth(before).map_or(sql.len(), |(at, _)| at);
    sql.split_at(at)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn first_chars(text: &str) -> String {
    match text.char_indices().nth(AROUND) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn last_chars(text: &str) -> String {
    match text.char_indices().rev().nth(AROUND - 1) {
        Some((start, _)) if start > 0 => format!("…{}", &text[start..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_either_side_of_a_place_is_shown() {
        assert_eq!(around("SELECT *\n  FORM users", 12), "there stands `FORM users`, after `SELECT *`");
        assert_eq!(around("SELECT id FROM", 15), "the statement ends there, after `SELECT id FROM`");
        assert_eq!(around("SELCT 1", 1), "there stands `SELCT 1`");
        assert_eq!(around("SELECT 'é', x FROM t", 13), "there stands `x FROM t`, after `SELECT 'é',`");
    }

    #[test]
    fn a_place_in_a_long_statement_is_cut_on_both_sides() {
        let sql = format!("SELECT {}x FORM {}", "a, ".repeat(50), "b ".repeat(50));
        let position = u32::try_from(sql.find("FORM").unwrap()).unwrap() + 1;
        assert_eq!(
            around(&sql, position),
            "there stands `FORM b b b b b b b b b b b b b b…`, after `… a, a, a, a, a, a, a, a, a, a, x`"
        );
    }

    #[test]
    fn a_name_is_read_as_the_database_does() {
        let cases: [(&str, u32, &[&str]); 8] = [
            ("SELECT U.Email FROM users u", 8, &["u", "email"]),
            ("SELECT \"createdAt\" FROM users", 8, &["createdAt"]),
            ("SELECT \"a\"\"b\" . c", 8, &["a\"b", "c"]),
            ("SELECT * FROM sales.orders", 15, &["sales", "orders"]),
            ("SELECT naïve", 8, &["naïve"]),
            ("SELECT nextval('a')", 16, &[]),
            ("SELECT \"open", 8, &[]),
            ("SELECT 1", 99, &[]),
        ];
        for (sql, position, name) in cases {
            assert_eq!(name_at(sql, position), name, "{sql}");
        }
    }

    #[test]
    fn the_names_of_a_statement_are_found_once_each() {
        let found = names("SELECT u.id, \"createdAt\", 12x FROM Users u WHERE id = $1 AND 'é' <> ''");
        assert_eq!(found, ["select", "u", "id", "createdAt", "x", "from", "users", "where", "and", "é"]);
        assert_eq!(names(&(0..1_000).map(|n| format!("a{n} ")).collect::<String>()).len(), MAX_NAMES);
    }
}
