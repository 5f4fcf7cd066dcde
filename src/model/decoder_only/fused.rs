//! The layers on the CPU: products, norms, rotation and attention as kernels on slices.
//!
//! The same arithmetic as `layer` in the same order, without a tensor for each step. Buffers are made once for a run
//! through all layers.

use super::Config;
use super::layer::{Layer, Norm, Ragged};
use super::linear::{Input, Keep, Output, multiply, multiply_gated};
use super::state::{Memory, Row};
use crate::kernels::causal_attention::{self, Heads, KeyValues, Query};
use crate::model::ModelError;

/// Buffers of a run through the layers.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    normed: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    gated: Vec<f32>,
}

impl Scratch {
    /// For `tokens` tokens.
    pub(super) fn new(config: &Config, tokens: usize) -> Scratch {
        let Heads { queries, key_values, head_dim } = config.heads;
        let zeros = |width: usize| vec![0.0; tokens * width];
        Scratch {
            normed: zeros(config.hidden),
            queries: zeros(queries * head_dim),
            keys: zeros(key_values * head_dim),
            values: zeros(key_values * head_dim),
            gated: zeros(config.feed_forward),
        }
    }

    fn norm(&mut self, norm: &Norm, x: &[f32]) {
        self.normed.copy_from_slice(x);
        norm.apply(&mut self.normed);
    }
}

impl Layer {
    /// Hidden states `[tokens, hidden]` become the next layer's; the tokens' keys and values enter the rows' memories.
    ///
    /// # Errors
    /// The weights are not on the CPU, or a memory is of other operations.
    pub(super) fn advance(
        &self,
        config: &Config,
        (index, x): (usize, &mut [f32]),
        batch: &Ragged<'_>,
        (rows, scratch): (&mut [Row], &mut Scratch),
    ) -> Result<(), ModelError> {
        scratch.norm(&self.attention_norm, x);
        multiply(
            &Input::new(&scratch.normed, config.hidden),
            &mut [
                Output { linear: &self.query, values: &mut scratch.queries, store: Keep::Nothing },
                Output { linear: &self.key, values: &mut scratch.keys, store: Keep::Nothing },
                Output { linear: &self.value, values: &mut scratch.values, store: Keep::Nothing },
            ],
        )?;
        if let Some(norm) = &self.query_norm {
            norm.apply(&mut scratch.queries);
        }
        self.store_keys_and_values(config, index, batch, (&mut *rows, &mut *scratch));
        let attended = attend(index, config.heads, batch, rows, &mut scratch.queries)?;
        multiply(
            &Input::new(&attended, config.heads.queries * config.heads.head_dim),
            &mut [Output { linear: &self.output, values: &mut *x, store: Keep::Sum }],
        )?;
        scratch.norm(&self.feed_forward_norm, x);
        let normed = Input::new(&scratch.normed, config.hidden);
        multiply_gated(&self.gate, &self.up, &normed, &mut scratch.gated)?;
        multiply(
            &Input::new(&scratch.gated, config.feed_forward),
            &mut [Output { linear: &self.down, values: x, store: Keep::Sum }],
        )
    }

    /// The tokens' keys and values enter the rows' memories and nothing else happens: all a prompt needs of the last
    /// layer.
    ///
    /// # Errors
    /// The weights are not on the CPU.
    pub(super) fn note(
        &self,
        config: &Config,
        (index, x): (usize, &[f32]),
        batch: &Ragged<'_>,
        (rows, scratch): (&mut [Row], &mut Scratch),
    ) -> Result<(), ModelError> {
        scratch.norm(&self.attention_norm, x);
        multiply(
            &Input::new(&scratch.normed, config.hidden),
            &mut [
                Output { linear: &self.key, values: &mut scratch.keys, store: Keep::Nothing },
                Output { linear: &self.value, values: &mut scratch.values, store: Keep::Nothing },
            ],
        )?;
        self.store_keys_and_values(config, index, batch, (rows, scratch));
        Ok(())
    }

    fn store_keys_and_values(
        &self,
        config: &Config,
        index: usize,
        batch: &Ragged<'_>,
        (rows, scratch): (&mut [Row], &mut Scratch),
    ) {
        if let Some(norm) = &self.key_norm {
            norm.apply(&mut scratch.keys);
        }
        let width = config.heads.key_values * config.heads.head_dim;
        for (token, keys) in scratch.keys.chunks_exact_mut(width).enumerate() {
            batch.rotation.apply(token, keys);
        }
        for span in batch.spans {
            let part = span.start * width..(span.start + span.count) * width;
            if let Memory::Fused(memory) = &mut rows[span.row].layers[index] {
                memory.append(&scratch.keys[part.clone()], &scratch.values[part]);
            }
        }
    }
}

fn attend(
    index: usize,
    heads: Heads,
    batch: &Ragged<'_>,
    rows: &[Row],
    queries: &mut [f32],
) -> Result<Vec<f32>, ModelError> {
    fn fused(memory: &Memory) -> Option<&KeyValues> {
        if let Memory::Fused(memory) = memory { Some(memory) } else { None }
    }
    let width = heads.queries * heads.head_dim;
    for (token, queries) in queries.chunks_exact_mut(width).enumerate() {
        batch.rotation.apply(token, queries);
    }
    let mut tokens = Vec::with_capacity(queries.len() / width);
    for span in batch.spans {
        let row = &rows[span.row];
        let Some(own) = fused(&row.layers[index]) else {
            return Err(ModelError::State("a memory of plain operations among fused ones".into()));
        };
        let shared = row.shared.as_ref().and_then(|prefix| fused(&prefix.layers[index]));
        let before = own.len() - span.count;
        tokens.extend((1..=span.count).map(|seen| Query { shared, own, visible: before + seen }));
    }
    Ok(causal_attention::attend(heads, queries, &tokens))
}
