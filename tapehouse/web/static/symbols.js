// The list of symbols with their newest price and its age; only rows that changed are touched.
import {showAge} from './ages.js';

const MOST = 300;

export function priceText(price) {
  const decimals = (String(price).split('.')[1] ?? '').length;
  return price.toFixed(Math.min(6, Math.max(2, decimals)));
}

export class Symbols {
  constructor({list, find, says, more}, choose) {
    this.list = list;
    this.find = find;
    this.says = says;
    this.more = more;
    this.choose = choose;
    this.entries = new Map();
    this.rows = new Map();
    this.chosen = null;
    find.addEventListener('input', () => { this.says.textContent = ''; this.arrange(); });
    find.addEventListener('keydown', event => this.onFindKey(event));
    list.addEventListener('keydown', event => this.onListKey(event));
  }

  // What streams: a row for each source, of which the newest is shown.
  takeBars({whole, rows}) {
    if (whole) this.forget('bar');
    for (const [instrument, source, symbol, price, at, venue, currency] of rows) {
      const known = this.entries.get(instrument);
      if (known?.kind === 'bar' && known.at > at && known.source !== source) continue;
      this.put({instrument, symbol, price, at, venue, currency, source, kind: 'bar'});
    }
    this.arrange();
  }

  // What has a history alone, or is listed and has nothing yet.
  takeOthers({days, listed}) {
    for (const [instrument, symbol, venue] of listed) this.putIfUnknown({instrument, symbol, venue, kind: 'listed'});
    for (const [instrument, source, symbol, price, day, currency] of days) {
      this.putIfUnknown({instrument, symbol, price, day, currency, source, kind: 'day'});
    }
    this.arrange();
  }

  newest() {
    const streamed = [...this.entries.values()].filter(entry => entry.kind === 'bar');
    return streamed.sort((a, b) => b.at - a.at || (a.symbol < b.symbol ? -1 : 1))[0];
  }

  setChosen(instrument) {
    this.chosen = instrument;
    for (const [name, row] of this.rows) this.mark(name, row);
  }

  forget(kind) {
    for (const [name, entry] of this.entries) if (entry.kind === kind) this.entries.delete(name);
  }

  putIfUnknown(entry) {
    const known = this.entries.get(entry.instrument);
    if (!known || known.kind === 'listed' || known.kind === entry.kind) this.put(entry);
  }

  put(entry) {
    this.entries.set(entry.instrument, entry);
    const row = this.rows.get(entry.instrument);
    if (row) this.fill(row, entry);
  }

  arrange() {
    const wanted = this.find.value.trim().toUpperCase();
    const found = [...this.entries.values()]
      .filter(entry => entry.symbol.toUpperCase().includes(wanted) || entry.instrument.toUpperCase().includes(wanted))
      .sort((a, b) => (a.symbol < b.symbol ? -1 : a.symbol > b.symbol ? 1 : 0));
    const shown = found.slice(0, MOST), names = shown.map(entry => entry.instrument).join('\n');
    this.more.hidden = found.length <= MOST;
    this.more.textContent = `and ${found.length - MOST} more: type to find one`;
    if (names === this.arranged) return;
    this.arranged = names;
    this.list.replaceChildren(...shown.map(entry => this.rowOf(entry).item));
    // the age of a row that was away for a while has not grown
    for (const entry of shown) this.fill(this.rowOf(entry), entry);
  }

  rowOf(entry) {
    const known = this.rows.get(entry.instrument);
    if (known) return known;
    const make = (name, className) => Object.assign(document.createElement(name), {className});
    const row = {item: make('li', ''), button: make('button', ''), name: make('span', 'name'),
                 price: make('span', 'price'), small: make('small', ''), age: make('span', 'age'),
                 who: make('span', 'who'), why: make('a', 'why')};
    row.button.type = 'button';
    row.why.textContent = 'explain';
    row.small.append(row.who, row.age);
    row.button.append(row.name, row.price, row.small);
    row.item.append(row.button, row.why);
    row.button.addEventListener('click', () => this.choose(entry.instrument));
    this.rows.set(entry.instrument, row);
    this.fill(row, entry);
    this.mark(entry.instrument, row);
    return row;
  }

  fill(row, entry) {
    row.name.textContent = entry.symbol;
    row.price.textContent = entry.price === undefined ? '' : priceText(entry.price);
    row.who.textContent = entry.source ?? 'no bar yet';
    showAge(row.age, entry.at);
    if (entry.at === undefined) row.age.textContent = entry.day ?? '';
    const when = entry.at === undefined ? entry.day : `${new Date(entry.at * 1000).toISOString().slice(0, 16)}Z`;
    row.why.hidden = !when;
    row.why.href = `/explain/${encodeURIComponent(entry.instrument)}/${when}`;
    row.why.setAttribute('aria-label', `explain ${entry.symbol}`);
  }

  mark(name, row) {
    row.item.toggleAttribute('data-chosen', name === this.chosen);
    if (name === this.chosen) row.button.setAttribute('aria-current', 'true');
    else row.button.removeAttribute('aria-current');
  }

  onFindKey(event) {
    if (event.key === 'ArrowDown') { event.preventDefault(); this.list.querySelector('button')?.focus(); }
    if (event.key !== 'Enter' || !this.find.value.trim()) return;
    const wanted = this.find.value.trim(), first = this.list.querySelector('li');
    const exact = [...this.entries.values()].find(entry => entry.symbol.toUpperCase() === wanted.toUpperCase());
    if (exact) this.choose(exact.instrument);
    else if (first) first.querySelector('button').click();
    else this.choose(wanted);
  }

  onListKey(event) {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    const item = event.target.closest('li');
    const next = event.key === 'ArrowDown' ? item?.nextElementSibling : item?.previousElementSibling;
    (next ? next.querySelector('button') : event.key === 'ArrowUp' ? this.find : event.target).focus();
  }
}
