//! A file of a head, the pieces of a job's articles, and a tail: what the report and the review copy have in common.
//!
//! Articles are finished in any order and a job may have more of them than memory holds, so each piece is appended to
//! `FILE.partial` as it comes and only its place is kept. When the job ends the pieces are put into the order of the
//! inputs and the file gets its name. What the pieces say is the business of whoever writes them.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A file that grows by pieces in any order and ends with them in their own.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    /// What stands between two pieces.
    separator: &'static [u8],
    /// Where the first piece begins.
    head: u64,
    /// What was appended.
    pieces: Vec<Place>,
}

/// What is known of a file only when all its pieces are there.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Ending<'a> {
    /// What takes the place of the head, if the head was only good for an unfinished file.
    pub(crate) head: Option<&'a [u8]>,
    /// What follows the last piece.
    pub(crate) tail: &'a [u8],
}

/// Where a piece stands in the file, as all that is kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The number of its article in the job.
    index: usize,
    start: u64,
    end: u64,
}

impl Spool {
    /// Begins a file that will be at `path`.
    ///
    /// # Errors
    /// The folder of `path` cannot be written to.
    pub(crate) fn create(path: &Path, head: &[u8], separator: &'static [u8]) -> std::io::Result<Spool> {
        let partial = beside(path, ".partial");
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&partial)?;
        file.write_all(head)?;
        let head = file.stream_position()?;
        Ok(Spool { file, partial, path: path.to_path_buf(), separator, head, pieces: Vec::new() })
    }

    /// Appends the piece of the article with the number `index` in the job; they may come in any order.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn append(
        &mut self,
        index: usize,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        if !self.pieces.is_empty() {
            self.file.write_all(self.separator)?;
        }
        let start = self.file.stream_position()?;
        let mut buffered = BufWriter::new(&mut self.file);
        write(&mut buffered)?;
        buffered.flush()?;
        drop(buffered);
        self.pieces.push(Place { index, start, end: self.file.stream_position()? });
        Ok(())
    }

    /// Takes the file back: the job could not run.
    pub(crate) fn discard(self) {
        // What cannot be removed is left as a partial file, which it is.
        let _ = std::fs::remove_file(&self.partial);
    }

    /// Ends the file, with the pieces in the order of their articles, and puts it at its path.
    ///
    /// # Errors
    /// The file cannot be written or moved to its place.
    pub(crate) fn finish(mut self, ending: Ending<'_>) -> std::io::Result<()> {
        if ending.head.is_none() && self.pieces.is_sorted() {
            write_tail(&mut self.file, ending.tail)?;
            return std::fs::rename(&self.partial, &self.path);
        }
        // What was finished early is copied to its place; the partial file stays whole until all is done.
        let ordered = beside(&self.path, ".ordered");
        let mut file = File::create(&ordered)?;
        match ending.head {
            Some(head) => file.write_all(head)?,
            None => copy(&mut self.file, 0..self.head, &mut file)?,
        }
        self.pieces.sort_unstable();
        for (number, place) in self.pieces.iter().enumerate() {
            if number > 0 {
                file.write_all(self.separator)?;
            }
            copy(&mut self.file, place.start..place.end, &mut file)?;
        }
        write_tail(&mut file, ending.tail)?;
        std::fs::rename(&ordered, &self.path)?;
        std::fs::remove_file(&self.partial)
    }
}

/// The path with something behind its last letter.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies a range of bytes behind what `to` has.
fn copy(from: &mut File, range: Range<u64>, to: &mut File) -> std::io::Result<()> {
    from.seek(SeekFrom::Start(range.start))?;
    std::io::copy(&mut from.take(range.end - range.start), to)?;
    Ok(())
}

/// Writes the tail, and everything to the disk.
fn write_tail(file: &mut File, tail: &[u8]) -> std::io::Result<()> {
    file.write_all(tail)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Appends pieces in the order given and expects the file that comes out, and nothing beside it.
    fn check(indices: &[usize], ending: Ending<'_>, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut spool = Spool::create(&path, b"head:", b",").unwrap();
        for &index in indices {
            spool.append(index, |out| write!(out, "{index}")).unwrap();
            assert!(!path.exists(), "nothing stands at the path before the end");
        }
        spool.finish(ending).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn pieces_stand_in_the_order_of_their_articles() {
        let ending = Ending { head: None, tail: b"." };
        check(&[], ending, "head:.");
        check(&[0, 1, 2], ending, "head:0,1,2.");
        check(&[2, 0, 12, 1], ending, "head:0,1,2,12.");
    }

    #[test]
    fn the_head_of_an_unfinished_file_can_be_replaced() {
        let ending = Ending { head: Some(b"a longer head than before:"), tail: b"." };
        check(&[], ending, "a longer head than before:.");
        check(&[0, 1], ending, "a longer head than before:0,1.");
        check(&[1, 0], ending, "a longer head than before:0,1.");
    }

    #[test]
    fn a_discarded_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        Spool::create(&folder.path().join("file"), b"", b"").unwrap().discard();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
