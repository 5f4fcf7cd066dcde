//! What the samples promise in their README, so that nobody mends them into something easier.

use std::path::Path;

/// The bytes of a sample.
fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)).unwrap()
}

/// Checks that a sample holds all of the given pieces.
fn check(name: &str, pieces: &[&str]) {
    let text = String::from_utf8(sample(name)).unwrap();
    for piece in pieces {
        assert!(text.contains(piece), "{name}: {piece:?} is missing");
    }
}

#[test]
fn one_sample_has_carriage_returns_throughout_and_one_a_byte_order_mark() {
    let text = String::from_utf8(sample("uk/front-line.txt")).unwrap();
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count());
    assert!(sample("en/aid-convoy.txt").starts_with(b"\xef\xbb\xbf"));
    for name in ["en/glacier.txt", "uk/court.txt", "ko/typhoon.txt"] {
        assert!(!sample(name).contains(&b'\r') && !sample(name).starts_with(b"\xef\xbb\xbf"), "{name}");
    }
}

#[test]
fn english_samples_have_what_wire_copy_has() {
    check(
        "en/aid-convoy.txt",
        &["Ніч під Оріховом", "It [the corridor]", "Lt. Col.", "5:40 a.m.", "@meridian_wire", "Ctrl + Enter"],
    );
    check(
        "en/central-bank.md",
        &["---\n", "```python", "한은, 기준금리", "₩1.4 billion", "| Inflation |", "**Read also:**"],
    );
    check("en/lighthouse.html", &["&rsquo;", "CO<sub>2</sub>", "R&amp;D", "<!--", "Сторінки щоденника", "Follow us"]);
    check("en/glacier.txt", &["Льодовик, який", "Prof. H. J.", "41.7%", "#GreyMud", "newsletter"]);
}

#[test]
fn ukrainian_samples_have_what_wire_copy_has() {
    check(
        "uk/front-line.txt",
        &["Southern front holds", "Він [комбат]", "23,75 млн ₴", "−7 °C", "не наказував", "Читайте також"],
    );
    check(
        "uk/energy-grid.md",
        &["---\n", "```text", "Kharkiv power grid", "€1,9 млн", "| Лінії 35 кВ |", "@merezha.example"],
    );
    check(
        "uk/museum.html",
        &["og:locale", "notranslate", "<!--[if", "hreflang", "Embroidery archive", "Читайте також"],
    );
    check("uk/court.txt", &["Bridge tender cancelled", "1 260 000 000 грн", "3 млн 28 тис. грн", "@ratusha_plus"]);
}

#[test]
fn korean_samples_have_what_wire_copy_has() {
    check("ko/typhoon.txt", &["Typhoon Noeulbit", "1만 2천여", "[주민들을]", "중령", "무단전재 및 재배포 금지"]);
    check("ko/shipyard.txt", &["Південнокорейська верф", "2조 1,740억 원", "3분의 1", "#조선업", "관련 기사"]);
    check("ko/battery-fire.md", &["---\n", "```sh", "Flooded EV battery", "98만 4천", "| 30분 |", "@ondal_science"]);
}
