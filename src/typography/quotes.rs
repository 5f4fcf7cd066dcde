//! Pairs quotation marks and gives each pair the marks of its language and of its depth.
//!
//! Straight marks get their role from what stands beside them, where that leaves no choice, and from what is open. A mark
//! without a partner stays as it is, and so does a pair around such a mark: nobody knows what was meant there. Only so a
//! second run finds what the first one made.

use super::Rules;
use super::view::{Change, View, is_closing, is_elision, is_hard_sign, is_opening, is_quote, is_word_apostrophe};

/// A quotation that is not closed in its paragraph may be closed in one of this many after it.
const FARTHEST_BLOCK: usize = 8;

/// What was found in one paragraph.
#[derive(Debug, Default)]
pub(super) struct Quoted {
    /// Marks that become others.
    pub changes: Vec<Change>,
    /// Indices of signs that may look like apostrophes and are quotation marks, in order.
    pub taken: Vec<usize>,
    /// The first single mark that opens and that nothing closes.
    pub lone_single: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Double,
    Single,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Open,
    Close,
    Either,
    Neither,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partner {
    None,
    /// The mark with this index, in the same paragraph.
    Mark(usize),
    /// The only lone mark of a later paragraph.
    Later,
    /// The only lone mark of an earlier paragraph.
    Earlier,
    /// The next paragraph goes on with the quotation and begins with a mark of its own.
    NextBegins,
}

/// A sign that may be a quotation mark.
#[derive(Debug)]
struct Mark {
    at: usize,
    length: usize,
    sign: char,
    class: Class,
    role: Role,
    /// Stands after a digit: may be minutes or inches.
    measure: bool,
    /// May as well be an apostrophe or the sign of inches: see [`is_doubtful`].
    doubtful: bool,
    partner: Partner,
    /// Has no partner although it should.
    alone: bool,
}

/// The quotation marks of paragraphs in order.
pub(super) fn quotes(views: &[View], rules: Rules) -> Vec<Quoted> {
    let mut marks: Vec<Vec<Mark>> = views.iter().map(|view| collect(view, rules)).collect();
    for block in &mut marks {
        pair(block);
    }
    across(views, &mut marks);
    let mut found = Vec::with_capacity(views.len());
    let mut open = Vec::new();
    for block in &marks {
        let mut quoted = Quoted { changes: style(block, rules, &mut open), ..Quoted::default() };
        for mark in block {
            if mark.length > 1 || mark.class == Class::Single && mark.partner != Partner::None {
                quoted.taken.extend(mark.at..mark.at + mark.length);
            }
        }
        let lone = |mark: &&Mark| mark.alone && mark.class == Class::Single;
        quoted.lone_single = block.iter().find(lone).map(|mark| mark.at);
        found.push(quoted);
    }
    found
}

fn collect(view: &View, rules: Rules) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut at = 0;
    while at < view.chars.len() {
        let sign = view.chars[at];
        let (class, length) = match sign {
            // TeX and some tokenizers write a double mark as two single ones.
            '`' | '\'' if is_doubled(view, at) => (Class::Double, 2),
            '"' | '＂' | '“' | '”' | '„' | '‟' | '«' | '»' => (Class::Double, 1),
            '\'' | '＇' | '‘' | '’' | '‚' | '‛' | '‹' | '›' => (Class::Single, 1),
            _ => {
                at += 1;
                continue;
            }
        };
        let apostrophe = match class {
            Class::Single => is_word_apostrophe(view, at) || rules == Rules::English && is_elision(view, at),
            Class::Double => rules == Rules::Ukrainian && is_hard_sign(view, at),
        };
        if !apostrophe {
            let before = view.before(at);
            let measure = before.is_ascii_digit() && matches!(sign, '\'' | '"');
            let small = view.char(at + length) == ' ' && view.after_spaces(at + length).is_lowercase();
            let role = role(view, at, length);
            marks.push(Mark {
                at,
                length,
                sign,
                class,
                role: if measure && role != Role::Close { Role::Neither } else { role },
                measure,
                doubtful: small && (measure || class == Class::Single && matches!(before, 's' | 'S')),
                partner: Partner::None,
                alone: false,
            });
        }
        at += length;
    }
    marks
}

fn is_doubled(view: &View, at: usize) -> bool {
    let sign = view.char(at);
    let before = view.before(at);
    view.char(at + 1) == sign && view.char(at + 2) != sign && before != sign && !before.is_ascii_digit()
}

/// The role that the surroundings of a mark leave it; for typed marks in doubt, the one they were made for.
fn role(view: &View, at: usize, length: usize) -> Role {
    let mut left = at;
    while left > 0 && is_quote(view.chars[left - 1]) {
        left -= 1;
    }
    let mut right = at + length;
    while is_quote(view.char(right)) {
        right += 1;
    }
    let (before, after) = (view.before(left), view.char(right));
    let opens = !after.is_whitespace() && (before.is_whitespace() || is_opening(before));
    let closes = !before.is_whitespace() && (after.is_whitespace() || is_closing(after));
    if opens != closes {
        return if opens { Role::Open } else { Role::Close };
    }
    match view.char(at) {
        '«' | '‹' | '„' | '‚' | '‘' | '‛' | '‟' | '`' => Role::Open,
        '»' | '›' | '”' | '’' => Role::Close,
        _ if before.is_whitespace() && after.is_whitespace() => Role::Neither,
        _ => Role::Either,
    }
}

/// Whether a mark that may be something else has a better one after it: the next mark of its class closes too.
fn is_doubtful(marks: &[Mark], index: usize) -> bool {
    let mark = &marks[index];
    let mut after = marks[index + 1..].iter().filter(|other| other.class == mark.class && other.role != Role::Neither);
    mark.doubtful && after.next().is_some_and(|other| other.role == Role::Close)
}

/// Pairs the marks of one paragraph.
fn pair(marks: &mut [Mark]) {
    let mut open: Vec<usize> = Vec::new();
    for index in 0..marks.len() {
        let Mark { class, sign, role, measure, .. } = marks[index];
        let place = match class {
            Class::Double => open.iter().rposition(|other| marks[*other].class == Class::Double),
            // An apostrophe must not close across a double mark.
            Class::Single => open.len().checked_sub(1).filter(|top| marks[open[*top]].class == Class::Single),
        };
        let low = place.is_some_and(|place| marks[open[place]].sign == '„');
        let role = match role {
            // The sign that opens in English closes in Ukrainian.
            Role::Either if sign == '“' && !low => Role::Open,
            Role::Either if place.is_some() => Role::Close,
            Role::Either => Role::Open,
            role => role,
        };
        match (role, place) {
            (Role::Open, _) => open.push(index),
            (Role::Close, Some(place)) => {
                if !is_doubtful(marks, index) {
                    for left in &open[place + 1..] {
                        marks[*left].alone = true;
                    }
                    marks[open[place]].partner = Partner::Mark(index);
                    marks[index].partner = Partner::Mark(open[place]);
                    open.truncate(place);
                }
            }
            // A single mark that closes nothing is an apostrophe; after a digit it is minutes or inches.
            _ => marks[index].alone = class == Class::Double && !measure,
        }
        marks[index].role = role;
    }
    for index in open {
        marks[index].alone = true;
    }
}

/// Quotations of several paragraphs: each begins with the opening mark, or only the first one does.
fn across(views: &[View], marks: &mut [Vec<Mark>]) {
    for block in 0..views.len() {
        let Some(opener) = lone(&marks[block], Role::Open) else { continue };
        let next = marks.get(block + 1).and_then(|next| next.first());
        let next_begins = next.is_some_and(|mark| {
            let before = &views[block + 1].chars[..mark.at];
            mark.class == Class::Double && mark.role == Role::Open && !before.iter().any(|c| c.is_alphanumeric())
        });
        if next_begins {
            marks[block][opener].partner = Partner::NextBegins;
            continue;
        }
        for other in block + 1..views.len().min(block + 1 + FARTHEST_BLOCK) {
            if marks[other].iter().any(|mark| mark.alone && mark.class == Class::Double) {
                if let Some(closer) = lone(&marks[other], Role::Close) {
                    marks[block][opener].partner = Partner::Later;
                    marks[other][closer].partner = Partner::Earlier;
                }
                break;
            }
        }
    }
}

/// The double mark of a paragraph that alone has no partner, if it has this role and stands in no pair.
fn lone(marks: &[Mark], role: Role) -> Option<usize> {
    let mut alone = (0..marks.len()).filter(|index| marks[*index].alone && marks[*index].class == Class::Double);
    let found = alone.next()?;
    let inside = marks[..found].iter().any(|mark| matches!(mark.partner, Partner::Mark(other) if other > found));
    (alone.next().is_none() && marks[found].role == role && !inside).then_some(found)
}

/// A quotation that is open while the marks are walked through.
struct Open {
    /// The class of its new marks.
    class: Class,
    /// Its new marks; none where they stay as they are.
    signs: Option<(&'static str, &'static str)>,
    /// Closes in a later paragraph.
    far: bool,
}

/// Gives each pair of a paragraph the marks of its depth; `open` holds what is open from paragraphs before.
fn style(marks: &[Mark], rules: Rules, open: &mut Vec<Open>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (index, mark) in marks.iter().enumerate() {
        let sign = match mark.partner {
            Partner::None => continue,
            Partner::Mark(other) if other < index => open.pop().and_then(|open| open.signs).map(|signs| signs.1),
            Partner::Earlier => open.pop().and_then(|open| open.signs).map(|signs| signs.1),
            Partner::Mark(other) => {
                let (class, signs) = signs(mark.class, rules, open);
                let alone = |class: Class| marks[index..other].iter().any(|mark| mark.alone && mark.class == class);
                // A lone single mark would be closed by the new marks of a single pair.
                let settled = !alone(Class::Double) && (class == Class::Double || !alone(Class::Single));
                open.push(Open { class, signs: settled.then_some(signs), far: false });
                settled.then_some(signs.0)
            }
            Partner::Later | Partner::NextBegins => {
                let (class, signs) = signs(mark.class, rules, open);
                open.push(Open { class, signs: Some(signs), far: mark.partner == Partner::Later });
                Some(signs.0)
            }
        };
        if let Some(sign) = sign {
            changes.push(Change { at: mark.at..mark.at + mark.length, text: sign.to_string() });
        }
    }
    open.retain(|open| open.far);
    changes
}

/// The class and the marks of a quotation inside those that are open.
fn signs(class: Class, rules: Rules, open: &[Open]) -> (Class, (&'static str, &'static str)) {
    if rules == Rules::Ukrainian {
        return (Class::Double, if open.len().is_multiple_of(2) { ("«", "»") } else { ("„", "“") });
    }
    match (open.last().map(|outer| outer.class), class) {
        (Some(Class::Double), _) | (None, Class::Single) => (Class::Single, ("‘", "’")),
        (Some(Class::Single), _) | (None, Class::Double) => (Class::Double, ("“", "”")),
    }
}
