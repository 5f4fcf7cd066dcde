//! The review copy: one page with source and answer side by side, findings where they lie, for a person who looks.
//!
//! Stands beside the report, made from the same records. A [`Writer`] appends each article as soon as it is finished and
//! brings them into the order of the inputs when the job ends. The page loads nothing, runs nothing but its own script,
//! and is readable without it. It decides nothing: what is doubtful is said by `quality`. Described in `docs/review.md`.

mod article;
mod escape;
mod finding;
mod highlight;
mod page;
mod policy;
#[cfg(test)]
mod reading;
mod segment;
#[cfg(test)]
mod testing;

use crate::job::report::{ArticleRecord, Head, Tail};
use crate::job::spool::{Ending, Spool};
use crate::language::Language;
use article::{Article, Entry, Folding};
use std::path::Path;

/// Jobs of more articles begin with those folded that have nothing to look at.
const MOST_OPEN: usize = 12;

/// What is known of the job before its first article.
#[derive(Debug)]
struct Job<'a> {
    head: &'a Head,
    /// The language of the answers, if one was asked for.
    to: Option<Language>,
}

/// Writes a review copy article by article.
#[derive(Debug)]
pub struct Writer {
    spool: Spool,
    head: Head,
    to: Option<Language>,
    folding: Folding,
    entries: Vec<Entry>,
}

impl Writer {
    /// Begins a page for a job of so many articles that will be at `path`.
    ///
    /// # Errors
    /// The folder of `path` cannot be written to.
    pub fn create(path: &Path, head: &Head, articles: usize) -> std::io::Result<Writer> {
        let to = page::target(&head.options);
        let unfinished = page::unfinished(&Job { head, to });
        let spool = Spool::create(path, unfinished.as_bytes(), b"")?;
        let folding = if articles <= MOST_OPEN { Folding::Open } else { Folding::FoldFine };
        Ok(Writer { spool, head: head.clone(), to, folding, entries: Vec::new() })
    }

    /// Adds the article with the number `index` in the job; they may come in any order. `original` is the article's text,
    /// shown beside an answer that has no source of its own (a summary).
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn article(&mut self, index: usize, record: &ArticleRecord, original: Option<&str>) -> std::io::Result<()> {
        let article = Article { number: index + 1, record, to: self.to, original, folding: self.folding };
        self.spool.append(index, |out| article.write(out))?;
        self.entries.push(article.entry());
        Ok(())
    }

    /// Takes the page back: the job could not run.
    pub fn discard(self) {
        self.spool.discard();
    }

    /// Ends the page, with the articles in their order, and puts it at its path.
    ///
    /// # Errors
    /// The file cannot be written or moved to its place.
    pub fn finish(mut self, tail: &Tail) -> std::io::Result<()> {
        self.entries.sort_by_key(|entry| entry.number);
        let front = page::front(&Job { head: &self.head, to: self.to }, &self.entries, tail);
        let back = page::back();
        self.spool.finish(Ending { head: Some(front.as_bytes()), tail: back.as_bytes() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeMap;
    use testing::{article, segment};

    fn head() -> Head {
        Head { task: "translate", options: BTreeMap::from([("to", "en".into()), ("from", "auto".into())]) }
    }

    /// The finished page of articles that came in this order.
    fn page(indices: &[usize]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("review.html");
        let mut writer = Writer::create(&path, &head(), indices.len()).unwrap();
        for index in indices {
            let record = article(&format!("story {index}"), vec![segment(&format!("source {index}"), "output")]);
            writer.article(*index, &record, None).unwrap();
            assert!(!path.exists());
        }
        writer.finish(&Tail::default()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
        std::fs::read_to_string(&path).unwrap()
    }

    #[test]
    fn articles_stand_in_the_order_of_the_inputs() {
        let ordered = page(&[0, 1, 2, 3]);
        assert_eq!(page(&[2, 0, 3, 1]), ordered);
        let places: Vec<usize> = (0..4).map(|index| ordered.find(&format!("source {index}")).unwrap()).collect();
        assert!(places.is_sorted());
        let listed: Vec<usize> = (0..4).map(|index| ordered.find(&format!(">story {index}</a>")).unwrap()).collect();
        assert!(listed.is_sorted() && listed[3] < places[0], "the list stands before the articles");
    }

    #[test]
    fn a_job_of_one_article_has_no_list_and_one_of_none_is_a_page() {
        assert!(!page(&[0]).contains("class=\"contents\""));
        let empty = page(&[]);
        assert!(empty.starts_with("<!doctype html>") && empty.trim_end().ends_with("</html>"), "{empty}");
    }

    #[test]
    fn an_unfinished_page_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("review.html");
        let mut writer = Writer::create(&path, &head(), 2).unwrap();
        writer.article(1, &article("late", vec![segment("a", "b")]), None).unwrap();
        let partial = std::fs::read_to_string(folder.path().join("review.html.partial")).unwrap();
        assert!(partial.contains("Unfinished") && partial.contains("late") && partial.contains("<style>"));
        writer.discard();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
