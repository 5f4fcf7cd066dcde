"use strict";
// Filter, search, keys and marks of the reader. The page can be read without any of this.
// Everything is looked up once; a filter walks the segments once and touches only those that change.
(function () {
  const doc = document;
  const root = doc.documentElement;
  const at = (id) => doc.getElementById(id);
  const tools = { search: at("search"), unseen: at("unseen"), review: at("review"), position: at("position"),
    theme: at("theme"), help: at("help"), keys: at("keys"), said: at("said"), copy: at("copy") };
  const radios = Array.from(doc.querySelectorAll('input[name="show"]'));
  const bar = doc.querySelector(".tools");
  const empty = doc.querySelector(".empty");
  const LEVELS = { note: 1, warning: 2, error: 3 };
  const PREFIX = "tlumach.review.";

  // What the reader chose is kept where the browser allows it, and forgotten without a word where it does not.
  const memory = {
    get(name) { try { return localStorage.getItem(PREFIX + name); } catch (_) { return null; } },
    set(name, value) {
      try {
        if (value === null) localStorage.removeItem(PREFIX + name); else localStorage.setItem(PREFIX + name, value);
      } catch (_) { /* The page itself still knows it. */ }
    },
  };

  // ---- What is on the page, in its order.

  const articles = [];
  const segments = [];
  const finds = [];
  const known = new Map();
  let order = 0;

  function addFinds(owner, elements) {
    for (const element of elements) {
      const level = LEVELS[["error", "warning", "note"].find((name) => element.classList.contains(name))];
      const find = { element, level, order: ++order, article: owner.article || owner, segment: owner.article ? owner : null };
      owner.finds.push(find);
      finds.push(find);
      known.set(element, find);
    }
  }

  for (const element of doc.querySelectorAll(".art")) {
    const article = { element, body: element.querySelector(".body"), key: element.dataset.key, finds: [], segments: [],
      unfinished: ["failed", "cancelled"].includes(element.dataset.status), order: ++order, name: "" };
    articles.push(article);
    known.set(element, article);
    const own = Array.from(article.body.children).find((child) => child.classList.contains("finds"));
    if (own) addFinds(article, own.children);
    const lists = Array.from(article.body.children).filter((child) => child.classList.contains("segs"));
    article.lists = lists.map((list) => ({ element: list, size: list.children.length, shown: list.children.length }));
    const seen = new Set((memory.get("seen." + article.key) || "").split(" "));
    for (const item of lists.flatMap((list) => Array.from(list.children))) {
      const segment = { element: item, article, finds: [], level: Number(item.dataset.level), order: ++order,
        number: article.segments.length + 1, review: "review" in item.dataset, done: false, text: null, words: null, word: -1 };
      const box = item.querySelector(".seen input");
      segment.box = box;
      segment.done = box.checked = seen.has(String(segment.number));
      item.classList.toggle("done", segment.done);
      article.segments.push(segment);
      segments.push(segment);
      known.set(item, segment);
      if (segment.level > 0) addFinds(segment, item.querySelectorAll(".find"));
    }
  }
  // Where findings say the same, one choice less is better.
  if (segments.some((segment) => segment.review !== segment.level >= 2)) doc.querySelector(".only.review").hidden = false;

  // ---- Filter and search.

  let shownSegments = segments;
  let shownFinds = finds;
  let current = null;

  const fold = (text) => text.normalize("NFC").toLowerCase();
  const level = () => Number((radios.find((radio) => radio.checked) || radios[0]).value);
  const textOf = (thing) => (thing.text ??= fold(thing.element.textContent));

  function filter() {
    const least = level();
    const needle = fold(tools.search.value.trim());
    const unseen = tools.unseen.checked;
    const review = tools.review.checked;
    const all = least === 0 && !needle && !unseen && !review;
    shownSegments = [];
    shownFinds = [];
    for (const article of articles) {
      let some = all || (article.unfinished && !needle && !review);
      for (const find of article.finds) {
        const show = find.level >= least && !review && (!needle || textOf(find).includes(needle));
        if (find.element.hidden === show) find.element.hidden = !show;
        if (show) { shownFinds.push(find); some = true; }
      }
      for (const list of article.lists) list.shown = 0;
      for (const segment of article.segments) {
        const show = all || (segment.level >= least && !(unseen && segment.done) && (!review || segment.review)
          && (!needle || textOf(segment).includes(needle)));
        if (segment.element.hidden === show) segment.element.hidden = !show;
        if (show) {
          shownSegments.push(segment);
          shownFinds.push(...segment.finds);
          article.lists[Math.floor((segment.number - 1) / article.lists[0].size)].shown += 1;
          some = true;
        }
      }
      article.lists.forEach(showRoom);
      if (article.element.hidden === some) article.element.hidden = !some;
      if (needle && some) article.body.open = true;
    }
    if (!stop || stop.element.hidden) rove(shownSegments[0] || null);
    empty.hidden = all || articles.some((article) => !article.element.hidden);
    showHits(needle);
    showPosition();
    return all;
  }

  // What a list out of sight is taken to be high, so that the scroll bar tells how much is shown.
  const HEIGHT = 5.6;
  function showRoom(list) {
    list.element.hidden = list.shown === 0;
    const room = list.shown === list.size ? "" : list.shown * HEIGHT + "rem";
    if (list.element.style.containIntrinsicBlockSize !== room) list.element.style.containIntrinsicBlockSize = room;
  }

  function changed() {
    const all = filter();
    const count = (number, what) => number + " " + what + (number === 1 ? "" : "s");
    say(all ? "Everything is shown" : count(shownSegments.length, "segment") + " and "
      + count(shownFinds.length, "finding") + " shown");
  }

  function clear() {
    radios[0].checked = true;
    tools.search.value = "";
    tools.unseen.checked = tools.review.checked = false;
    changed();
  }

  // Hits are painted, not written into the page; the first ones are enough to see where one is.
  const MOST_HITS = 2000;
  const paints = typeof Highlight === "function" && CSS.highlights ? CSS.highlights : null;

  function showHits(needle) {
    if (!paints) return;
    paints.delete("hits");
    if (needle.length < 2) return;
    const hits = new Highlight();
    for (const segment of shownSegments) {
      if (hits.size >= MOST_HITS) break;
      for (const side of [".src", ".out"]) {
        const paragraph = segment.element.querySelector(side);
        const text = paragraph.textContent;
        const lower = text.toLowerCase();
        // Where small letters are longer than capitals places would shift.
        if (lower.length !== text.length) continue;
        for (let from = lower.indexOf(needle); from >= 0; from = lower.indexOf(needle, from + needle.length)) {
          hits.add(rangeOf(paragraph, from, from + needle.length));
        }
      }
    }
    if (hits.size) paints.set("hits", hits);
  }

  function rangeOf(element, begin, end) {
    const range = doc.createRange();
    const walker = doc.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    let passed = 0;
    let begun = false;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const length = node.data.length;
      if (!begun && begin < passed + length) { range.setStart(node, begin - passed); begun = true; }
      if (end <= passed + length) { range.setEnd(node, end - passed); break; }
      passed += length;
    }
    return range;
  }

  // ---- Where the reader is.

  function say(text) { tools.said.textContent = text; }

  function showPosition() {
    const total = shownFinds.length;
    const place = current ? shownFinds.findIndex((find) => find === current) : -1;
    tools.position.textContent = place >= 0 ? place + 1 + " of " + total : total + (total === 1 ? " finding" : " findings");
  }

  const segmentOf = (thing) => (thing ? thing.segment || (thing.box ? thing : null) : null);

  // One segment at a time is in the order of the tab key; arrows go on from there.
  let stop = null;
  function rove(segment) {
    if (stop) stop.element.tabIndex = -1;
    stop = segment;
    if (stop) stop.element.tabIndex = 0;
  }

  function settle(thing) {
    const before = segmentOf(current);
    const segment = segmentOf(thing);
    if (before && before !== segment) before.element.classList.remove("here");
    if (segment) { segment.element.classList.add("here"); rove(segment); }
    light(thing && thing.segment ? [thing] : []);
    current = thing;
    showPosition();
  }

  function go(thing) {
    if (thing.article) thing.article.body.open = true;
    const element = thing.body ? thing.body.querySelector("summary") : thing.element;
    element.focus({ preventScroll: true });
    const box = element.getBoundingClientRect();
    const covered = getComputedStyle(bar).position === "sticky" ? bar.offsetHeight : 0;
    const outside = box.top < covered || box.bottom > root.clientHeight - 20;
    const whole = segmentOf(thing) ? segmentOf(thing).element : element;
    // A finding is scrolled to with its texts, unless they do not fit.
    if (outside) (whole.offsetHeight < root.clientHeight * 0.7 ? whole : element).scrollIntoView({ block: "center" });
  }

  function step(list, forward, what) {
    const place = current ? current.order : forward ? -1 : Infinity;
    let next = null;
    if (forward) next = list.find((thing) => thing.order > place);
    else for (const thing of list) { if (thing.order >= place) break; next = thing; }
    if (next) go(next); else say("No " + what + (forward ? " after this" : " before this"));
  }

  const moves = {
    find: (forward) => step(shownFinds, forward, "finding"),
    error: (forward) => step(shownFinds.filter((find) => find.level === 3), forward, "error"),
    // From a finding the next segment is the one after its own; the one before is its own.
    segment: (forward) => step(shownSegments, forward, "segment"),
    article: (forward) => step(articles.filter((article) => !article.element.hidden), forward, "article"),
  };

  let lit = [];
  function light(list) {
    for (const element of lit) element.classList.remove("lit");
    lit = [];
    for (const find of list) {
      const number = String(find.segment.finds.indexOf(find) + 1);
      for (const mark of find.segment.element.querySelectorAll("mark")) {
        if (mark.dataset.f.split(" ").includes(number)) { mark.classList.add("lit"); lit.push(mark); }
      }
    }
  }

  doc.addEventListener("focusin", (event) => {
    const element = event.target.closest(".find, .seg, .art");
    if (element && known.has(element)) settle(known.get(element));
  });

  // A press gives the segment the focus before the click comes; what was current until then decides where it leads.
  let pressed = null;
  doc.addEventListener("pointerdown", () => { pressed = current; });

  doc.addEventListener("click", (event) => {
    const mark = event.target.closest("mark");
    const selection = getSelection();
    if (mark && (!selection || selection.isCollapsed)) {
      const segment = known.get(mark.closest(".seg"));
      const numbers = mark.dataset.f.split(" ").map(Number);
      // A second press on the same place goes to the next finding there.
      const place = numbers.findIndex((number) => segment.finds[number - 1] === pressed);
      go(segment.finds[numbers[(place + 1) % numbers.length] - 1]);
    }
    if (event.target.closest(".clear")) clear();
  });

  doc.addEventListener("pointerover", (event) => {
    const element = event.target.closest("mark, .find");
    const over = element && element.closest(".seg") ? known.get(element.closest(".seg")) : null;
    if (!over) { light(current && current.segment ? [current] : []); return; }
    if (element.matches("mark")) light(element.dataset.f.split(" ").map((number) => over.finds[number - 1]));
    else light([known.get(element)]);
  });

  // ---- Looked at.

  function mark(segment, done) {
    segment.done = segment.box.checked = done;
    segment.element.classList.toggle("done", done);
    const seen = segment.article.segments.filter((other) => other.done).map((other) => other.number);
    memory.set("seen." + segment.article.key, seen.length ? seen.join(" ") : null);
    say("Segment " + segment.number + (done ? " looked at" : " not looked at"));
    if (tools.unseen.checked) filter();
  }

  doc.addEventListener("change", (event) => {
    const target = event.target;
    if (target.closest(".seen")) mark(known.get(target.closest(".seg")), target.checked);
    else if (target.name === "show" || target === tools.unseen || target === tools.review) changed();
  });

  let waiting = 0;
  tools.search.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(changed, 150); });

  // ---- Words and their counterparts.

  function wordsOf(segment) {
    if (segment.words === null) {
      segment.words = (segment.element.dataset.words || "").split(" ").filter(Boolean)
        .map((pair) => pair.split(":").map((range) => range.split("-").map(Number)));
    }
    return segment.words;
  }

  function showWords(segment, pairs) {
    if (!paints) return;
    paints.delete("words");
    if (!pairs.length) return;
    const sides = [segment.element.querySelector(".src"), segment.element.querySelector(".out")];
    const ranges = pairs.flatMap((pair) => pair.map(([begin, end], side) => rangeOf(sides[side], begin, end)));
    paints.set("words", new Highlight(...ranges));
  }

  function offsetAt(paragraph, x, y) {
    let node, offset;
    if (doc.caretPositionFromPoint) {
      const place = doc.caretPositionFromPoint(x, y);
      if (place) { node = place.offsetNode; offset = place.offset; }
    } else if (doc.caretRangeFromPoint) {
      const range = doc.caretRangeFromPoint(x, y);
      if (range) { node = range.startContainer; offset = range.startOffset; }
    }
    if (!node || !paragraph.contains(node)) return -1;
    const range = doc.createRange();
    range.setStart(paragraph, 0);
    range.setEnd(node, offset);
    return range.toString().length;
  }

  doc.addEventListener("pointermove", (event) => {
    const paragraph = event.target.closest(".seg[data-words] > .src, .seg[data-words] > .out");
    if (!paragraph) { if (paints && paints.has("words") && event.pointerType === "mouse") paints.delete("words"); return; }
    const segment = known.get(paragraph.parentElement);
    const side = paragraph.classList.contains("src") ? 0 : 1;
    const offset = offsetAt(paragraph, event.clientX, event.clientY);
    showWords(segment, wordsOf(segment).filter((pair) => pair[side][0] <= offset && offset < pair[side][1]));
  });

  function stepWord(forward) {
    const segment = segmentOf(current);
    const words = segment ? wordsOf(segment) : [];
    if (!words.length) return false;
    segment.word = Math.min(Math.max(segment.word + (forward ? 1 : -1), 0), words.length - 1);
    const pair = words[segment.word];
    showWords(segment, [pair]);
    const texts = [".src", ".out"].map((side, index) =>
      segment.element.querySelector(side).textContent.slice(pair[index][0], pair[index][1]));
    say(texts.join(" – "));
    return true;
  }

  // ---- Light and dark, copying, printing, help.

  function showTheme() { tools.theme.textContent = "Theme: " + (root.dataset.theme || "auto"); }
  function nextTheme() {
    const next = { auto: "light", light: "dark", dark: "auto" }[root.dataset.theme || "auto"];
    if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
    memory.set("theme", next === "auto" ? null : next);
    showTheme();
    say(tools.theme.textContent);
  }

  function list() {
    const lines = [];
    let article = null;
    let segment = null;
    for (const find of shownFinds) {
      if (find.article !== article) {
        article = find.article;
        lines.push((lines.length ? "\n" : "") + article.element.querySelector("h2").textContent);
      }
      if (find.segment && find.segment !== segment) {
        segment = find.segment;
        lines.push("", "Segment " + segment.number);
        for (const [side, sign] of [[".src", "< "], [".out", "> "]]) {
          const text = segment.element.querySelector(side).textContent.trim();
          if (text) lines.push(sign + text);
        }
      }
      const text = find.element.cloneNode(true);
      for (const extra of text.querySelectorAll("code, .n")) extra.remove();
      lines.push("- " + text.textContent.replace(/\s+/g, " ").trim());
    }
    return lines.join("\n") + "\n";
  }

  async function copy() {
    const text = list();
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch (_) {
      const area = doc.createElement("textarea");
      area.value = text;
      doc.body.append(area);
      area.select();
      done = doc.execCommand("copy");
      area.remove();
      if (current) current.element.focus({ preventScroll: true });
    }
    say(done ? shownFinds.length + " findings copied" : "The browser does not let this page copy");
    tools.copy.textContent = done ? "Copied" : "Not copied";
    setTimeout(() => { tools.copy.textContent = "Copy list"; }, 1600);
  }

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = articles.filter((article) => !article.body.open);
    for (const article of folded) article.body.open = true;
  });
  addEventListener("afterprint", () => { for (const article of folded) article.body.open = false; });

  at("next").addEventListener("click", () => moves.find(true));
  at("previous").addEventListener("click", () => moves.find(false));
  tools.copy.addEventListener("click", copy);
  tools.theme.addEventListener("click", nextTheme);
  at("help-open").addEventListener("click", () => tools.help.showModal());
  tools.keys.checked = memory.get("keys") !== "off";
  tools.keys.addEventListener("change", () => memory.set("keys", tools.keys.checked ? null : "off"));

  function nextFilter() {
    const place = radios.findIndex((radio) => radio.checked);
    radios[(place + 1) % radios.length].checked = true;
    changed();
  }

  function toggle() {
    const segment = segmentOf(current);
    const inner = segment && segment.element.querySelector(".more");
    const body = current && (current.body || current.article.body);
    if (inner) inner.open = !inner.open;
    else if (body) body.open = !body.open;
  }

  // ---- Keys.

  // On Cyrillic and Korean layouts a key is known by its place.
  function keyOf(event) {
    const letter = /^Key([A-Z])$/.exec(event.code);
    const foreign = event.key === "Process" || (event.key.length === 1 && event.key > "\x7f");
    if (foreign && letter) return event.shiftKey ? letter[1] : letter[1].toLowerCase();
    if (foreign && event.code === "BracketRight") return "]";
    if (foreign && event.code === "BracketLeft") return "[";
    if (event.code === "Slash" && event.key === ".") return "/";
    if (event.code === "Slash" && event.key === ",") return "?";
    return event.key;
  }

  const keys = {
    j: () => moves.find(true), k: () => moves.find(false),
    n: () => moves.error(true), p: () => moves.error(false),
    J: () => moves.segment(true), K: () => moves.segment(false),
    "]": () => moves.article(true), "[": () => moves.article(false),
    x: () => { const segment = segmentOf(current); if (segment) mark(segment, !segment.done); },
    o: toggle, f: nextFilter, t: nextTheme, y: copy,
    "/": () => { tools.search.focus(); tools.search.select(); },
    "?": () => tools.help.showModal(),
  };

  const inside = {
    ArrowDown: () => moves.segment(true), ArrowUp: () => moves.segment(false),
    ArrowRight: () => stepWord(true), ArrowLeft: () => stepWord(false),
    Home: () => { if (shownSegments.length) go(shownSegments[0]); },
    End: () => { if (shownSegments.length) go(shownSegments[shownSegments.length - 1]); },
  };

  doc.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || tools.help.open) return;
    const target = event.target;
    if (event.key === "Escape") {
      if (target === tools.search) { target.blur(); if (current) go(current); } else if (!target.closest("dialog")) clear();
      return;
    }
    if (target === tools.search) {
      if (event.key === "Enter") {
        event.preventDefault();
        clearTimeout(waiting);
        changed();
        const first = shownSegments[0] || shownFinds[0];
        if (first) go(first);
      }
      return;
    }
    const move = target.matches(".seg, .find") && !event.shiftKey ? inside[event.key] : undefined;
    if (move) {
      if (move() !== false) event.preventDefault();
      return;
    }
    const act = tools.keys.checked ? keys[keyOf(event)] : undefined;
    if (act) { event.preventDefault(); act(); }
  });

  // ---- Addresses within the page.

  function follow() {
    const target = location.hash ? at(decodeURIComponent(location.hash.slice(1))) : null;
    const thing = target ? known.get(target) : null;
    if (!thing) return;
    if (thing.body) thing.body.open = true;
    go(thing);
  }
  addEventListener("hashchange", follow);

  showTheme();
  filter();
  follow();
})();
