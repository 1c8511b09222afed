// The page: which symbol and bars are looked at, kept in the address, and what comes for them.
import {setClock, tick} from './ages.js';
import {Boxes} from './boxes.js';
import {Chart} from './chart.js';
import {Stream} from './stream.js';
import {Symbols} from './symbols.js';
import {sayBar, sayHowMany, sayWhat} from './words.js';

const $ = id => document.getElementById(id);
const asked = new URLSearchParams(location.search);
const looked = {symbol: asked.get('symbol'), view: asked.get('view') ?? 'live', basis: asked.get('basis') ?? 'raw',
                source: asked.get('source')};

const boxes = new Boxes($('boxes'), $('sum'), $('problems'));
const chart = new Chart($('chart'), (bar, when) => sayBar(chart, bar, when));
const places = {list: $('list'), find: $('find'), says: $('find-says'), more: $('more')};
const symbols = new Symbols(places, choose);
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

// What there is of these, as an address has it.
const addressed = those => new URLSearchParams(Object.entries(those).filter(([, value]) => value));

// Asks for what is looked at: live bars come by the stream, others by a request of their own.
async function look() {
  const mine = ++looks;
  request += 1;
  history.replaceState(null, '', `?${addressed(looked)}`);
  for (const button of $('views').children) {
    button.setAttribute('aria-pressed', String(button.dataset.view === looked.view));
  }
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
  stream.open(isLive ? `/events?${addressed({symbol: looked.symbol, source: looked.source})}` : '/events');
  if (looked.symbol && !isLive) await fetchBars();
}

async function isKnown({symbol, view}) {
  if (symbols.entries.has(symbol)) return true;
  try {
    const query = addressed({view: view === 'live' ? 'minute' : view});
    return (await fetch(`/bars/${encodeURIComponent(symbol)}?${query}`)).status !== 404;
  } catch {
    return true;  // the stream says that the server is away
  }
}

// Goes back to what was looked at before, if anything was.
function showUnknown() {
  $('find-says').textContent = `no instrument is called ${looked.symbol}`;
  if (before?.symbol && before.symbol !== looked.symbol) {
    Object.assign(looked, before);
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
    const answer = await fetch(`/bars/${encodeURIComponent(symbol)}?${addressed({view, basis})}`);
    if (mine !== request) return;
    if (!answer.ok) throw new Error(`the page's server says ${answer.status}`);
    const found = await answer.json();
    if (mine === request) showChart(found);
  } catch (error) {
    if (mine !== request) return;
    $('caption').textContent = `not read: ${error.message}; trying again`;
    setTimeout(() => { if (mine === request && looked.view !== 'live') fetchBars(); }, 5000);
  }
}

// Whether a bar of what is shown would be here if it had come.
function wouldHear() {
  const isTold = looked.view === 'live' && streamed === looks && stream.state === 'ok';
  return isTold && boxes.state('stream_tables') !== 'unknown';
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
  sayWhat(chart, looked.symbol);
}

function takeBars(rows) {
  if (looked.view !== 'live' || chart.about.view !== 'live') return;
  if (chart.take(rows)) look();
  else sayWhat(chart, looked.symbol);
}

function takeList(found) {
  symbols.takeBars(found);
  // what nobody knew, or what had no bar yet, may be among them
  const isMissing = streamed !== looks || (chart.about.view === 'live' && !chart.about.source);
  if (isMissing && found.rows.some(([name, , symbol]) => [name, symbol].includes(looked.symbol))) {
    $('find-says').textContent = '';
    look();
  }
  if (!looked.symbol && symbols.newest()) choose(symbols.newest().instrument);
}

function takeHealth(found) {
  boxes.take(found);
  const version = boxes.line('tables', chart.about.table)?.text;
  if (looked.view === 'live' || !looked.symbol || !version || version === shownVersion) return;
  shownVersion = version;
  fetchBars();
  fetchOthers();
}

function showConnection(state, silent, refusal) {
  const seconds = (silent / 1000).toFixed(0);
  const why = refusal ? `the page's server refuses: ${refusal}` : `no word from the page's server for ${seconds} s`;
  const down = `${why}; what is shown is old; trying again`;
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

for (const button of $('views').children) {
  button.addEventListener('click', () => { looked.view = button.dataset.view; look(); });
}
$('basis').addEventListener('change', () => { looked.basis = $('basis').value; look(); });
$('source').addEventListener('change', () => { looked.source = $('source').value; look(); });
setInterval(tick, 1000);
setInterval(() => { if (wouldHear() && chart.goOn()) sayHowMany(chart); }, 5000);
fetchOthers();
look();
