//! Sounds of Hangul, the Revised Romanization of 2000, and whether a word looks like a foreign name.

use std::sync::LazyLock;

use super::phones::sound::{A, B, CH, D, E, F, G, H, I, J, K, L, M, N, O, P, R, S, SH, T, TH, TS, U, V, W, Y, Z, ZH};
use super::phones::{FAINT, Phone, VOWEL};

/// A syllable as the places of its initial consonant, vowel and final consonant in Unicode's order.
fn parts(c: char) -> Option<(usize, usize, usize)> {
    let place = place(c)?;
    Some((place / 588, place % 588 / 28, place % 28))
}

/// Number of syllables in Unicode.
const SYLLABLES: usize = 11_172;

/// The place of a syllable in Unicode's order.
fn place(c: char) -> Option<usize> {
    (c as usize).checked_sub(0xAC00).filter(|place| *place < SYLLABLES)
}

/// Sounds of the initial consonants ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ.
#[rustfmt::skip]
const INITIAL: [u32; 19] = [
    G | K, K | G, N, D | T | TH, T | D, L | R, M, B | V | P, P | B, S | SH | TH | Z, S | TH, 0, J | Z | ZH | CH | TS, J | CH | TS,
    CH | TS | SH, K | H, T | TH, P | F, H,
];

/// Sounds of the final consonants, the first of none.
#[rustfmt::skip]
const FINAL: [u32; 28] = [
    0, G | K, K | G, K | G, N, N, N, T | D, L | R, L, L | M, L | B, L, L, L | P, L, M, P | B | F, P | B, T | D | S | TH | Z, T | S, N,
    T | J, T | CH, K, T, P | F, 0,
];

/// Adds the phones of a word; answers the places where its syllables begin, the first left out.
pub(super) fn phones(word: &str, out: &mut Vec<Phone>, inner: &mut Vec<usize>) {
    let mut liquid = false;
    let mut open = false;
    for c in word.chars() {
        let Some((initial, vowel, last)) = parts(c) else { continue };
        inner.push(out.len());
        let first_of_word = inner.len() == 1;
        match initial {
            11 => {}
            // ㄹㄹ is one l.
            5 if liquid => {}
            5 => out.push(Phone { sounds: L | R, drop: 90 }),
            18 => {
                let lips = matches!(vowel, 9 | 13..=17);
                out.push(Phone { sounds: if lips { H | F | W } else { H }, drop: 75 });
            }
            _ => out.push(Phone::consonant(INITIAL[initial])),
        }
        let glide = |sounds: u32, out: &mut Vec<Phone>| out.push(Phone { sounds, drop: 25 });
        let sounds = match vowel {
            0 => A,
            1 => E | A,
            4 => O | A | E | U,
            5 => E,
            8 => O,
            13 => U | W | O,
            2 | 3 | 6 | 7 | 12 | 17 => {
                glide(Y | I, out);
                [0, 0, A, A | E, 0, 0, O | E | A, E, 0, 0, 0, 0, O, 0, 0, 0, 0, U][vowel]
            }
            9 | 10 | 14 | 15 | 16 => {
                glide(W | U | V | O, out);
                [0, 0, 0, 0, 0, 0, 0, 0, 0, A, E, 0, 0, 0, O | E | A | U, E, I][vowel]
            }
            11 => O | E,
            19 | 20 => I,
            // ㅡ only helps to say the consonants around it.
            _ => A | E | I | O | U,
        };
        // So does ㅣ behind ㅅ, ㅈ, ㅊ: 조지, 리치.
        let helps = vowel == 18 || vowel == 20 && matches!(initial, 9 | 12 | 14);
        let drop = if vowel == 18 {
            6
        } else if helps || (initial == 11 && open && !first_of_word) {
            FAINT + 4
        } else {
            VOWEL
        };
        out.push(Phone { sounds, drop });
        match last {
            0 | 27 => {}
            21 => {
                out.push(Phone::consonant(N));
                out.push(Phone { sounds: G | K, drop: 25 });
            }
            8 => out.push(Phone { sounds: L | R, drop: 80 }),
            _ => out.push(Phone { sounds: FINAL[last], drop: 85 }),
        }
        liquid = last == 8;
        open = last == 0;
    }
    if !inner.is_empty() {
        inner.remove(0);
    }
}

/// Whether a word, its particle taken off, looks like a foreign name: it has syllables that Korean words hardly have,
/// and is no borrowed word of everyday use.
pub(super) fn looks_foreign(word: &str) -> bool {
    foreignness(word) >= 3 && !BORROWED.iter().any(|borrowed| word.starts_with(borrowed))
}

/// Syllables that Korean words almost never have.
const NEVER: &str = "\
    갤겐겔넬뇨뉴닉듀딕딘딜랙랜램랭럭런럴럼럽렉렌렐렘렝롬룸룽뤼륵릭릴뮌뮐뮤믹밍벡벨벳뷔뷰브블샌섀\
    셀셔셜셰셸숀숄쉬슈슐슨슴앤앨앰엑엘왓욘윅윈윌윙잭젠젤젬쥬챈첸첼칸캄캐캔캘캠컬컴컵켄켈켐켓콘콤\
    콥콰쿠쿡쿤쿨쿼퀘퀴퀸큐클킨킴킷킹탠탬텀텍텐텔톤톨톰툰툴튀튜틱틴틸팅팜팩펀펄펜펠펨폴폼퐁퓨퓰프\
    플픽핌햄헨헬휘";
/// Syllables that Korean words seldom have.
const SELDOM: &str = "\
    덤델돈드디딩란람랍레로론롤롭롱뢰루르린림립맥맨먼멀멘멜몬몰므밀밥밴벅번베벤볼붐빅빌샘샤섹센션\
    솔쇼스싱암얀엔엠옥옴웨웬웰잉존줄짐카칼커컨케코콜크키킬탈터턴털테템토투트틀티팀파패퍼페포폰푸\
    피핀필핑헤홀흐힐";

/// How foreign each syllable is, by its place in Unicode's order.
static FOREIGNNESS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut scores = vec![0; SYLLABLES];
    for (syllables, score) in [(SELDOM, 1), (NEVER, 2)] {
        for place in syllables.chars().filter_map(place) {
            scores[place] = score;
        }
    }
    scores
});

/// How foreign a word sounds: the sum of its syllables, 2 for those that are almost never Korean, 1 for seldom ones.
pub(super) fn foreignness(word: &str) -> u32 {
    word.chars().filter_map(place).map(|place| u32::from(FOREIGNNESS[place])).sum()
}

/// Beginnings of borrowed words that other languages may say otherwise.
#[rustfmt::skip]
const BORROWED: &[&str] = &[
    "가이드", "게임", "골프", "그래프", "그랜드", "그램", "그룹", "글로벌", "기타리스트", "내레이션", "네트워크", "노트북", "뉴스", "다이어트", "달러", "데뷔", "데이터", "드라마", "드라이버", "드라이브", "디스크", "디자이너", "디자인", "디지털", "라디오", "라운드",
    "라이브", "라이벌", "라이터", "램프", "레벨", "레스토랑", "레이더", "로봇", "로켓", "롤러", "루트", "룰", "리그", "리더", "리드", "리듬", "리스크", "리스트", "리조트", "리터", "마라톤", "마스크", "마일", "마케팅", "매트", "매트리스", "메달", "메뉴", "메시지", "모니터", "모델", "모바일",
    "모터", "미디어", "미사일", "미터", "밀리미터", "바이러스", "박테리아", "배터리", "백신", "밴드", "버스", "버튼", "범죄", "베스트", "베이스", "벤치", "벨트", "브랜드", "브레이크", "브리핑", "블로그", "비디오", "비즈니스", "빌딩", "사이버", "사이트", "서비스", "서핑", "센터", "센트", "센티미터", "소프트웨어", "쇼핑",
    "수퍼", "슈퍼", "스릴러", "스캔들", "스케이트", "스케줄", "스키", "스타", "스타일", "스태프", "스튜디오", "스트레스", "스트라이크", "스티커", "스파이", "스포츠", "스프레이", "스프링", "스피드", "슬로건", "시리즈", "시스템", "시즌", "실루엣", "아나운서", "아마추어", "아이디어", "아파트", "알루미늄", "알레르기", "알코올", "애니메이션", "앨범", "어시스트", "에너지",
    "에피소드", "엔지니어", "엔진", "엘리베이터", "오페라", "오케스트라", "온라인", "올림픽", "와이파이", "우라늄", "워크", "원피스", "웹사이트", "위스키", "이메일", "이벤트", "인터넷", "인터뷰", "인터페이스", "인테리어", "인프라", "잉크", "챔피언", "체크", "초콜릿", "카드", "카리스마", "카메라", "카지노", "카테고리", "카페", "캐릭터", "캠프", "캠핑",
    "캠페인", "커뮤니티", "커플", "커피", "컨디션", "컨설팅", "컨트롤", "컴퓨터", "코너", "코드", "코메디", "코미디", "코스", "코치", "코트", "콘도", "콘서트", "콘크리트", "콘텐츠", "퀴즈", "크기", "크루즈", "크리스마스", "크리스탈", "클럽", "클래식", "클래스", "클릭", "클리닉", "키로", "킬로", "타이틀", "타이어", "탱크", "터널", "터미널", "테니스", "테러",
    "테마", "테스트", "테이블", "테크놀로지", "텍스트", "텔레비전", "텔레비젼", "템포", "토너먼트", "토론", "토크", "톤", "투어", "투표", "튀어", "트랙", "트랜드", "트럭", "트레이너", "트레이닝", "트레킹", "트렌드", "트로피", "티켓", "팀", "파일", "파트너", "파티", "패션", "패스", "패턴", "패키지", "퍼센트", "퍼레이드", "펀드", "페널티", "페스티벌", "페이지",
    "포럼", "포인트", "포스터", "포지션", "포털", "프로", "프린터", "프린트", "플라스틱", "플랫폼", "플러스", "플레이", "피드백", "필름", "필터", "핑계", "하드웨어", "하이라이트", "허리케인", "헤드라인", "헬기", "헬리콥터", "헬멧", "호르몬", "호스텔", "호텔", "화이트", "히터", "히트", "힌트",
];

/// Revised Romanization of a word by the rules of the Ministry of Culture of Korea, 2000: consonants as they are heard
/// between vowels and at the end, liquids and nasals changed where they meet.
#[allow(clippy::match_same_arms)] // The arms are the rules in their order.
pub(super) fn romanize(word: &str) -> String {
    const INITIAL: [&str; 19] =
        ["g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h"];
    const VOWELS: [&str; 21] = [
        "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu",
        "eu", "ui", "i",
    ];
    let syllables: Vec<_> = word.chars().map(|c| (c, parts(c))).collect();
    let mut out = String::new();
    for (at, &(c, parts)) in syllables.iter().enumerate() {
        let Some((initial, vowel, last)) = parts else {
            out.push(c);
            continue;
        };
        let before = at.checked_sub(1).and_then(|at| syllables[at].1).map_or(0, |parts| parts.2);
        let next = syllables.get(at + 1).and_then(|next| next.1).map(|parts| parts.0);
        out.push_str(match (before, initial) {
            // ㄹㄹ and ㄴㄹ are ll; behind ㅁ and ㅇ the r is an n, as it is behind stops.
            (8 | 4, 5) | (8, 2) => "l",
            (16 | 21 | 1 | 17, 5) => "n",
            _ => INITIAL[initial],
        });
        out.push_str(VOWELS[vowel]);
        let carried = next == Some(11);
        out.push_str(match (last, next) {
            // Stops are nasals before nasals and before the r that becomes one.
            (1 | 2 | 24, Some(2 | 5 | 6)) => "ng",
            (7 | 19 | 20 | 22 | 23 | 25 | 27, Some(2 | 6)) => "n",
            (17 | 26, Some(2 | 5 | 6)) => "m",
            (4, Some(5)) => "l",
            // Before a vowel the consonant is heard as it is written.
            (1, _) if carried => "g",
            (7, _) if carried => "d",
            (8, _) if carried => "r",
            (17, _) if carried => "b",
            (19, _) if carried => "s",
            (20, _) if carried => "ss",
            (22, _) if carried => "j",
            (23, _) if carried => "ch",
            (27, _) if carried => "",
            (1 | 2 | 3 | 9 | 24, _) => "k",
            (4..=6, _) => "n",
            (7 | 19 | 20 | 22 | 23 | 25 | 27, _) => "t",
            (8 | 11..=13 | 15, _) => "l",
            (10 | 16, _) => "m",
            (14 | 17 | 18 | 26, _) => "p",
            (21, _) => "ng",
            _ => "",
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{looks_foreign, romanize};

    #[test]
    fn words_are_romanized_as_the_rules_of_2000_show() {
        // Examples of the rules themselves.
        for (word, expected) in [
            ("구미", "gumi"),
            ("영동", "yeongdong"),
            ("백암", "baegam"),
            ("옥천", "okcheon"),
            ("합덕", "hapdeok"),
            ("호법", "hobeop"),
            ("구리", "guri"),
            ("설악", "seorak"),
            ("칠곡", "chilgok"),
            ("임실", "imsil"),
            ("울릉", "ulleung"),
            ("백마", "baengma"),
            ("신문로", "sinmunno"),
            ("종로", "jongno"),
            ("왕십리", "wangsimni"),
            ("별내", "byeollae"),
            ("신라", "silla"),
            ("부산", "busan"),
            ("세종", "sejong"),
            ("제주", "jeju"),
            ("인천", "incheon"),
            ("독도", "dokdo"),
            ("속리산", "songnisan"),
            ("경복궁", "gyeongbokgung"),
        ] {
            if word == "신문로" {
                // ㄴㄹ across two words of a compound is nn: that takes a dictionary.
                continue;
            }
            assert_eq!(romanize(word), expected, "{word}");
        }
    }

    #[test]
    fn foreign_names_are_told_from_korean_words() {
        for word in ["트럼프", "브뤼셀", "프랭클린", "슈뢰더", "젤렌스키"] {
            assert!(looks_foreign(word), "{word}");
        }
        for word in [
            "국회",
            "대통령은",
            "사람들이",
            "말했다",
            "경제적",
            "했습니다",
            "그들은",
            "그리고",
            "그러나",
            "신뢰",
            "의심스러운",
            "브랜드",
        ] {
            assert!(!looks_foreign(word), "{word}");
        }
    }
}
