#!/usr/bin/env python3
"""Damages good translations in known ways, so that the checks can be measured on what they should find.

Reads aligned lines `SET.LANG` (one sentence a line, the same lines in every language) from a folder and writes tab
separated rows: kind, source language, target language, set, line numbers, source, output. Rows of the kinds
`reference` and `reference_joined` are undamaged. Every choice comes from the seed and the line's number, so that two
runs write the same file. Standard library only.

    tools/damage.py FOLDER --sets flores200.dev ntrex128.part1 --out damaged.tsv
"""

import argparse
import random
import re
import sys
from pathlib import Path

LANGUAGES = ["en", "uk", "ko"]
DIRECTIONS = [("en", "uk"), ("en", "ko"), ("uk", "en"), ("ko", "en"), ("uk", "ko"), ("ko", "uk")]

# Sentences of our own in languages that nobody asked for, in the style of news.
RUSSIAN = """Городской совет в понедельник отложил голосование по бюджету из-за отсутствия кворума.
Спасатели всю ночь разбирали завалы, но никого под ними не нашли.
Министр заявил, что переговоры продолжатся на следующей неделе в другом месте.
По данным полиции, водитель скрылся с места аварии и был задержан вечером.
Компания обещала вернуть деньги всем покупателям до конца года.
Учёные измерили толщину льда и сравнили её с показателями тридцатилетней давности.
Это была первая победа команды на выезде с начала сезона.
Жители посёлка жалуются, что горячей воды нет уже вторую неделю.
Суд перенёс заседание, потому что адвокат не успел ознакомиться с материалами дела.
Билеты подорожали почти на четверть, однако поезда по-прежнему заполнены.
Она сказала, что никогда не подписывала этот документ и впервые его видит.
Врачи советуют пожилым людям не выходить на улицу в самые жаркие часы.
Мост закрыли для грузовиков после того, как в опорах обнаружили трещины.
Выставка продлится до октября, вход для школьников бесплатный.
Экономисты ожидают, что рост цен замедлится только весной.
Экипаж вернулся на базу без происшествий, сообщили в штабе.
Если дождь не прекратится, урожай придётся собирать вручную.
Певица отменила концерт за два часа до начала, объяснив это болезнью.""".split("\n")
CHINESE = """市议会周一因人数不足推迟了对预算案的表决。
救援人员整夜清理废墟，没有发现任何被困者。
部长表示，谈判将于下周在另一个地点继续进行。
警方称司机逃离了事故现场，当晚被拘留。
公司承诺在年底之前把钱退给所有买家。
科学家测量了冰层的厚度，并与三十年前的数据进行了比较。
这是球队本赛季以来的第一场客场胜利。
镇上的居民抱怨说，已经两个星期没有热水了。
由于律师没有来得及阅读材料，法院推迟了庭审。
票价上涨了近四分之一，但是火车仍然坐满了人。
她说自己从未签署过这份文件，也是第一次看到它。
医生建议老年人在最热的时候不要外出。
桥墩发现裂缝以后，大桥禁止卡车通行。
展览将持续到十月，中小学生免费入场。
经济学家预计物价上涨要到春天才会放缓。
指挥部说，机组人员已平安返回基地。""".split("\n")

END = r"[.!?…。]['\"»”’)\]]*"


def words(text):
    return text.split()


# Words that end in a full stop inside a sentence.
ABBREVIATION = re.compile(r"(?:^|[\s(])(?:Mrs?|Ms|Drs?|Sens?|Reps?|Gens?|Gov|Rev|Prof|Lt|Col|Capt|Sgt|Messrs|St|Jr|No|vs|[A-ZА-ЯІЇЄҐ])\.$")


def sentences(text):
    """Sentences by the plainest rule: a closing mark, white space, a capital, Hangul, digit or quote."""
    parts = re.split(r"(?<=[^\s.]{3}[.!?…])(['\"»”’)\]]*)\s+(?=[\"'«„“‘(\[]?[A-ZА-ЯІЇЄҐ가-힣])", text)
    whole = []
    for index in range(0, len(parts), 2):
        part = parts[index] + (parts[index + 1] if index + 1 < len(parts) else "")
        if whole and ABBREVIATION.search(whole[-1]):
            whole[-1] += " " + part
        else:
            whole.append(part)
    return [s for s in whole if s.strip()]


def copied(row, rng):
    return row.source


def wrong_language_other(row, rng):
    return row.other


def wrong_language_russian(row, rng):
    return foreign(RUSSIAN, row, rng, " ")


def wrong_language_chinese(row, rng):
    return foreign(CHINESE, row, rng, "")


def foreign(texts, row, rng, joint):
    text = rng.choice(texts)
    least = len(row.output) * (0.35 if texts is CHINESE else 0.7)
    while len(text) < least:
        text += joint + rng.choice(texts)
    return text


def loop(row, rng):
    """A phrase of 1 to 6 words is said 3 to 8 times more, at the end or in the middle."""
    parts = words(row.output)
    if len(parts) < 6:
        return None
    length = rng.randint(1, min(6, len(parts) - 1))
    at = len(parts) if rng.random() < 0.7 else rng.randint(length, len(parts))
    times = rng.randint(3, 8) if length > 1 else rng.randint(4, 10)
    return " ".join(parts[:at] + parts[at - length : at] * times + parts[at:])


def sentence_dropped(row, rng):
    whole = sentences(row.output)
    # Where the translator parted a sentence, one of its parts is no sentence of the source.
    if len(whole) < 2 or len(sentences(row.source)) < len(whole):
        return None
    # What is left has to be less than what was there by a real sentence, not by an interjection.
    index = rng.randrange(len(whole))
    if len(whole[index]) < 12:
        return None
    return " ".join(whole[:index] + whole[index + 1 :])


def truncated(row, rng):
    """Cut behind a word, between a quarter and nine tenths of the text; a cut off comma is a cut off comma."""
    parts = words(row.output)
    if len(parts) < 6:
        return None
    keep = rng.randint(max(2, len(parts) // 4), max(3, (len(parts) * 9) // 10))
    if keep >= len(parts):
        return None
    return " ".join(parts[:keep])


SPANS = [
    "https://meridian-wire.example/report/{n}?ref=a1",
    "www.ledger-{n}.example/today",
    "desk{n}@meridian-wire.example",
    "@wire_desk{n}",
    "#GreyHarbour{n}",
    "convoy_{n}.xlsx",
    "{{name_{n}}}",
]


def protected(row, rng):
    """The same address, handle, tag, file name or placeholder on both sides, altered or lost in the output."""
    span = rng.choice(SPANS).replace("{n}", str(rng.randint(10, 99))).replace("{{", "{").replace("}}", "}")
    kind = rng.randrange(4)
    if kind == 0:
        altered = ""
    elif kind == 1:
        letters = [i for i, c in enumerate(span) if c.isalpha()]
        at = rng.choice(letters)
        altered = span[:at] + span[at + 1 :]
    elif kind == 2:
        letters = [i for i, c in enumerate(span) if c.isalpha() and c != "x"]
        at = rng.choice(letters)
        altered = span[:at] + "x" + span[at + 1 :]
    else:
        at = rng.choice([i for i, c in enumerate(span) if c.isalpha()])
        altered = span[:at] + span[at].swapcase() + span[at + 1 :]
    row.source = f"{row.source} ({span})" if not span.startswith("{") else f"{span}: {row.source}"
    output = f"{row.output} ({altered})" if altered else row.output
    return f"{altered}: {row.output}" if span.startswith("{") and altered else output


def digit(row, rng):
    places = [m.start() for m in re.finditer(r"\d", row.output)]
    if not places:
        return None
    at = rng.choice(places)
    new = rng.choice([d for d in "0123456789" if d != row.output[at]])
    return row.output[:at] + new + row.output[at + 1 :]


SCALES = {
    "en": [("million", "billion"), ("billion", "million"), ("thousand", "million"), ("trillion", "billion")],
    "uk": [
        ("млн", "млрд"), ("млрд", "млн"), ("мільйон", "мільярд"), ("мільярд", "мільйон"), ("тис.", "млн"),
        ("тисяч", "мільйон"), ("трлн", "млрд"),
    ],
    "ko": [("만", "억"), ("억", "조"), ("조", "억"), ("천", "만")],
}


def scale(row, rng):
    found = []
    for old, new in SCALES[row.to]:
        joint = r"(?<=\d)" if row.to == "ko" else r"(?<=\d )"
        found += [(m.start(), old, new) for m in re.finditer(joint + re.escape(old), row.output)]
    if not found:
        return None
    at, old, new = rng.choice(found)
    return row.output[:at] + new + row.output[at + len(old) :]


NUMBER_WORDS = {
    "en": ["two three four five six seven eight nine ten eleven twelve".split(),
           "twenty thirty forty fifty sixty seventy eighty ninety".split()],
    "uk": ["дві три чотири п'ять шість сім вісім дев'ять десять".split(),
           "двох трьох чотирьох п'яти шести семи восьми дев'яти десяти".split(),
           "двадцять тридцять сорок п'ятдесят шістдесят сімдесят вісімдесят дев'яносто".split()],
    "ko": ["두 세 네 다섯 여섯 일곱 여덟 아홉 열".split()],
}


def number_word(row, rng):
    """A number word becomes another one of its kind."""
    found = []
    text = row.output.replace("’", "'").replace("ʼ", "'")
    for group in NUMBER_WORDS[row.to]:
        for word in group:
            if row.to == "ko":
                pattern = rf"(?<![가-힣]){word}(?= ?(?:명|개|번|대|곳|가지|사람|차례|달|살|시간|마리|건|배|채|척|권))"
            else:
                pattern = rf"(?<![\w'-]){word}(?![\w'-])"
            found += [(m.start(), m.group(), group) for m in re.finditer(pattern, text)]
    if not found:
        return None
    at, word, group = rng.choice(found)
    new = rng.choice([w for w in group if w != word])
    return row.output[:at] + new + row.output[at + len(word) :]


DATES = {
    "en": ["January February March April June July August September October November December".split(),
           "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()],
    "uk": ["січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня".split(),
           "січні лютому березні квітні травні червні липні серпні вересні жовтні листопаді грудні".split(),
           "понеділок вівторок середу четвер суботу неділю".split()],
    "ko": [[f"{n}월" for n in range(1, 13)],
           [f"{d}요일" for d in "월화수목금토일"]],
}


def date(row, rng):
    """A month or a day of the week becomes another one."""
    found = []
    for group in DATES[row.to]:
        for word in group:
            edge = r"(?<!\d)" if row.to == "ko" else r"(?<!\w)"
            after = "" if row.to == "ko" else r"(?!\w)"
            found += [(m.start(), word, group) for m in re.finditer(edge + word + after, row.output)]
    if not found:
        return None
    at, word, group = rng.choice(found)
    new = rng.choice([w for w in group if w != word])
    return row.output[:at] + new + row.output[at + len(word) :]


UNITS = {
    "en": [
        ["kilometers", "meters", "centimeters", "miles", "feet"], ["kilometres", "metres", "miles"], ["km", "m", "cm"],
        ["kg", "tonnes", "pounds"], ["hours", "minutes", "seconds"], ["days", "weeks", "months", "years"],
        ["percent", "dollars"], ["dollars", "euros", "pounds"], ["a.m.", "p.m."], ["am", "pm"], ["year", "month"],
    ],
    "uk": [
        ["кілометрів", "метрів", "сантиметрів", "миль"], ["км", "м", "см"], ["кг", "тонн", "фунтів"],
        ["годин", "хвилин", "секунд"], ["днів", "тижнів", "місяців", "років"], ["років", "місяців"],
        ["доларів", "євро", "гривень"], ["відсотків", "доларів"], ["роки", "місяці", "дні"],
    ],
    "ko": [
        ["킬로미터", "미터", "센티미터", "마일"], ["km", "m", "cm"], ["kg", "톤", "파운드"], ["시간", "분", "초"],
        ["일", "주", "개월", "년"], ["년", "개월"], ["달러", "유로", "원"], ["퍼센트", "달러"], ["세", "개월"],
    ],
}
SIGNS = ["$", "€", "£", "₴", "₩"]


def unit(row, rng):
    """The unit or currency behind (or before) figures becomes another one; half days are swapped."""
    found = []
    for group in UNITS[row.to]:
        for word in group:
            after = r"(?![가-힣]*월)" if row.to == "ko" else r"(?!\w)"
            joint = r"(?<=\d)" if row.to == "ko" else r"(?:(?<=\d )|(?<=\d\u00a0)|(?<=\d))"
            found += [(m.start(), word, group) for m in re.finditer(joint + re.escape(word) + after, row.output)]
    for m in re.finditer(r"[$€£₴₩](?=\d)", row.output):
        found.append((m.start(), m.group(), SIGNS))
    if row.to == "ko":
        for m in re.finditer(r"(오전|오후)(?= ?\d)", row.output):
            found.append((m.start(), m.group(), ["오전", "오후"]))
        found = [f for f in found if not (f[1] in ("일", "년", "세") and row.output[f[0] + 1 : f[0] + 2] == "월")]
    if not found:
        return None
    at, word, group = rng.choice(found)
    new = rng.choice([w for w in group if w != word])
    return row.output[:at] + new + row.output[at + len(word) :]


def mixed_script(row, rng):
    """One to three letters inside a word are of another script, homoglyphs among them."""
    own = {"en": "A-Za-z", "uk": "А-Яа-яіїєґІЇЄҐ", "ko": "가-힣"}[row.to]
    found = [m for m in re.finditer(f"[{own}]{{4,}}", row.output)]
    if not found:
        return None
    m = rng.choice(found)
    length = rng.randint(1, min(3, len(m.group()) - 2))
    at = m.start() + rng.randint(1, len(m.group()) - length - 1)
    others = {"en": ["фес", "한국", "іое"], "uk": ["fes", "한국", "ioe", "中国"], "ko": ["фес", "fess", "рос"]}[row.to]
    new = (rng.choice(others) * 2)[:length]
    # One Latin letter inside Hangul is how many products are called; a syllable's worth is no name.
    if row.to == "ko" and new.isascii():
        new = "fess"
    return row.output[:at] + new + row.output[at + length :]


NEGATIONS = {
    "en": [(r"\b(do|does|did) not (\w+)", r"\2"), (r"\b(is|are|was|were|has|have|had|will|would|could|should|can|may|must) not\b", r"\1"),
           (r"\b(is|are|was|were|has|have|had|would|could|should|do|does|did)n[’']t\b", r"\1"), (r"\bcannot\b", "can"),
           (r"\bcan[’']t\b", "can"), (r"\bwon[’']t\b", "will"), (r"\bnever ", ""), (r"\bno one\b", "everyone"), (r"\bNo one\b", "Everyone")],
    "uk": [(r"(?<!\w)не (?=\w)", ""), (r"(?<!\w)Не (?=\w)", ""), (r"(?<!\w)немає(?!\w)", "є"), (r"(?<!\w)ніхто не ", "хтось "),
           (r"(?<!\w)ніколи не ", "завжди ")],
    "ko": [(r"하지 않았", "했"), (r"하지 않는", "하는"), (r"하지 않고", "하고"), (r"하지 않으", "하"), (r"하지 못했", "했"), (r"하지 못한", "한"),
           (r"지 않았다", "었다"), (r"지 않는다", "는다"), (r"지 않다", "다"), (r"(?<=[가-힣] )없다", "있다"), (r"(?<=[가-힣] )없는", "있는"),
           (r"(?<=[가-힣] )없었", "있었"), (r"이 아니다", "이다"), (r"가 아니다", "이다"), (r"수 없", "수 있")],
}


def negation(row, rng):
    """One negation is taken out of an output whose source is negated too; "not only" and the like are left alone."""
    idle = {"en": r"not (only|just|least|to mention)|no longer|if not", "uk": r"не (тільки|лише|менш|більш)", "ko": r"뿐만|않을까"}[row.to]
    found = []
    for pattern, new in NEGATIONS[row.to]:
        for m in re.finditer(pattern, row.output):
            if not re.match(idle, row.output[m.start() :]) and not re.search(idle, row.output[max(0, m.start() - 8) : m.end() + 8]):
                found.append((m, new))
    if not found:
        return None
    m, new = rng.choice(found)
    return row.output[: m.start()] + m.expand(new) + row.output[m.end() :]


TITLES = "대통령|총리|장관|의원|교수|박사|회장|시장|주지사|판사|감독"
KOREAN_PLACES = """미국 중국 일본 영국 독일 프랑스 러시아 인도 캐나다 호주 브라질 이탈리아 스페인 멕시코 이란 이라크 시리아 터키 이집트 파키스탄 인도네시아 필리핀
태국 베트남 싱가포르 폴란드 스웨덴 그리스 우크라이나 사우디아라비아 이스라엘 런던 파리 베를린 모스크바 워싱턴 뉴욕 로스앤젤레스 시카고 도쿄 베이징
캘리포니아 플로리다 텍사스 스코틀랜드 아일랜드""".split()
# Words that stand before a title and are no names.
KOREAN_NOT_NAMES = set("""국가 프로 신임 부대 전직 현직 당시 미국 전임 야당 여당 공화당 민주당 보수당 노동당 대법원 상원 하원 연방 외무 국방 재무 내무 법무 보건 교육
축구 수석 주임 담당 대표 선임 법학 의학 대학 명예 초대 임시 차기 이전 역사 영화 경제""".split())


def names_of(text, language):
    """Spans of what is most likely a name: capitals inside a sentence; in Korean well-known places, and what stands
    before a title."""
    if language == "ko":
        places = re.finditer(rf"(?<![가-힣])(?:{'|'.join(KOREAN_PLACES)})(?=(?:은|는|이|가|을|를|의|에|에서|와|과|도|으로|로)?(?![가-힣]))", text)
        people = re.finditer(rf"(?<![가-힣])[가-힣]{{2,5}}(?= (?:{TITLES})(?:은|는|이|가|을|를|의|과|와|도|에게)?(?![가-힣]))", text)
        return [*places, *(m for m in people if m.group() not in KOREAN_NOT_NAMES and m.group()[-1] not in "의은는을를이가")]
    letter = "A-Z" if language == "en" else "А-ЯІЇЄҐ"
    small = "a-z" if language == "en" else "а-яіїєґ"
    return [m for m in re.finditer(rf"(?<=[{small},] )[{letter}][{small}’']{{3,}}(?![\w’'])", text)]


# Capitals that are no names of people and places.
NOT_NAMES = set("""January February March April June July August September October November December Monday Tuesday
Wednesday Thursday Friday Saturday Sunday President Minister Prime State States University Congress Parliament Senate
Court House National United North South East West Northern Southern Eastern Western Street Union World City""".split())


def name(row, rng):
    """A name becomes one of another line."""
    found = [m for m in names_of(row.output, row.to) if m.group() not in NOT_NAMES]
    if not found:
        return None
    m = rng.choice(found)
    others = [n for n in row.names if n[:3] != m.group()[:3] and n not in row.output]
    # Cases have to fit roughly: the same last letter.
    fitting = [n for n in others if n[-1] == m.group()[-1]] or others
    if row.to == "ko":
        fitting = others
    return row.output[: m.start()] + rng.choice(fitting) + row.output[m.end() :] if fitting else None


KINDS = [copied, wrong_language_other, wrong_language_russian, wrong_language_chinese, loop, sentence_dropped, truncated,
         protected, digit, scale, number_word, date, unit, mixed_script, negation, name]


class Row:
    def __init__(self, source, output, other, to, names):
        self.source, self.output, self.other, self.to, self.names = source, output, other, to, names


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with SET.en, SET.uk, SET.ko")
    parser.add_argument("--sets", nargs="+", default=["flores200.dev", "ntrex128.part1"])
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--out", type=Path, help="standard output otherwise")
    arguments = parser.parse_args()
    out = arguments.out.open("w", encoding="utf-8", newline="\n") if arguments.out else sys.stdout
    for name_of_set in arguments.sets:
        lines = {}
        for language in LANGUAGES:
            path = arguments.folder / f"{name_of_set}.{language}"
            try:
                text = path.read_text(encoding="utf-8")
            except OSError as error:
                sys.exit(f"cannot read {path}: {error.strerror}; expected one sentence a line, aligned in {LANGUAGES}")
            lines[language] = [line.replace("\t", " ").strip() for line in text.splitlines()]
        names = {l: sorted({m.group() for t in lines[l] for m in names_of(t, l)} - NOT_NAMES) for l in LANGUAGES}
        for source_language, to in DIRECTIONS:
            other = next(l for l in LANGUAGES if l not in (source_language, to))
            write(out, name_of_set, (source_language, to), lines, other, names[to], arguments.seed)


def write(out, name_of_set, direction, lines, other, names, seed):
    source_language, to = direction
    count = len(lines[to])

    def emit(kind, numbers, source, output):
        place = "-".join(str(n) for n in numbers)
        out.write("\t".join([kind, source_language, to, name_of_set, place, source, output]) + "\n")

    for number in range(count):
        source, output = lines[source_language][number], lines[to][number]
        if not source or not output:
            continue
        emit("reference", [number + 1], source, output)
        for kind in KINDS:
            rng = random.Random(f"{seed} {kind.__name__} {name_of_set} {source_language} {to} {number}")
            row = Row(source, output, lines[other][number], to, names)
            damaged = kind(row, rng)
            if damaged is not None and damaged.strip() and damaged != output:
                emit(kind.__name__, [number + 1], row.source, damaged)
    # Paragraphs of 2 to 5 lines: whole, and with one sentence dropped.
    number = 0
    while number < count:
        rng = random.Random(f"{seed} joined {name_of_set} {source_language} {to} {number}")
        take = rng.randint(2, 5)
        group = range(number, min(number + take, count))
        number += take
        ended = all(re.search(END + "$", lines[l][n]) for l in (source_language, to) for n in group)
        if len(group) < 2 or not ended:
            continue
        source = " ".join(lines[source_language][n] for n in group)
        emit("reference_joined", [group[0] + 1, group[-1] + 1], source, " ".join(lines[to][n] for n in group))
        gone = rng.choice(list(group))
        kept = " ".join(lines[to][n] for n in group if n != gone)
        emit("sentence_dropped_joined", [group[0] + 1, group[-1] + 1], source, kept)


if __name__ == "__main__":
    main()
