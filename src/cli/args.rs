//! What the user typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Translate and summarize articles between English, Ukrainian and Korean with open models, on this machine.
#[derive(Debug, Parser)]
#[command(name = "tlumach", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say less: errors only (repeat to silence findings too)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) quiet: u8,
    /// Say more: models, routes and findings as they come
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,
    /// Take options that are not given from this file [default: tlumach.toml here, else tlumach/tlumach.toml in the user's
    /// configuration folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, global = true, conflicts_with = "config")]
    pub(crate) no_config: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Translate articles
    Translate(TranslateArgs),
    /// Summarize articles
    Summarize(SummarizeArgs),
    /// List, show, fetch, verify and remove models
    Models(ModelsArgs),
    /// Check a translation against its source, whoever made it; no model is needed
    Check(CheckArgs),
    /// Do all translations and summaries that a job file names
    Run(RunArgs),
    /// Show what a job did: a table of its articles, and all of them on one page
    Report(ReportArgs),
    /// Run a job and print one JSON line of figures
    Bench(BenchArgs),
    /// Say what is here and what works, and measure the machine for some ten seconds
    Doctor(DoctorArgs),
    /// Print a script that completes commands and options in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write the pages of all commands
    Man {
        /// Write a page for each command into this folder
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Measure nothing
    #[arg(long)]
    pub(crate) no_measure: bool,
    /// One JSON object instead of text
    #[arg(long)]
    pub(crate) json: bool,
    /// Measure with at most this many processor threads [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct InputArgs {
    /// Files, folders (searched for articles, with subfolders), or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Format of all inputs [default: what their names say; plain text without one]
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArg>,
    /// A field that holds prose, again for more: a path in JSON (`body`, `items[].title`), a column of CSV or TSV by its name
    /// or number
    #[arg(long, value_name = "FIELD")]
    pub(crate) field: Vec<String>,
    /// Read only the article in a page of HTML: title, byline, date and body
    #[arg(long)]
    pub(crate) extract: bool,
    /// Language of the answer: en, uk, ko, or any tag a model has; several with commas between, each into a file of its own
    #[arg(long, value_name = "LANG")]
    pub(crate) to: Option<String>,
    /// Language of the input
    #[arg(long, value_name = "LANG", default_value = "auto")]
    pub(crate) from: String,
    /// A model's name (see `tlumach models list`), a folder, a GGUF file, or auto
    #[arg(long, value_name = "NAME|DIR|FILE", default_value = "auto")]
    pub(crate) model: String,
    /// A file for one input, or a folder, which keeps the tree of the input; standard output otherwise
    #[arg(short, long, value_name = "PATH")]
    pub(crate) output: Option<PathBuf>,
    /// Write a JSON report of every article and segment
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write a page for a browser with source and answer side by side and what was found in them
    #[arg(long, value_name = "FILE.html")]
    pub(crate) review: Option<PathBuf>,
    /// Keep this many hypotheses while searching; 1 is greedy [default: what the model's card says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) beam: Option<u16>,
    /// Choose among models of this class only: `fast` (tens of megabytes), `balanced` (hundreds, or a small chat model),
    /// `best` (gigabytes); without --model
    #[arg(long, value_enum, conflicts_with = "model")]
    pub(crate) tier: Option<TierArg>,
    /// Number format of the weights
    #[arg(long, value_enum, default_value_t = PrecisionArg::Auto)]
    pub(crate) precision: PrecisionArg,
    /// Use at most this many processor threads [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Where the model runs
    #[arg(long, value_enum, default_value_t = DeviceArg::Cpu)]
    pub(crate) device: DeviceArg,
    /// What happens to answers that the checks find wrong
    #[arg(long, value_enum, default_value_t = GuardArg::Retry)]
    pub(crate) guard: GuardArg,
    /// Accept the licence of a model that asks for it (non-commercial or limited to some countries)
    #[arg(long)]
    pub(crate) accept_license: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TranslateArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// Unit of translation; `line` gives exactly one line out for each line in
    #[arg(long, value_enum, default_value_t = SegmentArg::Sentence)]
    pub(crate) segment: SegmentArg,
    /// Leave out follow-us lines, share hints, read-also links and stray foreign headlines; the report lists them
    #[arg(long)]
    pub(crate) drop_boilerplate: bool,
    /// Whether answers that the checks doubt are tried again; `--guard mark` means `off`
    #[arg(long, value_enum, default_value_t = RetryArg::Full)]
    pub(crate) retry: RetryArg,
    /// Quotation marks, apostrophes, dashes, marks and spaces in numbers
    #[arg(long, value_enum, default_value_t = TypographyArg::Auto)]
    pub(crate) typography: TypographyArg,
    /// Say in the report which words of each segment come from which, where the model knows
    #[arg(long, requires = "report")]
    pub(crate) alignments: bool,
    #[command(flatten)]
    pub(crate) terms: TermArgs,
    #[command(flatten)]
    pub(crate) memory: MemoryArgs,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct TermArgs {
    /// Translate terms as this table says: tab-separated, a column a language (docs/glossary.md)
    #[arg(long, value_name = "FILE")]
    pub(crate) glossary: Option<PathBuf>,
    /// Never translate these terms, one a line
    #[arg(long, value_name = "FILE")]
    pub(crate) keep: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Translation memory")]
pub(crate) struct MemoryArgs {
    /// Take translations of sentences that this TMX file has; again for more files, of which the later ones win
    #[arg(long, value_name = "FILE.tmx")]
    pub(crate) memory: Vec<PathBuf>,
    /// Offer the translation of similar sentences in the report from this similarity on, 0.6 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.75, requires = "memory")]
    pub(crate) memory_threshold: f32,
    /// Let the translation of a similar sentence go out, marked, from this similarity on; nothing in it may differ that must
    /// not (numbers, negations, addresses)
    #[arg(long, value_name = "SHARE", requires = "memory")]
    pub(crate) memory_take: Option<f32>,
    /// Write what was translated to this TMX file, with its models, scores and articles
    #[arg(long, value_name = "FILE.tmx")]
    pub(crate) memory_out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SummarizeArgs {
    #[command(flatten)]
    pub(crate) input: InputArgs,
    /// short: 2 sentences, medium: 4, long: 8
    #[arg(long, value_enum, default_value_t = LengthArg::Medium)]
    pub(crate) length: LengthArg,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Long jobs")]
// Each is a flag of its own on the command line.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct KeepArgs {
    /// Note in this file what is finished [default: in .tlumach/ of the output folder, if the output is a folder]
    #[arg(long, value_name = "FILE", conflicts_with = "no_journal")]
    pub(crate) journal: Option<PathBuf>,
    /// Note nothing: a killed job begins again
    #[arg(long)]
    pub(crate) no_journal: bool,
    /// Go on with an earlier run; happens anyway where its journal is found, here it is an error if there is none
    #[arg(long, conflicts_with_all = ["fresh", "no_journal"])]
    pub(crate) resume: bool,
    /// Do everything again, whatever is known from before
    #[arg(long)]
    pub(crate) fresh: bool,
    /// The cache of answers, shared by all jobs [default: answers.sqlite among tlumach's data]
    #[arg(long, value_name = "FILE", conflicts_with = "no_cache")]
    pub(crate) cache: Option<PathBuf>,
    /// Neither use nor fill the cache of answers
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Megabytes that the cache may take; what was not used for longest is forgotten
    #[arg(long, value_name = "MB", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) cache_size: u32,
    /// Write no JSON file beside each output in a folder that says where it comes from
    #[arg(long)]
    pub(crate) no_sidecar: bool,
    /// Do only part I (from 0) of N of the articles, chosen by their contents; auto/N takes I from `JOB_COMPLETION_INDEX`
    /// or `SLURM_ARRAY_TASK_ID`
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<String>,
    /// Stay and do what arrives in the input folders, until stopped
    #[arg(long, conflicts_with_all = ["report", "review"])]
    pub(crate) watch: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The job: inputs, output folder, and a table [[translate]] or [[summarize]] for each thing to do (docs/jobs.md)
    #[arg(value_name = "JOB.toml")]
    pub(crate) job: PathBuf,
    /// Show the commands that the job stands for and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The output folder of a job
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Write a page for a browser with all articles and an index
    #[arg(long, value_name = "FILE.html")]
    pub(crate) review: Option<PathBuf>,
    /// One JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct CheckArgs {
    /// The source: a file, a folder, or - for standard input
    #[arg(value_name = "SOURCE")]
    pub(crate) source: PathBuf,
    /// Its translation: a file, or a folder with files of the same names, also as `name.LANG.txt`
    #[arg(value_name = "TRANSLATION")]
    pub(crate) translation: PathBuf,
    /// Language that the translation has to be in
    #[arg(long, value_name = "LANG")]
    pub(crate) to: String,
    /// Language of the source
    #[arg(long, value_name = "LANG", default_value = "auto")]
    pub(crate) from: String,
    /// What belongs together: paragraphs, found by their lengths, or lines, by their numbers
    #[arg(long, value_enum, default_value_t = UnitArg::Paragraph)]
    pub(crate) segment: UnitArg,
    /// Write a JSON report of every file and segment
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Write a page for a browser with both texts side by side and what was found in them
    #[arg(long, value_name = "FILE.html")]
    pub(crate) review: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    pub(crate) action: ModelsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsAction {
    /// All known models: licence, size, languages, and what is on disk
    List {
        /// One JSON array instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Everything known of one model
    Show {
        /// The model's name
        name: String,
    },
    /// Fetch a model and verify it
    Pull {
        /// The models' names
        #[arg(required = true)]
        names: Vec<String>,
        /// Take the files from this folder instead of the network; they are known by their hashes
        #[arg(long, value_name = "DIR")]
        from_dir: Option<PathBuf>,
        /// Accept the licence of a model that asks for it
        #[arg(long)]
        accept_license: bool,
    },
    /// Install models from a folder of files that were fetched elsewhere, packed or not, under any names
    Import {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Accept the licences of models that ask for it
        #[arg(long)]
        accept_license: bool,
    },
    /// Hash the files of a model on disk again
    Verify {
        /// The model's name
        name: String,
    },
    /// Delete the files of a model from the cache
    Remove {
        /// The model's name
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Do the whole job so many times in one process; the figures are of the last pass
    #[arg(long, global = true, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) repeat: u16,
    #[command(subcommand)]
    pub(crate) action: BenchAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchAction {
    /// Translate and print the figures
    Translate(TranslateArgs),
    /// Summarize and print the figures
    Summarize(SummarizeArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Plain text
    Text,
    /// Markdown
    Markdown,
    /// HTML
    Html,
    /// One JSON value
    Json,
    /// One JSON value a line
    Jsonl,
    /// RSS, Atom, NewsML-G2 or NITF
    Xml,
    /// Word
    Docx,
    /// `SubRip`
    Srt,
    /// `WebVTT`
    Vtt,
    /// Comma-separated values
    Csv,
    /// Tab-separated values
    Tsv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TierArg {
    /// Tens of megabytes, quick on any processor
    Fast,
    /// Hundreds of megabytes, or a small chat model
    Balanced,
    /// Gigabytes; wants a strong machine
    Best,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionArg {
    /// What suits model and device best
    Auto,
    /// 32-bit floating point
    F32,
    /// 8-bit integers
    Int8,
    /// 8-bit weights, 16-bit activations
    W8a16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceArg {
    /// The processor
    Cpu,
    /// An NVIDIA GPU (needs a build with the cuda feature)
    Cuda,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SegmentArg {
    /// Sentences; paragraphs, markup and gaps are kept
    Sentence,
    /// Lines
    Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RetryArg {
    /// They are tried again: in pieces, with more hypotheses, through other models on disk
    Full,
    /// They go out as they are, marked
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GuardArg {
    /// They go out, marked; translations are not tried again
    Mark,
    /// They are tried again; the best goes out, marked if it is still doubtful
    Retry,
    /// The same, and an article with an error in it is held back: written under another name (`story.uk.held.txt`), not
    /// printed
    Hold,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TypographyArg {
    /// As the target language has them
    Auto,
    /// As the model wrote them
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnitArg {
    /// Paragraphs
    Paragraph,
    /// Lines
    Line,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LengthArg {
    /// Two sentences
    Short,
    /// Four sentences
    Medium,
    /// Eight sentences
    Long,
}
