//! One figure from 0 to 1 for how much a translated segment can be trusted, from the model's own log-probability, the
//! length and what the checks found.
//!
//! It estimates the probability that the segment comes near a translation by a person: chrF of at least 40 (Korean 20)
//! against a reference. The weights were fitted by logistic regression with `tools/calibrate.py`; docs/quality.md has the
//! data, the figures and how far they hold.

use super::length::deviation;
use super::{Finding, Input, Severity};

/// Findings that leave no translation to trust.
const NO_TRANSLATION: &[&str] = &["copied_source", "wrong_language", "empty_output", "not_translated"];

/// The weights of a regression.
struct Weights {
    bias: f32,
    /// For each unit of the mean log-probability of a token.
    log_probability: f32,
    /// For each finding of severity error, and warning; three at most count.
    error: f32,
    warning: f32,
    /// For each standard deviation of the length beyond one.
    length: f32,
}

/// Where the model gave log-probabilities.
const SCORED: Weights = Weights { bias: 2.0, log_probability: 1.48, error: -3.05, warning: -2.8, length: -1.67 };
/// Where it did not, or where nobody knows how the translation was made.
const UNSCORED: Weights = Weights { bias: 1.66, log_probability: 0.0, error: -3.02, warning: -2.73, length: -1.72 };

/// What no translation at all is worth.
const NOTHING: f32 = 0.01;
/// Lower mean log-probabilities say no more.
const LEAST_LOG_PROBABILITY: f32 = -4.0;

/// How much a segment can be trusted, 0 to 1.
pub fn confidence(input: &Input<'_>, findings: &[Finding]) -> f32 {
    if findings.iter().any(|finding| NO_TRANSLATION.contains(&finding.code)) {
        return NOTHING;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count().min(3) as f32;
    let known = input.score.filter(|score| score.is_finite());
    let weights = if known.is_some() { &SCORED } else { &UNSCORED };
    let beyond = deviation(input).map_or(0.0, |deviation| (deviation.abs() - 1.0).clamp(0.0, 5.0));
    let logit = weights.bias
        + weights.log_probability * known.unwrap_or_default().clamp(LEAST_LOG_PROBABILITY, 0.0)
        + weights.error * count(Severity::Error)
        + weights.warning * count(Severity::Warning)
        + weights.length * beyond;
    (1.0 / (1.0 + (-logit).exp())).max(NOTHING)
}

#[cfg(test)]
mod tests {
    use super::super::tests::input;
    use super::super::{Input, check};
    use super::confidence;

    const SOURCE: &str = "The trucks delivered 62.5 tonnes of supplies on Monday, the council said.";
    const GOOD: &str = "У понеділок вантажівки привезли 62,5 тонни допомоги, повідомили в раді.";

    fn of(output: &str, score: Option<f32>) -> f32 {
        let input = Input { score, ..input("en", "uk", SOURCE, output) };
        confidence(&input, &check(&input))
    }

    #[test]
    fn what_is_sure_and_sound_is_trusted_more() {
        assert!(of(GOOD, Some(-0.2)) > of(GOOD, Some(-1.5)));
        assert!(of(GOOD, Some(-0.2)) > of(&GOOD.replace("62,5", "65,2"), Some(-0.2)));
        assert!(of(GOOD, None) > of(&GOOD[..GOOD.find(',').unwrap_or(0)], None));
    }

    #[test]
    fn no_translation_is_worth_nothing() {
        assert!(of(SOURCE, Some(-0.1)) < 0.05 && of("", None) < 0.05);
    }

    #[test]
    fn it_lies_between_0_and_1_whatever_the_model_says() {
        for score in [None, Some(0.0), Some(-9.0), Some(f32::NEG_INFINITY), Some(f32::NAN)] {
            let confidence = of(GOOD, score);
            assert!((0.0..=1.0).contains(&confidence), "{score:?}: {confidence}");
        }
    }
}
