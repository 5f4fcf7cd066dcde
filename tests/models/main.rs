//! Tests on real checkpoints, in one binary; `make test-models` fetches the weights and runs them.

mod marian;
