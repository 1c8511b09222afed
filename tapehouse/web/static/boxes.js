// The boxes of health. Every text goes in as text: nothing of it is ever markup.
import {showAge} from './ages.js';

const OPEN = new Set(['job', 'feed', 'stream_tables']), BAD = new Set(['late', 'failed', 'differs', 'unknown']);

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function pill(state) {
  const made = element('span', 'pill', state);
  made.dataset.state = state;
  return made;
}

export class Boxes {
  constructor(place, sum, problems) {
    this.place = place;
    this.sum = sum;
    this.problems = problems;
    this.known = new Map();
    this.shown = new Map();
    this.isDown = false;
  }

  take(boxes) {
    for (const box of boxes) {
      this.known.set(box.id, box);
      this.show(box);
    }
  }

  line(box, name) {
    return this.known.get(box)?.lines.find(line => line.name === name);
  }

  state(box) {
    return this.known.get(box)?.state;
  }

  // Without its server nothing on the page is known any more.
  setDown(isDown) {
    if (isDown === this.isDown) return;
    this.isDown = isDown;
    for (const box of this.known.values()) this.show(box);
  }

  show(box) {
    const state = this.isDown ? 'unknown' : box.state;
    const says = this.isDown ? 'unknown: no word from the page\'s server' : box.says;
    if (box.id === 'sum') this.showSum(box, state, says);
    else this.showBox(box, state, says);
  }

  showSum(box, state, says) {
    this.sum.dataset.state = state;
    this.sum.replaceChildren(element('span', 'pill', says));
    this.problems.replaceChildren(...box.lines.map(line => element('li', '', line.name)));
  }

  showBox(box, state, says) {
    let details = this.shown.get(box.id);
    if (!details) {
      details = element('details', 'box');
      details.id = `box-${box.id}`;
      details.open = OPEN.has(box.id);
      details.append(element('summary'), element('dl'));
      this.shown.set(box.id, details);
      this.place.append(details);
    }
    if (BAD.has(state) && !BAD.has(details.dataset.state ?? '') && !this.isDown) details.open = true;
    details.dataset.state = state;
    details.firstChild.replaceChildren(element('h3', '', box.title), pill(state), element('span', 'says', says));
    details.lastChild.replaceChildren(...box.lines.map(line => this.row(line)));
    details.lastChild.hidden = !box.lines.length;
  }

  row(line) {
    const row = element('div'), value = element('dd');
    if (line.at !== undefined) {
      const age = element('span');
      showAge(age, line.at, '', ' ago');
      value.append(age, ' ');
    }
    if (line.state) value.append(pill(this.isDown ? 'unknown' : line.state));
    const more = [line.text, line.promise ? `promised: ${line.promise}` : ''].filter(Boolean).join(' · ');
    const isShort = line.at === undefined && !line.state && !line.promise;
    if (isShort) value.textContent = line.text ?? '';
    row.append(element('dt', '', line.name), value);
    if (!isShort && more) row.append(element('dd', 'more', more));
    return row;
  }
}
