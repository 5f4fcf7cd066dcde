//! `tlumach completions` and `tlumach man`: what a shell and a manual reader want to know, made from the arguments themselves.

use super::Ending;
use super::args::Cli;
use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use std::io::Write;
use std::path::Path;

/// Prints the script for a shell.
pub(super) fn completions(shell: clap_complete::Shell) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tlumach", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Ending::Fine)
}

/// Prints the page of the program, or writes the pages of all commands.
pub(super) fn man(folder: Option<&Path>) -> Result<Ending> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page)?;
        std::io::stdout().lock().write_all(&page)?;
        return Ok(Ending::Fine);
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        .with_context(|| format!("--dir {}: the pages cannot be written; choose another folder", folder.display()))?;
    Ok(Ending::Fine)
}
