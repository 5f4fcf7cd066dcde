//! Whether all text of a page can be read: its contrast with what is behind it, by the formula of WCAG 2.

use crate::driver::Browser;
use serde_json::json;

/// Measures every visible text, and what style sheets write before and after it, against the colours behind it. Answers
/// the texts that are too faint.
const MEASURE: &str = r"
const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
const rgba = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return Array.from(canvas.getImageData(0, 0, 1, 1).data);
};
const over = (top, below) => {
  const a = top[3] / 255;
  return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)).concat(255);
};
const light = (color) => {
  const [r, g, b] = color.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const layers = [];
  for (let e = element; e; e = e.parentElement) layers.push(rgba(getComputedStyle(e).backgroundColor));
  return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 255]);
};
const ratio = (text, ground) => {
  const [a, b] = [light(over(text, ground)), light(ground)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
};
const faint = [];
let measured = 0;
for (const element of document.body.querySelectorAll('*')) {
  if (!element.checkVisibility() || element.closest('.vh, script, style')) continue;
  const ground = behind(element);
  const note = (style, below, what) => {
    measured += 1;
    const found = ratio(rgba(style.color), below);
    if (found < 4.5) faint.push(`${found.toFixed(2)} ${what} ${element.outerHTML.slice(0, 90)}`);
  };
  const own = Array.from(element.childNodes).some((node) => node.nodeType === 3 && node.data.trim());
  if (own) note(getComputedStyle(element), ground, 'text');
  for (const part of ['::before', '::after']) {
    const style = getComputedStyle(element, part);
    if (style.content === 'none' || style.content === 'normal' || style.content === '\x22\x22') continue;
    note(style, over(rgba(style.backgroundColor), ground), part);
  }
  if (element.matches('input[type=search]')) note(getComputedStyle(element, '::placeholder'), ground, 'placeholder');
}
return { measured, faint };
";

/// Expects a contrast of 4.5 and more everywhere.
pub(crate) fn check(browser: &Browser, what: &str) {
    let found = browser.run(MEASURE);
    assert!(found["measured"].as_u64().unwrap() > 100, "{what}: {found}");
    assert_eq!(found["faint"], json!([]), "{what}");
}
