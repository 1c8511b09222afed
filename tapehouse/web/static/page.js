// The page: which symbol and bars are looked at, kept in the address, and what comes for them.
import {setClock, tick} from './ages.js';
import {Boxes} from './boxes.js';
import {Chart} from './chart.js';
import {Stream} from './stream.js';
import {priceText, Symbols} from './symbols.js';

const $ = id => document.getElementById(id);
const BASES = {raw: 'raw, as traded', split_adjusted: 'split_adjusted', total_return_yahoo: 'total_return_yahoo', total_return_crsp: 'total_return_crsp'};
const asked = new URLSearchParams(location.search);
const looked = {symbol: asked.get('symbol'), view: asked.get('view') ?? 'live', basis: asked.get('basis') ?? 'raw', source: asked.get('source')};

const boxes = new Boxes($('boxes'), $('sum'), $('problems'));
const chart = new Chart($('chart'), showBar);
const symbols = new Symbols({list: $('list'), find: $('find'), says: $('find-says'), more: $('more')}, choose);
const stream = new Stream({chart: ifAsked(showChart), bars: ifAsked(takeBars), 'chart-failed': ifAsked(showFailure),
                           list: takeList, health: takeHealth, beat: setClock}, showConnection);
let shownVersion = null, request = 0;
// looks so far, the one that the stream is of, and what that looks at
let looks = 0, streamed = 0, before = null;

// What the stream says of a symbol while another is being looked for is of no concern any more.
function ifAsked(handle) {
  return told => { if (streamed === looks) handle(told); };
}

function choose(name) {
  Object.assign(looked, {symbol: name, source: null});
  look();
}

// Asks for what is looked at: live bars come by the stream, others by a request of their own.
async function look() {
  const mine = ++looks;
  request += 1;
  const query = Object.entries(looked).filter(([, value]) => value);
  history.replaceState(null, '', `?${new URLSearchParams(query)}`);
  for (const button of $('views').children) button.setAttribute('aria-pressed', String(button.dataset.view === looked.view));
  $('basis-label').hidden = looked.view !== 'day';
  $('basis').value = looked.basis;
  symbols.setChosen(looked.symbol);
  const isLive = looked.view === 'live' && looked.symbol;
  // the health is told whatever is looked at
  if (!stream.source) stream.open('/events');
  const isKnownNow = !looked.symbol || await isKnown(looked);
  if (mine !== looks) return;
  if (!isKnownNow) { showUnknown(); return; }
  streamed = mine;
  before = {...looked};
  stream.open(isLive ? `/events?${new URLSearchParams({symbol: looked.symbol, ...(looked.source ? {source: looked.source} : {})})}` : '/events');
  if (looked.symbol && !isLive) await fetchBars();
}

async function isKnown({symbol, view}) {
  if (symbols.entries.has(symbol)) return true;
  try {
    const query = new URLSearchParams({view: view === 'live' ? 'minute' : view});
    return (await fetch(`/bars/${encodeURIComponent(symbol)}?${query}`)).status !== 404;
  } catch {
    return true;  // the stream says that the server is away
  }
}

// Goes back to what was looked at before, if anything was.
function showUnknown() {
  $('find-says').textContent = `no instrument is called ${looked.symbol}`;
  if (before?.symbol) {
    Object.assign(looked, before);
    before = null;
    look();
    return;
  }
  $('empty').textContent = $('find-says').textContent;
  $('empty').hidden = false;
}

async function fetchBars() {
  const mine = ++request, {symbol, view, basis} = looked;
  $('caption').textContent = 'reading ...';
  try {
    const answer = await fetch(`/bars/${encodeURIComponent(symbol)}?${new URLSearchParams({view, basis})}`);
    if (mine !== request) return;
    if (!answer.ok) throw new Error(`the page's server says ${answer.status}`);
    showChart(await answer.json());
  } catch (error) {
    if (mine !== request) return;
    $('caption').textContent = `not read: ${error.message}; trying again`;
    setTimeout(() => { if (mine === request && looked.view !== 'live') fetchBars(); }, 5000);
  }
}

function showFailure(why) {
  $('caption').textContent = `not read: ${why}`;
}

function showChart(found) {
  if (found.view !== looked.view) return;
  if (found.instrument && looked.symbol !== found.instrument) {
    looked.symbol = found.instrument;
    symbols.setChosen(found.instrument);
  }
  shownVersion = boxes.line('tables', found.table)?.text;
  chart.show(found);
  showWords();
}

function showWords() {
  const found = chart.about, number = chart.bars.size;
  const isMinute = found.view !== 'day', served = found.source ? `source ${found.source}` : 'no source';
  const bold = Object.assign(document.createElement('b'), {textContent: BASES[found.basis]});
  const zone = isMinute ? `times of ${found.zone}` : 'days of the exchange';
  $('caption').replaceChildren(bold, ` · ${served} · ${found.table} · ${zone}`);
  $('symbol').textContent = found.symbol ?? looked.symbol;
  $('empty').hidden = number > 0;
  $('empty').textContent = number ? '' : `no ${found.view === 'day' ? 'day' : 'minute'} of ${found.symbol ?? looked.symbol} in ${found.table}`;
  showSources(found);
  showNotes();
}

function showSources(found) {
  const sources = found.view === 'live' ? found.sources ?? [] : [];
  $('source-label').hidden = sources.length < 2;
  $('source').replaceChildren(...sources.map(name => new Option(name, name, false, name === found.source)));
}

function showNotes() {
  const bars = [...chart.bars.values()], count = test => bars.filter(test).length;
  const provisional = count(bar => bar.isProvisional), revised = count(bar => bar.revision > 0);
  const empty = chart.gaps.reduce((sum, [, , number]) => sum + number, 0), unit = chart.about.view === 'day' ? 'sessions' : 'minutes';
  const said = [`${bars.length.toLocaleString('en')} bars`, provisional ? `${provisional} provisional: hollow` : '',
    revised ? `${revised} revised: marked rev` : '', empty ? `${empty} ${unit} without a bar: shaded` : ''];
  $('notes').textContent = said.filter(Boolean).join(' · ');
  const known = (chart.about.gaps ?? []).slice(-12).map(gap => {
    const item = document.createElement('li');
    item.textContent = `gap ${chart.timeText(gap.gap_start)} to ${chart.timeText(gap.gap_end)}: ${gap.cause}, ${gap.state}`;
    return item;
  });
  $('gaps').replaceChildren(...known);
}

function showBar(bar, when) {
  if (!bar) { $('bar').textContent = ''; $('price').textContent = ''; $('change').textContent = ''; return; }
  const {open, high, low, close, volume, quotes} = bar, newest = chart.newest();
  const words = [bar.isProvisional ? 'provisional' : '', bar.revision ? `revision ${bar.revision}` : '', bar.isComplete ? '' : 'volume incomplete', bar.source ?? ''];
  const told = `${when}  open ${priceText(open)} high ${priceText(high)} low ${priceText(low)} close ${priceText(close)} volume ${volume === null ? 'unknown' : volume.toLocaleString('en')}`;
  const more = [quotes ? `${quotes} quotes` : '', ...words].filter(Boolean).join(', ');
  const link = document.createElement('a');
  const minute = `${new Date(bar.time * 1000).toISOString().slice(0, 16)}Z`;
  link.href = `/explain/${encodeURIComponent(chart.about.instrument)}/${chart.about.view === 'day' ? bar.session : minute}`;
  link.textContent = 'explain this bar';
  $('bar').replaceChildren(`${told}${more ? ` (${more})` : ''} `, link);
  $('price').textContent = `${priceText(newest.close)} ${chart.about.currency ?? ''}`;
  showChange(newest);
}

function showChange(newest) {
  const session = [...chart.bars.values()].filter(bar => bar.session === newest.session);
  const before = chart.about.view === 'day' ? [...chart.bars.values()].at(-2)?.close : session[0]?.open;
  const change = before ? (newest.close / before - 1) * 100 : null;
  const way = change === null || Math.abs(change) < .005 ? 'none' : change > 0 ? 'up' : 'down';
  $('change').dataset.way = way;
  const since = chart.about.view === 'day' ? 'since the day before' : 'since its first bar';
  $('change').textContent = change === null ? '' : `${way === 'up' ? '+' : ''}${change.toFixed(2)} % ${since}`;
}

function takeBars(rows) {
  if (looked.view !== 'live' || chart.about.view !== 'live') return;
  if (chart.take(rows)) look();
  else showWords();
}

function takeList(found) {
  symbols.takeBars(found);
  const isFirst = chart.about.view === 'live' && !chart.about.source && found.rows.some(([name]) => name === looked.symbol);
  if (isFirst) look();
  if (!looked.symbol && symbols.newest()) choose(symbols.newest().instrument);
}

function takeHealth(found) {
  boxes.take(found);
  const {table} = chart.about, version = boxes.line('tables', table)?.text;
  if (looked.view !== 'live' && version && version !== shownVersion && looked.symbol) { shownVersion = version; fetchBars(); fetchOthers(); }
}

function showConnection(state, silent, refusal) {
  const seconds = (silent / 1000).toFixed(0);
  const down = refusal ? `the page's server refuses: ${refusal}; trying again` :
    `no word from the page's server for ${seconds} s: what is shown is old; trying again`;
  const text = {ok: `connected, heard ${seconds} s ago`, down}[state] ?? 'connecting to the page\'s server';
  $('connection').dataset.state = state;
  if ($('connection').textContent !== text) $('connection').textContent = text;
  document.body.toggleAttribute('data-down', state === 'down');
  boxes.setDown(state === 'down');
}

async function fetchOthers() {
  try {
    const answer = await fetch('/symbols');
    if (answer.ok) symbols.takeOthers(await answer.json());
  } catch {
    setTimeout(fetchOthers, 5000);
  }
}

for (const button of $('views').children) button.addEventListener('click', () => { looked.view = button.dataset.view; look(); });
$('basis').addEventListener('change', () => { looked.basis = $('basis').value; look(); });
$('source').addEventListener('change', () => { looked.source = $('source').value; look(); });
setInterval(tick, 1000);
fetchOthers();
look();
