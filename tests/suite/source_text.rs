//! Rust source with everything taken out that is no code, for the tests that scan it. No parser: lines stay lines.

/// The text with comments and the insides of string and character literals blanked; line numbers stay.
pub(crate) fn plain(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// The end of the comment or literal that begins at a place; the place itself if none does.
fn skipped(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next(1) == '/' => chars[at..].iter().position(|&c| c == '\n').map_or(chars.len(), |n| at + n),
        '/' if next(1) == '*' => {
            let mut depth = 1;
            let mut end = at + 2;
            while end < chars.len() && depth > 0 {
                match (chars[end], chars.get(end + 1)) {
                    ('/', Some('*')) => depth += 1,
                    ('*', Some('/')) => depth -= 1,
                    _ => {
                        end += 1;
                        continue;
                    }
                }
                end += 2;
            }
            end
        }
        '"' => quoted(chars, at + 1),
        'r' if !in_word || at > 0 && chars[at - 1] == 'b' => {
            let hashes = chars[at + 1..].iter().take_while(|&&c| c == '#').count();
            if next(1 + hashes) != '"' {
                return at;
            }
            let mut end = at + 2 + hashes;
            while end < chars.len()
                && !(chars[end] == '"' && chars[end + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes)
            {
                end += 1;
            }
            (end + 1 + hashes).min(chars.len())
        }
        // A character, not a lifetime: it closes after one character or begins with a backslash.
        '\'' if next(1) == '\\' => {
            let close = chars[at + 3..].iter().position(|&c| c == '\'');
            close.map_or(chars.len(), |n| at + 4 + n)
        }
        '\'' if next(2) == '\'' => at + 3,
        _ => at,
    }
}

/// The end of a string literal whose inside begins at a place.
fn quoted(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// The text up to its test module: tests may use whatever they need.
pub(crate) fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let tests = line.trim() == "#[cfg(test)]"
            && lines.peek().is_some_and(|next| next.trim_start().starts_with("mod ") && next.trim_end().ends_with('{'));
        if tests {
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept
}

#[test]
fn comments_and_literals_are_blanked() {
    let text = "a // unsafe\n/* x /* y */ z */ b \"un\\\"safe\" r#\"q\"w\"# 'c' '\\n' &'a str";
    assert_eq!(plain(text).split_whitespace().collect::<Vec<_>>(), ["a", "b", "&'a", "str"]);
}

#[test]
fn the_test_module_is_left_out() {
    let text = "use a;\n#[cfg(test)]\nuse b;\n#[cfg(test)]\nmod tests {\n    use c;\n}";
    assert_eq!(without_tests(text), "use a;\n#[cfg(test)]\nuse b;\n");
}
