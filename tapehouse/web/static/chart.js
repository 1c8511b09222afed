// The chart: candles and volume, what is provisional hollow, what was revised marked, what is missing left empty.
import {now} from './ages.js';
import {barOf, gapsOf, placesOf} from './bars.js';
import {Marks} from './marks.js';

const {createChart, CrosshairMode, TickMarkType} = window.LightweightCharts;
// pixels beside the newest bar, so that its word has room
const SHOWN_AT_FIRST = 240, ROOM = 44;
const COLOURS = ['up', 'down', 'panel', 'soft', 'line', 'shade', 'warn'];

const faded = (colour, alpha) => `${colour}${Math.round(alpha * 255).toString(16).padStart(2, '0')}`;
const colourOf = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Chart {
  constructor(place, onBar) {
    this.onBar = onBar;
    this.place = place;
    this.bars = new Map();
    this.about = {};
    this.chosen = null;
    this.chart = createChart(place, {autoSize: true, crosshair: {mode: CrosshairMode.Normal},
      rightPriceScale: {borderVisible: false, scaleMargins: {top: .14, bottom: .24}},
      timeScale: {timeVisible: true, secondsVisible: false, borderVisible: false, rightOffset: 6, minBarSpacing: .4,
                  tickMarkFormatter: (time, type) => this.tickText(time, type)},
      localization: {timeFormatter: time => this.timeText(time)}});
    this.volume = this.chart.addHistogramSeries({priceFormat: {type: 'volume'}, priceScaleId: 'volume',
                                                 lastValueVisible: false, priceLineVisible: false});
    this.chart.priceScale('volume').applyOptions({scaleMargins: {top: .84, bottom: 0}});
    this.candles = this.chart.addCandlestickSeries();
    this.marks = new Marks();
    this.candles.attachPrimitive(this.marks);
    this.chart.subscribeCrosshairMove(({time}) => this.tell(time));
    this.chart.subscribeClick(({time}) => { if (this.bars.has(time)) this.choose(time); });
    place.addEventListener('keydown', event => this.onKey(event));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint());
    this.paint();
  }

  show(chart) {
    this.about = chart;
    this.chosen = null;
    this.bars = new Map(chart.bars.map(row => barOf(row)).map(bar => [bar.time, bar]));
    const zone = chart.view === 'day' ? 'UTC' : chart.zone ?? 'UTC';
    const format = options => new Intl.DateTimeFormat('en-GB', {timeZone: zone, ...options});
    this.formats = {
      time: format({hour: '2-digit', minute: '2-digit', hour12: false}),
      day: format({day: 'numeric', month: 'short'}),
      month: format({month: 'short'}),
      year: format({year: 'numeric'}),
      whole: format({day: 'numeric', month: 'short', year: 'numeric'}),
    };
    this.setPrecision();
    this.draw();
    // a session of which little came begins where that does
    const places = this.places.length;
    const first = this.places.findIndex(time => this.bars.has(time));
    const last = this.places.findLastIndex(time => this.bars.has(time));
    const from = Math.max(-2, Math.min(Math.max(first - 12, places - SHOWN_AT_FIRST), last - 12));
    const wide = Math.max(ROOM * 2, this.place.clientWidth - 80);
    this.chart.timeScale().setVisibleLogicalRange({from, to: places + (places - from) * ROOM / (wide - ROOM)});
  }

  // What came: newer bars, and older ones that were revised. Whether a session has begun.
  take(rows) {
    const bars = rows.map(row => barOf(row));
    const known = new Set([...this.bars.values()].map(bar => bar.session));
    for (const bar of bars) this.bars.set(bar.time, bar);
    const newest = Math.max(...this.bars.keys());
    if (bars.length === 1 && bars[0].time === newest && this.places.at(-1) === newest) this.drawNewest(bars[0]);
    else this.draw();
    return bars.some(bar => !known.has(bar.session));
  }

  // Where no bar came, time went on. Whether there is more to see.
  goOn() {
    if (!this.places || placesOf(this.bars, this.about, now()).length === this.places.length) return false;
    this.draw();
    return true;
  }

  draw() {
    const {bars, about} = this;
    this.places = placesOf(bars, about, now());
    this.candles.setData(this.places.map(time => bars.has(time) ? this.candleOf(bars.get(time)) : {time}));
    this.volume.setData(this.places.map(time => bars.has(time) ? this.volumeOf(bars.get(time)) : {time}));
    this.gaps = gapsOf(this.places, bars, about);
    const lines = (about.sessions ?? []).flatMap(([, opens, closes]) => [[opens, 'open'], [closes, 'close']]);
    this.marks.set(about.view === 'day' ? [] : lines, this.gaps, this.colours);
    this.drawMarkers();
    this.tell();
  }

  drawNewest(bar) {
    this.candles.update(this.candleOf(bar));
    this.volume.update(this.volumeOf(bar));
    this.drawMarkers();
    this.tell();
  }

  drawMarkers() {
    const {up, warn, soft} = this.colours;
    const below = {position: 'belowBar', text: ''}, above = {position: 'aboveBar', shape: 'circle', color: warn};
    const markers = [...this.bars.values()].filter(bar => bar.revision > 0)
      .map(({time, revision}) => ({...above, time, text: `rev ${revision}`}));
    const last = this.newest();
    if (last?.isProvisional) {
      markers.push({...below, time: last.time, shape: 'square', size: 0, color: soft, text: 'provisional'});
    }
    if (this.chosen) markers.push({...below, time: this.chosen, shape: 'arrowUp', color: up});
    this.candles.setMarkers(markers.sort((a, b) => a.time - b.time));
  }

  candleOf(bar) {
    const colour = bar.close >= bar.open ? this.colours.up : this.colours.down;
    const {time, open, high, low, close} = bar;
    const line = bar.isProvisional ? faded(colour, .6) : colour;
    const body = bar.isProvisional ? this.colours.panel : colour;
    return {time, open, high, low, close, color: body, borderColor: line, wickColor: line};
  }

  volumeOf({time, volume, open, close, isProvisional}) {
    const colour = close >= open ? this.colours.up : this.colours.down;
    return {time, value: volume ?? 0, color: faded(colour, isProvisional ? .16 : .35)};
  }

  paint() {
    this.colours = Object.fromEntries(COLOURS.map(name => [name, colourOf(`--${name}`)]));
    const {panel, soft, line, up, down} = this.colours, background = {type: 'solid', color: panel};
    this.chart.applyOptions({layout: {background, textColor: soft, fontFamily: 'system-ui, sans-serif'},
                             grid: {vertLines: {visible: false}, horzLines: {color: line}}});
    this.candles.applyOptions({upColor: up, borderUpColor: up, wickUpColor: up, priceLineColor: soft,
                               downColor: down, borderDownColor: down, wickDownColor: down});
    if (this.places) this.draw();
  }

  setPrecision() {
    const price = this.newest()?.close ?? 100, precision = price < 1 ? 6 : price < 10 ? 4 : 2;
    this.candles.applyOptions({priceFormat: {type: 'price', precision, minMove: 10 ** -precision}});
  }

  newest() {
    return this.bars.size ? this.bars.get(Math.max(...this.bars.keys())) : undefined;
  }

  choose(time) {
    this.chosen = time;
    this.drawMarkers();
    this.tell();
  }

  tell(time) {
    const bar = this.bars.get(time) ?? this.bars.get(this.chosen) ?? this.newest();
    this.onBar(bar, bar ? this.timeText(bar.time) : '');
  }

  onKey(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (event.key === 'Escape') { this.choose(null); return; }
    if (!step || !this.bars.size) return;
    event.preventDefault();
    const times = [...this.bars.keys()].sort((a, b) => a - b);
    const at = this.chosen === null ? times.length - 1 : times.indexOf(this.chosen) + step;
    this.choose(times[Math.min(times.length - 1, Math.max(0, at))]);
    const place = this.places.indexOf(this.chosen), seen = this.chart.timeScale().getVisibleLogicalRange();
    if (place < seen.from || place > seen.to) {
      const half = (seen.to - seen.from) / 2;
      this.chart.timeScale().setVisibleLogicalRange({from: place - half, to: place + half});
    }
  }

  timeText(time) {
    const date = new Date(time * 1000), {time: clock, whole} = this.formats;
    return this.about.view === 'day' ? whole.format(date) : `${whole.format(date)} ${clock.format(date)}`;
  }

  tickText(time, type) {
    const date = new Date(time * 1000), {time: clock, day, month, year} = this.formats;
    if (this.about.view !== 'day') {
      const before = this.bars.get(time - 60), bar = this.bars.get(time);
      const isMidnight = type < TickMarkType.Time && clock.format(date) === '00:00';
      return isMidnight && bar && bar.session !== before?.session ? day.format(date) : clock.format(date);
    }
    return {[TickMarkType.Year]: year, [TickMarkType.Month]: month}[type]?.format(date) ?? day.format(date);
  }
}
