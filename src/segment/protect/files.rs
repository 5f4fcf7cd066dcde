//! Names of files and paths, only where nothing else can be meant.

/// Endings of files that are no words.
const ENDINGS: &[&str] = &[
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "txt", "csv", "tsv", "md", "epub",
    "zip", "rar", "7z", "gz", "bz2", "xz", "zst", "tar", "tgz", "jpg", "jpeg", "png", "gif", "svg", "webp", "tif",
    "tiff", "bmp", "heic", "psd", "mp3", "mp4", "m4a", "wav", "ogg", "flac", "avi", "mov", "mkv", "webm", "json",
    "xml", "yaml", "yml", "toml", "ini", "cfg", "conf", "log", "sql", "html", "htm", "css", "js", "ts", "py", "rs",
    "cpp", "java", "php", "sh", "bat", "exe", "dll", "apk", "iso", "dmg", "hwp", "hwpx", "srt", "ttf", "gguf",
];

/// First folders of absolute paths.
const ROOTS: &[&str] = &[
    "etc",
    "usr",
    "var",
    "home",
    "opt",
    "tmp",
    "bin",
    "sbin",
    "dev",
    "proc",
    "sys",
    "srv",
    "mnt",
    "media",
    "root",
    "lib",
    "boot",
    "run",
    "Users",
    "Library",
    "Applications",
    "Volumes",
];

/// Length of the name of a file at the start of `rest`: `report.pdf`, `src/main.rs`, `звіт_2.docx`.
pub(super) fn name(rest: &str) -> Option<usize> {
    let path = &rest[..rest.find(|c| !is_path(c)).unwrap_or(rest.len())];
    let mut found = None;
    for (at, _) in path.match_indices('.') {
        let ending = &path[at + 1..];
        let length = ending.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let after = ending[length..].chars().next().or_else(|| rest[path.len()..].chars().next());
        let goes_on = matches!(after, Some('_' | '-' | '@')) || after == Some('/');
        let stem = path[..at].rsplit(['/', '\\']).next().unwrap_or_default();
        if is_ending(&ending[..length]) && !goes_on && stem.chars().any(char::is_alphanumeric) {
            found = Some(at + 1 + length);
        }
    }
    found
}

/// Length of a path at the start of `rest`: `C:\dir\a.txt`, `\\host\share`, `/etc/hosts`, `~/notes`, `./run`.
pub(super) fn path(rest: &str) -> Option<usize> {
    let drive = rest.as_bytes().get(..3).is_some_and(|begin| begin[0].is_ascii_alphabetic() && &begin[1..] == b":\\");
    if drive || rest.starts_with("\\\\") {
        let end = rest.find(|c: char| c.is_whitespace() || "<>\"|?*«»“”‘’".contains(c)).unwrap_or(rest.len());
        let named = name(&rest[2..]).map_or(0, |length| length + 2);
        let end =
            if named > 0 { named } else { rest[..end].trim_end_matches(['.', ',', ';', ':', '!', ')', ']']).len() };
        let parts = rest[2..end].split('\\').filter(|part| part.chars().any(char::is_alphanumeric)).count();
        return (parts >= if drive { 1 } else { 2 }).then_some(end);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let home = ["~/", "./", "../"].into_iter().find(|begin| rest.starts_with(begin));
    let from = home.map_or(0, str::len);
    if home.is_none() && !rest.starts_with('/') {
        return None;
    }
    let length = rest[from..].find(|c| !plain(c)).unwrap_or(rest.len() - from);
    let end = rest[..from + length].trim_end_matches(['.', '-']).len();
    let mut parts = rest[from.min(end)..end].split('/').filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    let known = if home.is_some() {
        first.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.')
    } else {
        parts.next().is_some() && (ROOTS.contains(&first) || name(&rest[1..]) == Some(end - 1))
    };
    known.then_some(end)
}

fn is_path(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '\\')
}

fn is_ending(ending: &str) -> bool {
    let lower = ending.to_ascii_lowercase();
    ENDINGS.contains(&lower.as_str()) && (ending == lower || ending == ending.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{name, path};

    fn check(find: fn(&str) -> Option<usize>, text: &str, expected: Option<&str>) {
        assert_eq!(find(text).map(|length| &text[..length]), expected, "{text:?}");
    }

    #[test]
    fn names_have_a_known_ending() {
        check(name, "report.pdf.", Some("report.pdf"));
        check(name, "convoy_31.xlsx,", Some("convoy_31.xlsx"));
        check(name, "보고서.pdf를", Some("보고서.pdf"));
        check(name, "src/main.rs:5", Some("src/main.rs"));
        check(name, "archive.tar.gz", Some("archive.tar.gz"));
        for text in ["end.The", "U.S.", "3.5mm", "і/або", "24/7", "km/h", "word.so", "Report.Pdf", "a.pdf-b"] {
            check(name, text, None);
        }
    }

    #[test]
    fn paths_have_a_known_begin() {
        check(path, "C:\\dir\\a.txt.", Some("C:\\dir\\a.txt"));
        check(path, "\\\\host\\share, ", Some("\\\\host\\share"));
        check(path, "/etc/hosts.", Some("/etc/hosts"));
        check(path, "/docs/a.pdf)", Some("/docs/a.pdf"));
        check(path, "~/notes and", Some("~/notes"));
        for text in ["/м", "/or", "/km/h", "C: a", "..", "./", "/ 5", "\\\\"] {
            check(path, text, None);
        }
    }
}
