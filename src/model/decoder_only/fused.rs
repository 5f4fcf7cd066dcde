//! The layers on the CPU: products, norms, rotation and attention as kernels on slices.
//!
//! The same arithmetic as `layer` in the same order, without a tensor for each step. Buffers are made once for a run
//! through all layers.

use super::Config;
use super::layer::{Layer, Norm, Ragged};
use super::linear::{Input, Keep, Linear, Output, multiply, multiply_gated};
use super::state::{Memory, Row};
use crate::kernels::causal_attention::{self, Heads, KeyValues, Query};
use crate::kernels::rope::Rotation;
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
        Layer::turn(config, self.query_norm.as_ref(), &batch.rotations[self.rotation], &mut scratch.queries);
        self.store_keys_and_values(config, index, batch, (&mut *rows, &mut *scratch));
        let attended = self.look(index, batch, rows, &scratch.queries)?;
        let attended = Input::new(&attended, config.heads.queries * config.heads.head_dim);
        add(&self.output, self.output_norm.as_ref(), &attended, (&mut *x, &mut scratch.normed))?;
        scratch.norm(&self.feed_forward_norm, x);
        let normed = Input::new(&scratch.normed, config.hidden);
        multiply_gated((&self.gate, &self.up), config.activation, &normed, &mut scratch.gated)?;
        let gated = Input::new(&scratch.gated, config.feed_forward);
        add(&self.down, self.down_norm.as_ref(), &gated, (x, &mut scratch.normed))
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
        Layer::turn(config, self.key_norm.as_ref(), &batch.rotations[self.rotation], &mut scratch.keys);
        let width = config.heads.key_values * config.heads.head_dim;
        for span in batch.spans {
            let part = span.start * width..(span.start + span.count) * width;
            if let Memory::Fused(memory) = &mut rows[span.row].layers[index] {
                memory.append(&scratch.keys[part.clone()], &scratch.values[part]);
            }
        }
    }

    /// Rotates heads `[tokens, heads, head_dim]`, with their norm before or behind it.
    fn turn(config: &Config, norm: Option<&Norm>, rotation: &Rotation, heads: &mut [f32]) {
        if let Some(norm) = Layer::before_rotation(config, norm) {
            norm.apply(heads);
        }
        let tokens = rotation.tokens();
        let width = heads.len() / tokens.max(1);
        for (token, heads) in heads.chunks_exact_mut(width.max(1)).enumerate() {
            rotation.apply(token, heads);
        }
        if let Some(norm) = Layer::after_rotation(config, norm) {
            norm.apply(heads);
        }
    }

    /// What the queries `[tokens, heads, head_dim]`, already rotated, see in the rows' memories.
    fn look(&self, index: usize, batch: &Ragged<'_>, rows: &[Row], queries: &[f32]) -> Result<Vec<f32>, ModelError> {
        fn fused(memory: &Memory) -> Option<&KeyValues> {
            if let Memory::Fused(memory) = memory { Some(memory) } else { None }
        }
        let mut tokens = Vec::with_capacity(batch.rotations[self.rotation].tokens());
        for span in batch.spans {
            let row = &rows[span.row];
            let Some(own) = fused(&row.layers[index]) else {
                return Err(ModelError::State("a memory of plain operations among fused ones".into()));
            };
            let shared = row.shared.as_ref().and_then(|prefix| fused(&prefix.layers[index]));
            let before = own.len() - span.count;
            tokens.extend((1..=span.count).map(|seen| Query { shared, own, visible: before + seen }));
        }
        Ok(causal_attention::attend(self.attention, queries, &tokens))
    }
}

/// Adds a linear layer's answer, normalized where there is a norm, to the hidden states; `buffer` is of their size.
fn add(
    linear: &Linear,
    norm: Option<&Norm>,
    input: &Input<'_>,
    (x, buffer): (&mut [f32], &mut [f32]),
) -> Result<(), ModelError> {
    if norm.is_none() && !linear.has_bias() {
        return multiply(input, &mut [Output { linear, values: x, store: Keep::Sum }]);
    }
    multiply(input, &mut [Output { linear, values: &mut *buffer, store: Keep::Nothing }])?;
    if let Some(norm) = norm {
        norm.apply(buffer);
    }
    for (x, added) in x.iter_mut().zip(buffer) {
        *x += *added;
    }
    Ok(())
}
