use std::{
    fs,
    path::{Path, PathBuf},
};

/// A Debian mirror that this machine is configured to use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mirror {
    pub(crate) uri: String,
    /// The keyring that its signatures are checked with, or the key itself; `None` for apt's default.
    pub(crate) signed_by: Option<String>,
}

impl Mirror {
    /// Another suite of the mirror as a source for apt, its packages alone (deb822 format of sources.list(5)).
    pub(crate) fn stanza(&self, suite: &str) -> String {
        let signed_by = self.signed_by.as_ref().map(|key| format!("Signed-By: {key}\n")).unwrap_or_default();
        format!("Types: deb\nURIs: {}\nSuites: {suite}\nComponents: main\nTargets: Packages\n{signed_by}", self.uri)
    }
}

/// The mirrors that serve this machine's Debian, from `sources.list` and `sources.list.d` under `etc`/apt; says in one
/// line why there is none.
pub(crate) fn configured(etc: &Path) -> Result<Vec<Mirror>, String> {
    let release = fs::read_to_string(etc.join("os-release")).unwrap_or_default();
    if value(&release, "ID") != Some("debian") {
        return Err("this system is not Debian".to_owned());
    }
    let codename = value(&release, "VERSION_CODENAME").unwrap_or("unknown");
    let mut mirrors = Vec::new();
    for file in files(&etc.join("apt")) {
        // A list that only root may read has nothing for us.
        let text = fs::read_to_string(&file).unwrap_or_default();
        let deb822 = file.extension().is_some_and(|end| end == "sources");
        for mirror in if deb822 { stanzas(&text, codename) } else { lines(&text, codename) } {
            if !mirrors.contains(&mirror) {
                mirrors.push(mirror);
            }
        }
    }
    if mirrors.is_empty() {
        return Err(format!("no source in {} serves `{codename} main`", etc.join("apt").display()));
    }
    Ok(mirrors)
}

fn value<'a>(release: &'a str, name: &str) -> Option<&'a str> {
    let line = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim().trim_matches('"'))
}

fn files(apt: &Path) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = fs::read_dir(apt.join("sources.list.d"))
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "list" || end == "sources"))
        .collect();
    parts.sort();
    parts.insert(0, apt.join("sources.list"));
    parts
}

/// One-line format: `deb [signed-by=FILE other=...] URI SUITE COMPONENT...`.
fn lines(text: &str, codename: &str) -> Vec<Mirror> {
    text.lines().filter_map(|line| mirror_of_line(line, codename)).collect()
}

fn mirror_of_line(line: &str, codename: &str) -> Option<Mirror> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?.strip_prefix([' ', '\t'])?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    (suite == codename && words.any(|component| component == "main"))
        .then(|| Mirror { uri: uri.to_owned(), signed_by: signed_by.map(|files| files.replace(',', " ")) })
}

/// deb822 format: stanzas of `Name: value` lines with an empty line between them.
fn stanzas(text: &str, codename: &str) -> Vec<Mirror> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    lines.split(|line| line.trim().is_empty()).flat_map(|stanza| mirrors_of_stanza(stanza, codename)).collect()
}

fn mirrors_of_stanza(stanza: &[&str], codename: &str) -> Vec<Mirror> {
    let field = |name: &str| field(stanza, name).unwrap_or_default();
    let has = |name: &str, word: &str| field(name).split_whitespace().any(|found| found == word);
    if !has("Types", "deb") || !has("Suites", codename) || !has("Components", "main") || has("Enabled", "no") {
        return Vec::new();
    }
    let signed_by = Some(field("Signed-By")).filter(|key| !key.is_empty());
    let mirror = |uri: &str| Mirror { uri: uri.to_owned(), signed_by: signed_by.clone() };
    field("URIs").split_whitespace().map(mirror).collect()
}

/// The value of a field, with its continuation lines as they are. Names are equal in any case.
fn field(stanza: &[&str], name: &str) -> Option<String> {
    let is_named = |line: &&str| line.split_once(':').is_some_and(|(field, _)| field.eq_ignore_ascii_case(name));
    let start = stanza.iter().position(is_named)?;
    let (_, first) = stanza[start].split_once(':')?;
    let more = stanza[start + 1..].iter().take_while(|line| line.starts_with([' ', '\t'])).copied();
    Some([&[first.trim()], more.collect::<Vec<_>>().as_slice()].concat().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(uri: &str, signed_by: Option<&str>) -> Mirror {
        Mirror { uri: uri.to_owned(), signed_by: signed_by.map(str::to_owned) }
    }

    #[test]
    fn one_line_sources_are_read() {
        let text = "\
# deb http://off.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb http://other.example/debian trixie main
deb http://extra.example/debian bookworm contrib
deb http://plain.example/debian bookworm main contrib # ours
deb\t[ arch=amd64 signed-by=/usr/a.gpg,/usr/b.gpg ] https://signed.example/debian bookworm main
deb [broken";
        assert_eq!(
            lines(text, "bookworm"),
            [
                mirror("http://plain.example/debian", None),
                mirror("https://signed.example/debian", Some("/usr/a.gpg /usr/b.gpg"))
            ]
        );
    }

    #[test]
    fn deb822_sources_are_read() {
        let text = "\
Types: deb deb-src
# a comment in between
URIs: http://one.example/debian http://two.example/debian
suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm
Components: main
";
        let key = Some("/usr/share/keyrings/debian.gpg");
        assert_eq!(
            stanzas(text, "bookworm"),
            [mirror("http://one.example/debian", key), mirror("http://two.example/debian", key)]
        );
    }

    #[test]
    fn a_key_within_a_stanza_is_kept_as_it_is() {
        let text = "Types: deb\nURIs: http://a.example/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n \
                    -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----\n";
        let mirrors = stanzas(text, "bookworm");
        assert_eq!(
            mirrors[0].stanza("forky"),
            "Types: deb\nURIs: http://a.example/debian\nSuites: forky\nComponents: main\nTargets: Packages\nSigned-By: \n \
             -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----\n"
        );
    }

    #[test]
    fn sources_come_from_every_file_once_and_only_on_debian() {
        let etc = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| fs::write(etc.path().join(path), text).expect("a file");
        fs::create_dir_all(etc.path().join("apt/sources.list.d")).expect("a folder");
        write("apt/sources.list", "deb http://a.example/debian bookworm main\n");
        write("apt/sources.list.d/b.list", "deb http://a.example/debian bookworm main\n");
        write(
            "apt/sources.list.d/c.sources",
            "Types: deb\nURIs: http://c.example\nSuites: bookworm\nComponents: main\n",
        );
        write("apt/sources.list.d/d.save", "deb http://d.example/debian bookworm main\n");

        assert_eq!(configured(etc.path()), Err("this system is not Debian".to_owned()));
        write("os-release", "ID=debian\nVERSION_CODENAME=bookworm\n");
        assert_eq!(
            configured(etc.path()),
            Ok(vec![mirror("http://a.example/debian", None), mirror("http://c.example", None)])
        );
        write("os-release", "ID=debian\nVERSION_CODENAME=\"trixie\"\n");
        let reason = configured(etc.path()).expect_err("no source serves trixie");
        assert!(reason.contains("`trixie main`"), "{reason}");
    }
}
