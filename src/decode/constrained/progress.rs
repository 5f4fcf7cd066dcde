//! How far a hypothesis has come with what it has to hold: which constraints are met, which are under way.
//!
//! A form counts only as whole words, so that it is met when the token behind it begins another word, or the answer ends.
//! No token serves two constraints: a longer form that was met takes what lies within it.

use crate::token::{Constraint, TokenId, WordEdges};
use std::ops::Range;

/// How much of its attention a model has to give to what a term stands for when it begins the term. Heads that were trained
/// to align give nearly all of it to one word; less than this, and the model is about to write something else.
const LOOKS: f32 = 0.2;

/// What an answer has to hold, and how words are told.
#[derive(Debug, Clone)]
pub(super) struct Goal<'e> {
    constraints: Vec<Constraint>,
    /// The longest form of each constraint, in tokens.
    lengths: Vec<usize>,
    edges: &'e WordEdges,
}

impl<'e> Goal<'e> {
    /// Empty forms are left out, and so are constraints without any.
    pub(super) fn new(constraints: &[Constraint], edges: &'e WordEdges) -> Goal<'e> {
        let whole = |constraint: &Constraint| Constraint {
            forms: constraint.forms.iter().filter(|form| !form.is_empty()).cloned().collect(),
            source: constraint.source.clone(),
        };
        let constraints: Vec<Constraint> =
            constraints.iter().map(whole).filter(|constraint| !constraint.forms.is_empty()).collect();
        let longest = |constraint: &Constraint| constraint.forms.iter().map(Vec::len).max().unwrap_or(0);
        let lengths = constraints.iter().map(longest).collect();
        Goal { constraints, lengths, edges }
    }

    /// Number of constraints.
    pub(super) fn len(&self) -> usize {
        self.constraints.len()
    }

    /// Tokens of all constraints, by their longest forms.
    pub(super) fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// Whether a model that looks at its source like this is about to write what a constraint stands for. Whoever does not
    /// tell may be.
    fn is_looked_at(&self, constraint: usize, look: &[f32]) -> bool {
        let source = &self.constraints[constraint].source;
        let seen = source.iter().filter_map(|tokens| look.get(tokens.clone())).flatten().sum::<f32>();
        look.is_empty() || source.is_empty() || seen >= LOOKS
    }

    /// What a hypothesis without tokens has.
    pub(super) fn start(&self) -> Progress {
        Progress { met: vec![None; self.constraints.len()], under_way: Vec::new(), tokens: 0, last: None }
    }
}

/// What one hypothesis has of its goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Progress {
    /// For each constraint the tokens that meet it.
    met: Vec<Option<Range<usize>>>,
    /// Forms that the last tokens spell in part or, if nothing is left of them, whole.
    under_way: Vec<UnderWay>,
    /// Number of tokens.
    tokens: usize,
    last: Option<TokenId>,
}

/// A form whose first tokens are the last ones of the hypothesis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct UnderWay {
    constraint: usize,
    form: usize,
    /// How many of its tokens are there.
    spelled: usize,
}

/// The tokens of a form that is under way.
fn form<'g>(goal: &'g Goal<'_>, of: &UnderWay) -> &'g [TokenId] {
    &goal.constraints[of.constraint].forms[of.form]
}

impl Progress {
    /// Constraints for which a form may begin: not met, and the first of those that are the same.
    fn open<'g>(&'g self, goal: &'g Goal<'_>) -> impl Iterator<Item = usize> + 'g {
        let open = |index: &usize| self.met[*index].is_none();
        (0..goal.len()).filter(open).filter(move |&index| {
            !(0..index).any(|other| open(&other) && goal.constraints[other] == goal.constraints[index])
        })
    }

    /// Whether a word can begin with this token.
    fn begins_word(&self, goal: &Goal<'_>, token: TokenId) -> bool {
        self.last.is_none_or(|last| goal.edges.between(last, token))
    }

    /// Tokens that bring a constraint nearer, ascending.
    pub(super) fn wanted(&self, goal: &Goal<'_>) -> Vec<TokenId> {
        let going_on = self.under_way.iter().filter_map(|of| form(goal, of).get(of.spelled));
        let beginning = self.open(goal).flat_map(|index| goal.constraints[index].forms.iter().map(|form| &form[0]));
        let beginning = beginning.filter(|&&token| self.begins_word(goal, token));
        let mut tokens: Vec<TokenId> = going_on.chain(beginning).copied().collect();
        tokens.sort_unstable();
        tokens.dedup();
        tokens
    }

    /// The same with one more token, before which the model looked at its source like this, if it tells.
    pub(super) fn with(&self, goal: &Goal<'_>, token: TokenId, look: &[f32]) -> Progress {
        let mut next = self.clone();
        if self.begins_word(goal, token) {
            next.confirm(goal);
        }
        next.under_way.retain(|of| form(goal, of).get(of.spelled) == Some(&token));
        for of in &mut next.under_way {
            of.spelled += 1;
        }
        if self.begins_word(goal, token) {
            let open: Vec<usize> = next.open(goal).filter(|&index| goal.is_looked_at(index, look)).collect();
            for constraint in open {
                let forms = goal.constraints[constraint].forms.iter().enumerate();
                let begun = forms.filter(|(_, form)| form[0] == token);
                next.under_way.extend(begun.map(|(form, _)| UnderWay { constraint, form, spelled: 1 }));
            }
        }
        next.tokens += 1;
        next.last = Some(token);
        next
    }

    /// The word is over: what was spelled whole is met.
    fn confirm(&mut self, goal: &Goal<'_>) {
        let whole = |of: &&UnderWay| form(goal, of).len() == of.spelled;
        let mut whole: Vec<UnderWay> = self.under_way.iter().filter(whole).copied().collect();
        // The longest first; of equally long ones the one with the fewest ways to be met.
        whole.sort_by_key(|of| {
            (usize::MAX - of.spelled, goal.constraints[of.constraint].forms.len(), of.constraint, of.form)
        });
        for of in whole {
            let span = self.tokens - of.spelled..self.tokens;
            let within = |other: &Range<usize>| span.start <= other.start && other.len() < span.len();
            let apart = |other: &Range<usize>| other.end <= span.start;
            let free = self.met.iter().flatten().all(|other| apart(other) || within(other));
            if self.met[of.constraint].is_some() || !free {
                continue;
            }
            for other in &mut self.met {
                if other.as_ref().is_some_and(|other| !apart(other)) {
                    *other = None;
                }
            }
            self.met[of.constraint] = Some(span);
        }
    }

    /// How many constraints are met if the answer ends here.
    pub(super) fn met_at_end(&self, goal: &Goal<'_>) -> usize {
        let mut ended = self.clone();
        ended.confirm(goal);
        ended.met.iter().flatten().count()
    }

    /// Whether everything is met if the answer ends here.
    pub(super) fn is_complete(&self, goal: &Goal<'_>) -> bool {
        self.met_at_end(goal) == goal.len()
    }

    /// Whether a token goes on with a form that has begun.
    pub(super) fn is_carried_on_by(&self, goal: &Goal<'_>, token: TokenId) -> bool {
        self.under_way.iter().any(|of| form(goal, of).get(of.spelled) == Some(&token))
    }

    /// Tokens of the goal that are there: those of met constraints, all of them, and those of forms under way.
    pub(super) fn tokens_met(&self, goal: &Goal<'_>) -> usize {
        let of = |index: usize| match &self.met[index] {
            Some(_) => goal.lengths[index],
            None => self.spelled(goal, index),
        };
        (0..goal.len()).map(of).sum()
    }

    fn spelled(&self, goal: &Goal<'_>, constraint: usize) -> usize {
        let of_it = self.under_way.iter().filter(|of| of.constraint == constraint);
        let worth = |of: &UnderWay| {
            if form(goal, of).len() == of.spelled { goal.lengths[constraint] } else { of.spelled }
        };
        of_it.map(worth).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens below 10 begin words, those above go on with the word before; 9 lets no token go on.
    fn edges() -> WordEdges {
        WordEdges { goes_on: (0..20).map(|t| t != 9).collect(), follows_on: (0..20).map(|t| t >= 10).collect() }
    }

    fn check(constraints: &[&[&[TokenId]]], ids: &[TokenId], expected: (usize, bool)) {
        let constraints: Vec<Constraint> = constraints
            .iter()
            .map(|forms| Constraint { forms: forms.iter().map(|form| form.to_vec()).collect(), source: Vec::new() })
            .collect();
        let edges = edges();
        let goal = Goal::new(&constraints, &edges);
        let progress = ids.iter().fold(goal.start(), |progress, &id| progress.with(&goal, id, &[]));
        let got = (progress.tokens_met(&goal), progress.is_complete(&goal));
        assert_eq!(got, expected, "{constraints:?} in {ids:?}");
    }

    #[test]
    fn a_form_counts_as_whole_words() {
        check(&[&[&[1, 11]]], &[3, 1, 11, 4], (2, true));
        check(&[&[&[1, 11]]], &[3, 1, 11], (2, true));
        check(&[&[&[1, 11]]], &[3, 1], (1, false));
        check(&[&[&[1]]], &[1, 12], (0, false));
        check(&[&[&[1]]], &[1, 12, 1, 3], (1, true));
        check(&[&[&[12]]], &[1, 12], (0, false));
        check(&[&[&[12]]], &[9, 12], (1, true));
        check(&[&[&[1, 2], &[3]]], &[3, 5], (2, true));
    }

    #[test]
    fn what_repeats_itself_is_found() {
        check(&[&[&[1, 1, 2]]], &[1, 1, 1, 2], (3, true));
        check(&[&[&[1]], &[&[1]]], &[1, 3], (1, false));
        check(&[&[&[1]], &[&[1]]], &[1, 3, 1], (2, true));
    }

    #[test]
    fn a_form_begins_where_the_model_looks_at_what_it_stands_for() {
        let edges = edges();
        let constraints = [Constraint { forms: vec![vec![1, 11]], source: vec![0..1, 2..4] }];
        let goal = Goal::new(&constraints, &edges);
        let met = |looks: [&[f32]; 2]| {
            let begun = goal.start().with(&goal, 1, looks[0]);
            begun.with(&goal, 11, looks[1]).is_complete(&goal)
        };
        assert!(met([&[0.0, 0.6, 0.2, 0.1, 0.1], &[0.0, 1.0, 0.0, 0.0, 0.0]]));
        assert!(met([&[], &[]]), "a model that does not tell");
        assert!(!met([&[0.1, 0.9, 0.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 0.0, 0.0]]));
    }

    #[test]
    fn no_token_serves_two_constraints() {
        // The longer form takes the token when the word is over.
        check(&[&[&[1]], &[&[1, 2]]], &[1, 2], (3, false));
        check(&[&[&[1]], &[&[1, 2]]], &[1, 2, 3], (2, false));
        check(&[&[&[1]], &[&[1, 2]]], &[1, 2, 1], (3, true));
        check(&[&[&[1]], &[&[1], &[2]]], &[1, 3], (1, false));
        check(&[&[&[1]], &[&[1], &[2]]], &[1, 2], (2, true));
        check(&[&[&[1, 2]], &[&[2, 3]]], &[1, 2, 3], (4, false));
        check(&[&[&[1, 2]], &[&[2, 3]]], &[1, 2, 3, 5], (2, false));
    }

    #[test]
    fn wanted_tokens_bring_a_constraint_nearer() {
        let edges = edges();
        let constraints = [Constraint { forms: vec![vec![1, 11], vec![2], vec![13]], source: Vec::new() }];
        let goal = Goal::new(&constraints, &edges);
        assert_eq!(goal.start().wanted(&goal), [1, 2, 13]);
        assert_eq!(goal.start().with(&goal, 1, &[]).wanted(&goal), [1, 2, 11]);
        assert_eq!(goal.start().with(&goal, 9, &[]).wanted(&goal), [1, 2, 13]);
        let met = goal.start().with(&goal, 2, &[]);
        assert!(met.is_complete(&goal) && met.with(&goal, 5, &[]).wanted(&goal).is_empty());
    }
}
