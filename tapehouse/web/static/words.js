// What is said around the chart: of the bars, of the one that is chosen, and of what is missing between them.
import {priceText} from './symbols.js';

const $ = id => document.getElementById(id);
const BASES = {raw: 'raw, as traded', split_adjusted: 'split_adjusted',
               total_return_yahoo: 'total_return_yahoo', total_return_crsp: 'total_return_crsp'};
const GAPS_SAID = 12;

const isOfDays = chart => chart.about.view === 'day';

// Basis, source, table and zone above the chart, its symbol, and whether there is any bar.
export function sayWhat(chart, asked) {
  const found = chart.about, number = chart.bars.size, served = found.source ? `source ${found.source}` : 'no source';
  const bold = Object.assign(document.createElement('b'), {textContent: BASES[found.basis]});
  const zone = isOfDays(chart) ? 'days of the exchange' : `times of ${found.zone}`;
  $('caption').replaceChildren(bold, ` · ${served} · ${found.table} · ${zone}`);
  const symbol = found.symbol ?? asked, unit = isOfDays(chart) ? 'day' : 'minute';
  $('symbol').textContent = symbol;
  $('empty').hidden = number > 0;
  $('empty').textContent = number ? '' : `no ${unit} of ${symbol} in ${found.table}`;
  offerSources(found);
  sayHowMany(chart);
}

function offerSources(found) {
  const sources = found.view === 'live' ? found.sources ?? [] : [];
  $('source-label').hidden = sources.length < 2;
  $('source').replaceChildren(...sources.map(name => new Option(name, name, false, name === found.source)));
}

// How many bars there are, how many of which kind, and the gaps that are known.
export function sayHowMany(chart) {
  const bars = [...chart.bars.values()], count = test => bars.filter(test).length;
  const provisional = count(bar => bar.isProvisional), revised = count(bar => bar.revision > 0);
  const empty = chart.gaps.reduce((sum, [, , number]) => sum + number, 0);
  const said = [
    `${bars.length.toLocaleString('en')} bars`,
    provisional ? `${provisional} provisional: hollow` : '',
    revised ? `${revised} revised: marked rev` : '',
    empty ? `${empty} ${isOfDays(chart) ? 'sessions' : 'minutes'} without a bar: shaded` : '',
  ];
  $('notes').textContent = said.filter(Boolean).join(' · ');
  const known = (chart.about.gaps ?? []).slice(-GAPS_SAID).map(gap => {
    const item = document.createElement('li');
    const [start, end] = [gap.gap_start, gap.gap_end].map(at => chart.timeText(at));
    item.textContent = `gap ${start} to ${end}: ${gap.cause}, ${gap.state}`;
    return item;
  });
  $('gaps').replaceChildren(...known);
}

// The chosen bar in full, with the way to its explanation, and the newest price above.
export function sayBar(chart, bar, when) {
  if (!bar) {
    for (const id of ['bar', 'price', 'change']) $(id).textContent = '';
    return;
  }
  const volume = bar.volume === null ? 'unknown' : bar.volume.toLocaleString('en');
  const prices = ['open', 'high', 'low', 'close'].map(name => `${name} ${priceText(bar[name])}`).join(' ');
  const more = [bar.quotes ? `${bar.quotes} quotes` : '', bar.isProvisional ? 'provisional' : '',
                bar.revision ? `revision ${bar.revision}` : '', bar.isComplete ? '' : 'volume incomplete',
                bar.source ?? ''].filter(Boolean).join(', ');
  const link = document.createElement('a'), minute = `${new Date(bar.time * 1000).toISOString().slice(0, 16)}Z`;
  link.href = `/explain/${encodeURIComponent(chart.about.instrument)}/${isOfDays(chart) ? bar.session : minute}`;
  link.textContent = 'explain this bar';
  $('bar').replaceChildren(`${when}  ${prices} volume ${volume}${more ? ` (${more})` : ''} `, link);
  const newest = chart.newest();
  $('price').textContent = `${priceText(newest.close)} ${chart.about.currency ?? ''}`;
  sayChange(chart, newest);
}

function sayChange(chart, newest) {
  const bars = [...chart.bars.values()], ofDays = isOfDays(chart);
  const before = ofDays ? bars.at(-2)?.close : bars.find(bar => bar.session === newest.session)?.open;
  const change = before ? (newest.close / before - 1) * 100 : null;
  const way = change === null || Math.abs(change) < .005 ? 'none' : change > 0 ? 'up' : 'down';
  const since = ofDays ? 'since the day before' : 'since its first bar', sign = way === 'up' ? '+' : '';
  $('change').dataset.way = way;
  $('change').textContent = change === null ? '' : `${sign}${change.toFixed(2)} % ${since}`;
}
