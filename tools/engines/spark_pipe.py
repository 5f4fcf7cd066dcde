"""Translates a file of JSON lines with Spark's RDD.pipe: one tlumach a partition, which loads its models once.

    spark-submit spark_pipe.py in.jsonl out --partitions 4 -- --field text --from en --to uk --threads 4

What stands behind `--` are options of `tlumach translate`; TLUMACH names the program if it is not on the path of the
workers. `out` is a folder with a file a partition; one after the other they are the lines of the input in their order. A line
that is no record comes back as it is, and tlumach says so.
"""

import argparse
import os
import shlex
import sys

from pyspark import SparkContext


def parted(arguments):
    """What stands before `--`, and what stands behind it."""
    at = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:at], arguments[at + 1 :]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--partitions", type=int, default=1, help="into how many parts the input is cut, at least")
    own, options = parted(sys.argv[1:])
    args = parser.parse_args(own)
    command = [os.environ.get("TLUMACH", "tlumach"), "translate", "-", "--format", "jsonl", *options]
    # Exit code 1 says that there is something to look at, which is no failure of the partition; 2 is one.
    command = shlex.join(["sh", "-c", f"{shlex.join(command)} || [ $? -eq 1 ]"])
    context = SparkContext(appName="tlumach")
    lines = context.textFile(args.input, args.partitions)
    # Without an environment of its own the program would have none, and would not find its models.
    lines.pipe(command, env=dict(os.environ), checkCode=True).saveAsTextFile(args.output)
    context.stop()


if __name__ == "__main__":
    main()
