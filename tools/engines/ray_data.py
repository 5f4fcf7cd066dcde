"""Translates JSON lines with Ray Data. Each worker keeps one tlumach open, so that its models are loaded once.

    python ray_data.py in.jsonl out.jsonl --workers 4 -- --field text --from en --to uk --threads 4

What stands behind `--` are options of `tlumach translate`; TLUMACH names the program if it is not on the path. Every line of
the input is one line of the output, in the same order; a line that is no record comes back as it is, and tlumach says so.
The input is a file or a folder of files, each of which must fit into the memory of a worker.
"""

import argparse
import os
import subprocess
import sys
import threading

import ray


class Translator:
    """An actor with one tlumach, which answers each line that it is sent."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, batch):
        lines = list(batch["line"])
        # Pipes hold little: whoever writes a whole batch before reading may wait for ever.
        writer = threading.Thread(target=self.send, args=(lines,))
        writer.start()
        answers = [self.process.stdout.readline() for _ in lines]
        writer.join()
        if not all(answer.endswith(b"\n") for answer in answers):
            raise RuntimeError(f"tlumach ended with exit code {self.process.wait()}; what it said stands above")
        return {"line": [answer.removesuffix(b"\n") for answer in answers]}

    def send(self, lines):
        try:
            for line in lines:
                self.process.stdin.write(line + b"\n")
            # It answers what it has: nothing more has to be sent for that.
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # whoever reads finds that it has ended


def parted(arguments):
    """What stands before `--`, and what stands behind it."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def split(row):
    """The lines of a file, as bytes. `read_text` would also cut at characters that may stand inside a record (U+2028)."""
    lines = row["bytes"].split(b"\n")
    if not lines[-1]:
        lines.pop()
    return [{"line": line} for line in lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--workers", type=int, default=1, help="how many tlumach run at a time")
    parser.add_argument("--cpus", type=float, default=0, help="what Ray sets aside for each; leave some for reading")
    parser.add_argument("--batch", type=int, default=512, help="lines that a worker is sent together")
    own, options = parted(sys.argv[1:])
    args = parser.parse_args(own)
    command = [os.environ.get("TLUMACH", "tlumach"), "translate", "-", "--format", "jsonl", *options]
    # Blocks are finished in any order; this puts them back into that of the input.
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    lines = ray.data.read_binary_files(args.input).flat_map(split)
    # A file is one block at first, and a block goes to one worker.
    lines = lines.repartition(target_num_rows_per_block=args.batch)
    answers = lines.map_batches(
        Translator,
        fn_constructor_args=[command],
        batch_size=args.batch,
        compute=ray.data.ActorPoolStrategy(size=args.workers),
        num_cpus=args.cpus,
    )
    with open(args.output, "wb") as output:
        for row in answers.iter_rows():
            output.write(row["line"] + b"\n")


if __name__ == "__main__":
    main()
