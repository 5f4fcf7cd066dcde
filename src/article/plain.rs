//! (in the making)

use crate::document::{Document, Markup};

pub(super) fn read(text: &str, byte_order_mark: bool) -> Document {
    Document { text: text.to_string(), byte_order_mark, markup: Markup::None, blocks: Vec::new() }
}
