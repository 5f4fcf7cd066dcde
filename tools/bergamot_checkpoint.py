#!/usr/bin/env python3
"""Writes a random checkpoint in the file formats of Firefox Translations (Marian's binary model with int8 weights).

    tools/bergamot_checkpoint.py FOLDER --pair enuk --width 256 --heads 8 --ffn 1536 --vocab 32000 --seed 1
    tools/bergamot_checkpoint.py FOLDER --pair enko --vocab 32000,32000 --width 384 --decoder-layers 4 --gzip

The folder gets what a real one has: the model, the lexical shortlist and the vocabulary, or two of them where --vocab has
two numbers (then the target's embeddings serve as the output layer too, otherwise one table serves everywhere).
The translations are nonsense, but nonsense that depends on the source and ends: activations and logits have the size
that trained models have, and each matrix carries a quantization multiplier that fits its input. So such a checkpoint can
stand in for a real one in tests and in measurements of speed.

Only the standard library is used. The same seed gives the same bytes on every Python from 3.9 on: all randomness comes
from random.Random(text).randbytes, whose generator and seeding are fixed, and numbers are made of bytes by one table
(files packed by --gzip also depend on the version of zlib).
"""
import argparse
import array
import gzip
import itertools
import math
import pathlib
import random
import statistics
import struct
import sys

FLOAT32, INTGEMM8, INT8 = 0x0404, 0x4101, 0x0101
ALIGNMENT = 256

# A byte drawn evenly becomes a value of this table: the quantiles of a normal distribution over -127..127.
_NORMAL = statistics.NormalDist()
_QUANTILES = [_NORMAL.inv_cdf((i + 0.5) / 256) for i in range(256)]
QUANTIZED = [round(127 * q / _QUANTILES[-1]) for q in _QUANTILES]
DEVIATION = math.sqrt(sum(q * q for q in QUANTIZED) / 256)
AS_BYTES = bytes(q & 255 for q in QUANTIZED)

# How large the largest of many standard normal values is, for the multipliers of activations.
PEAK = 5.0
# Embeddings are this much longer than one, and the last layer norm this much wider, which makes logits WIDE.
EMBEDDING_GAIN, LAST_GAIN = 1.5, 2.7
WIDE = EMBEDDING_GAIN * LAST_GAIN

END, UNKNOWN = 0, 1
FIRST, BEST = 50, 50
SHORTLIST_MAGIC = 0xF11A48D5013417F5

SETTINGS = """\
bert-train-type-embeddings: true
bert-type-vocab-size: 2
dec-cell: ssru
dec-cell-base-depth: 2
dec-cell-high-depth: 1
dec-depth: {decoder_layers}
dim-emb: {width}
dim-rnn: 1024
dim-vocabs:
  - {source_vocab}
  - {target_vocab}
enc-cell: gru
enc-cell-depth: 1
enc-depth: {encoder_layers}
enc-type: bidirectional
input-types: []
layer-normalization: false
lemma-dim-emb: 0
output-omit-bias: false
right-left: false
skip: false
tied-embeddings: {target_tied}
tied-embeddings-all: {all_tied}
tied-embeddings-src: false
transformer-aan-activation: swish
transformer-aan-depth: 2
transformer-aan-nogate: false
transformer-decoder-autoreg: rnn
transformer-dim-aan: 2048
transformer-dim-ffn: {ffn}
transformer-ffn-activation: relu
transformer-ffn-depth: 2
transformer-guided-alignment-layer: last
transformer-heads: {heads}
transformer-no-projection: false
transformer-pool: false
transformer-postprocess: dan
transformer-postprocess-emb: d
transformer-postprocess-top: ""
transformer-preprocess: ""
transformer-tied-layers: []
transformer-train-position-embeddings: false
type: transformer
ulr: false
ulr-dim-emb: 0
ulr-trainable-transformation: false
version: v1.9.56 94aeaa46 2021-04-28 00:28:35 +0100"""


def drawn(seed, name, count):
    """Bytes that depend on the seed and the name alone."""
    return random.Random(f"{seed}/{name}").randbytes(count)


def normals(seed, name, count):
    """About standard normal floats."""
    return [QUANTIZED[byte] / DEVIATION for byte in drawn(seed, name, count)]


def padded(data):
    return data + bytes(-len(data) % ALIGNMENT)


class Items:
    """Named tensors in the order of their names, as Marian writes them."""

    def __init__(self, seed):
        self.seed = seed
        self.items = {}

    def floats(self, name, values):
        self.items[name] = (FLOAT32, (1, len(values)), padded(struct.pack(f"<{len(values)}f", *values)))

    def matrix(self, name, rows, columns, deviation, input_peak):
        """A quantized matrix, its bytes followed by their multiplier, and the multiplier of its input."""
        data = bytearray(drawn(self.seed, name, rows * columns).translate(AS_BYTES))
        data[0] = 127
        self.items[name] = (INTGEMM8, (rows, columns), padded(bytes(data) + struct.pack("<f", DEVIATION / deviation)))
        if input_peak:
            self.floats(name + "_QuantMultA", [127 / input_peak])

    def norm(self, prefix, gain=1.0):
        # The signs vary, or an output tied to the input would answer its own input again and again.
        width = self.width
        scale = [gain * math.copysign(0.9 + 0.1 * abs(v), v) for v in normals(self.seed, prefix + "_ln_scale", width)]
        self.floats(prefix + "_ln_scale", scale)
        self.floats(prefix + "_ln_bias", [0.1 * v for v in normals(self.seed, prefix + "_ln_bias", width)])

    def bias(self, name, count, deviation):
        self.floats(name, [deviation * v for v in normals(self.seed, name, count)])

    def attention(self, prefix, query_peak, key_peak):
        width = self.width
        glorot = math.sqrt(1 / width)
        # Sharp attention that adds little: otherwise all positions of a deep random network become one.
        for letter, gain, peak in (("q", 4, query_peak), ("k", 4, key_peak), ("v", 0.5, key_peak), ("o", 1, key_peak / 2)):
            self.matrix(f"{prefix}_W{letter}", width, width, gain * glorot, peak)
            self.bias(f"{prefix}_b{letter}", width, 0.05)
        self.norm(f"{prefix}_Wo")

    def feed_forward(self, prefix, ffn, gain=1.0):
        width = self.width
        deviation = 0.5 * math.sqrt(2 / (width + ffn))
        self.matrix(f"{prefix}_W1", width, ffn, deviation, PEAK)
        self.bias(f"{prefix}_b1", ffn, 0.05)
        self.matrix(f"{prefix}_W2", ffn, width, deviation, PEAK / 4)
        self.bias(f"{prefix}_b2", width, 0.05)
        self.norm(f"{prefix}_ffn", gain)


def network(shape, seed):
    """All tensors of the model."""
    items = Items(seed)
    items.width = width = shape.width
    tables = ["encoder_Wemb", "decoder_Wemb"] if shape.two_vocabularies else ["Wemb"]
    embedded_peak = PEAK * EMBEDDING_GAIN + 1
    output_peak = PEAK * LAST_GAIN
    for name, count in zip(tables, (shape.source_vocab, shape.target_vocab)):
        items.matrix(name, count, width, EMBEDDING_GAIN * math.sqrt(1 / width), None)
    # The converter quantizes whatever has the letters Wemb in its name, so this multiplier of one number too: the byte 127
    # over a multiplier of its own. With one vocabulary the number is there twice, the second time as a float.
    single = bytes([127]) + struct.pack("<f", output_peak)
    items.items[tables[-1] + "_QuantMultA"] = (INTGEMM8, (1, 1), padded(single))
    if not shape.two_vocabularies:
        items.floats("none_QuantMultA", [127 / output_peak])

    for layer in range(1, shape.encoder_layers + 1):
        prefix = f"encoder_l{layer}"
        peak = embedded_peak if layer == 1 else PEAK
        items.attention(f"{prefix}_self", peak, peak)
        items.feed_forward(f"{prefix}_ffn", shape.ffn)
    for layer in range(1, shape.decoder_layers + 1):
        prefix = f"decoder_l{layer}"
        peak = embedded_peak if layer == 1 else PEAK
        items.matrix(f"{prefix}_rnn_W", width, width, 2 * math.sqrt(1 / width), peak)
        items.matrix(f"{prefix}_rnn_Wf", width, width, math.sqrt(1 / width), peak)
        items.bias(f"{prefix}_rnn_bf", width, 1.0)
        items.norm(f"{prefix}_rnn_ffn")
        items.attention(f"{prefix}_context", PEAK, PEAK)
        items.feed_forward(f"{prefix}_ffn", shape.ffn, LAST_GAIN if layer == shape.decoder_layers else 1.0)

    bias = [0.5 * v for v in normals(seed, "decoder_ff_logit_out_b", shape.target_vocab)]
    # The end has to be likelier than one word of many, or answers would never end.
    best_of_many = _NORMAL.inv_cdf(1 - 1 / min(shape.target_vocab, 1000))
    bias[END] = WIDE * (best_of_many - 1.8)
    bias[UNKNOWN] = WIDE
    items.floats("decoder_ff_logit_out_b", bias)
    return items.items


def settings(shape):
    text = SETTINGS.format(
        target_tied=str(shape.two_vocabularies).lower(), all_tied=str(not shape.two_vocabularies).lower(), **vars(shape))
    return text.encode() + b"\0"


def model_file(shape, seed):
    """The model in Marian's binary format: headers, names, shapes, then the data on a boundary of 256 bytes."""
    items = sorted(network(shape, seed).items())
    text = settings(shape)
    items.append(("special:model.yml", (INT8, (len(text),), text)))
    head = [struct.pack("<2Q", 1, len(items))]
    names = [name.encode() + b"\0" for name, _ in items]
    for name, (_, (kind, dimensions, data)) in zip(names, items):
        head.append(struct.pack("<4Q", len(name), kind, len(dimensions), len(data)))
    head += names
    head += [struct.pack(f"<{len(item[1])}i", *item[1]) for _, item in items]
    head = b"".join(head)
    offset = ((len(head) + 8) // ALIGNMENT + 1) * ALIGNMENT - len(head) - 8
    return b"".join([head, struct.pack("<Q", offset), bytes(offset), *(item[2] for _, item in items)])


def checksum(words):
    """Marian's hash over 64-bit words."""
    mask = (1 << 64) - 1
    seed = 0
    for word in words:
        seed ^= (word + 0x9E3779B9 + (seed << 6) + (seed >> 2)) & mask
    return seed


def shortlist_file(shape, seed):
    """For each source token the target tokens that may translate it: sorted, at most BEST, sometimes none."""
    offsets, lists = array.array("Q", [0]), array.array("I")
    longest = min(BEST, max(4, shape.target_vocab // 16))
    numbers = array.array("I" if array.array("I").itemsize == 4 else "L")
    numbers.frombytes(drawn(seed, "shortlist", 4 * (longest + 1) * shape.source_vocab))
    if sys.byteorder == "big":
        numbers.byteswap()
    for token in range(shape.source_vocab):
        start = token * (longest + 1)
        # The end has none, as in real files; the last row has some, which Marian's check of the offsets asks for.
        count = 0 if token == END else numbers[start] % longest + (token == shape.source_vocab - 1)
        # Half of a row are frequent tokens, since frequent tokens have small numbers.
        row = {n % shape.target_vocab >> (n >> 29) for n in numbers[start + 1:start + 1 + count]} - {END, UNKNOWN}
        if token == shape.source_vocab - 1:
            row.add(shape.target_vocab - 1)
        lists.extend(sorted(row))
        offsets.append(len(lists))
    if sys.byteorder == "big":
        offsets.byteswap()
        lists.byteswap()
    body = struct.pack("<4Q", FIRST, BEST, len(offsets), len(lists)) + offsets.tobytes() + lists.tobytes()
    whole = len(body) // 8
    return struct.pack("<2Q", SHORTLIST_MAGIC, checksum(struct.unpack_from(f"<{whole}Q", body))) + body


COMMON = {
    "en": "the of and to a in is that for it was on as with be by are at from his he not or had an this but were "
          "have which they her one you all there their more would said been has will who about up out time after",
    "uk": "в на що і з не до за у та як від про є це його для але був також після при все ще вже й буде року за який",
    "ko": "의 가 이 은 는 을 를 에 와 과 도 로 한 다 고 서 지 하 기 사 대 그 것 수 있 년 일",
}
LATIN = "abcdefghijklmnopqrstuvwxyz"
CYRILLIC = "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя"
PUNCTUATION = ",.-'\"!?:;()%/&+*=№$€–—’“”«»…"


def syllables(language):
    """Bits of words: short ones first, more than any vocabulary needs."""
    if language == "ko":
        open_ones = [chr(0xAC00 + 28 * n) for n in range(399)]
        closed = [chr(0xAC00 + 28 * n + coda) for coda in (4, 8, 1, 21, 16, 17) for n in range(399)]
        single = open_ones + closed
        yield from single
        pairs = itertools.product(open_ones, single)
    else:
        onsets, vowels, codas = (
            (list("кнстврплмдзбг") + ["пр", "ст", "вн", "тр"], list("оаиеіуяюєї"), ["", *"нртлвйсмк"])
            if language == "uk" else
            (list("tsrnlcdmpbfghvwk") + ["st", "tr", "ch", "pr"], list("eaiou"), ["", *"nrstldmc"]))
        single = ["".join(parts) for parts in itertools.product(vowels, codas)]
        single += [o + rest for rest in list(single) for o in onsets]
        yield from single
        pairs = ((b, a) for a, b in itertools.product(single, single[:200]))
    for a, b in pairs:
        yield a + b


def pieces(count, languages):
    """`count` distinct pieces from the third on: frequent words, bits of words, and every letter, so that any text of
    these languages can be cut."""
    letters = list("▁" + PUNCTUATION + "0123456789" + LATIN + LATIN.upper())
    if "uk" in languages:
        letters += list(CYRILLIC + CYRILLIC.upper())
    words = [",", ".", "▁"]
    words += itertools.chain.from_iterable(
        ["▁" + word for word in COMMON.get(language, COMMON["en"]).split()] for language in languages)
    rest = dict.fromkeys(letters)
    for piece in words:
        rest.pop(piece, None)
    room = count - len(rest)
    if room < 20:
        sys.exit(f"--vocab: at least {len(rest) + 22} pieces are needed for {', '.join(languages)}, got {count + 2}")
    chosen = dict.fromkeys(words)
    streams = [syllables(language) for language in languages]
    # Of each language in turn, with the mark of a word's beginning and without.
    for bit in itertools.chain.from_iterable(zip(*streams)):
        if len(chosen) >= room:
            break
        for piece in ("▁" + bit, bit):
            if piece not in rest:
                chosen[piece] = None
    return list(chosen)[:room] + list(rest)


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """One field of a protocol buffer: a whole number, a 32-bit float, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def vocabulary_file(count, languages):
    """A SentencePiece model of the unigram kind: 0 is </s> (a control piece), 1 is <unk>, no piece starts a sentence."""
    model = [field(1, field(1, b"</s>") + field(2, 0.0) + field(3, 3)),
             field(1, field(1, b"<unk>") + field(2, 0.0) + field(3, 2))]
    for rank, piece in enumerate(pieces(count - 2, languages), 1):
        score = -3.0 - round(math.log(rank), 4)
        model.append(field(1, field(1, piece.encode()) + field(2, score)))
    trainer = field(4, count) + field(40, UNKNOWN) + field(41, -1) + field(42, END)
    return b"".join(model) + field(2, trainer) + field(3, field(1, b"identity"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--pair", default="enuk", help="four letters: source and target language")
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--ffn", type=int, default=1536)
    parser.add_argument("--encoder-layers", type=int, default=6)
    parser.add_argument("--decoder-layers", type=int, default=2)
    parser.add_argument("--vocab", default="32000", help="N, or N,M for two vocabularies")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--gzip", action="store_true", help="pack each file, as they are downloaded")
    shape = parser.parse_args()
    sizes = [int(size) for size in shape.vocab.split(",")]
    if len(shape.pair) != 4 or len(sizes) > 2:
        parser.error("--pair has four letters, --vocab one number or two")
    if shape.width % shape.heads or shape.width % 2:
        parser.error(f"--width {shape.width}: must be even and a multiple of --heads {shape.heads}")
    shape.two_vocabularies = len(sizes) == 2
    shape.source_vocab, shape.target_vocab = sizes[0], sizes[-1]
    source, target = shape.pair[:2], shape.pair[2:]

    files = {f"model.{shape.pair}.intgemm.alphas.bin": model_file(shape, shape.seed),
             f"lex.50.50.{shape.pair}.s2t.bin": shortlist_file(shape, shape.seed)}
    if shape.two_vocabularies:
        files[f"srcvocab.{shape.pair}.spm"] = vocabulary_file(shape.source_vocab, [source])
        files[f"trgvocab.{shape.pair}.spm"] = vocabulary_file(shape.target_vocab, [target])
    else:
        files[f"vocab.{shape.pair}.spm"] = vocabulary_file(shape.source_vocab, [source, target])
    shape.folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        if shape.gzip:
            name, data = name + ".gz", gzip.compress(data, compresslevel=1, mtime=0)
        (shape.folder / name).write_bytes(data)
        print(f"{shape.folder / name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
