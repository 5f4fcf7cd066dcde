//! How a chat model is told the terms that it has to use: in front of the text, behind the instruction that all requests
//! share, so that the shared part stays shared.

use std::fmt::Write as _;

/// A text with the terms that stand in it and what may stand for each.
pub fn with_terms(text: &str, terms: &[(String, Vec<String>)]) -> String {
    if terms.is_empty() {
        return text.to_string();
    }
    let mut request = String::from("Use these translations:\n");
    for (term, forms) in terms {
        let _ = writeln!(request, "{term} = {}", forms.join(" / "));
    }
    request.push_str("\nText:\n\n");
    request.push_str(text);
    request
}

#[cfg(test)]
mod tests {
    use super::with_terms;

    #[test]
    fn terms_stand_before_the_text_and_are_left_out_where_there_are_none() {
        let terms = [("bank".to_string(), vec!["банк".to_string(), "банку".to_string()])];
        assert_eq!(with_terms("A bank.", &terms), "Use these translations:\nbank = банк / банку\n\nText:\n\nA bank.");
        assert_eq!(with_terms("A bank.", &[]), "A bank.");
    }
}
