// The stream of events, judged by when its last beat came: a server that is silent is down, whatever the page shows.
const SILENT_AFTER = 3500, ANEW_AFTER = 9000, RETRY = 2000, LONGEST = 200;

export class Stream {
  constructor(handlers, onState) {
    this.handlers = handlers;
    this.onState = onState;
    this.source = null;
    this.refusal = '';
    this.isAsking = false;
    this.state = 'waiting';
    setInterval(() => this.watch(), 500);
  }

  open(address) {
    this.address = address;
    if (this.source) this.source.close();
    this.opened = this.heard = performance.now();
    const source = this.source = new EventSource(address);
    for (const [name, handle] of Object.entries(this.handlers)) {
      source.addEventListener(name, event => { if (source === this.source) handle(JSON.parse(event.data)); });
    }
    source.addEventListener('beat', () => {
      if (source === this.source) { this.heard = performance.now(); this.refusal = ''; this.set('ok'); }
    });
    source.addEventListener('error', () => {
      if (source !== this.source) return;
      this.set('down');
      if (source.readyState === EventSource.CLOSED) this.askWhy(source);
      else this.refusal = '';
    });
  }

  // An EventSource hides what it was answered: ask once, and take no events.
  async askWhy(source) {
    const asking = new AbortController(), ending = setTimeout(() => asking.abort(), RETRY);
    let refusal = '';
    this.isAsking = true;
    try {
      const answer = await fetch(source.url, {signal: asking.signal, headers: {accept: 'text/plain'}});
      if (!answer.ok) refusal = (await answer.text()).trim().slice(0, LONGEST);
    } catch {
      // no answer is no refusal
    } finally {
      clearTimeout(ending);
      asking.abort();
      this.isAsking = false;
    }
    if (source === this.source) this.refusal = refusal;
  }

  watch() {
    if (!this.source) return;
    const silent = performance.now() - this.heard;
    if (silent > SILENT_AFTER) this.set('down');
    const isOver = this.source.readyState === EventSource.CLOSED;
    const since = performance.now() - this.opened;
    // one that is not refused any more and hangs is silent
    if (!isOver && since > RETRY && silent > SILENT_AFTER) this.refusal = '';
    if ((isOver && since > RETRY && !this.isAsking) || (silent > ANEW_AFTER && since > ANEW_AFTER)) {
      const heard = this.heard;
      this.open(this.address);
      this.heard = heard;
    }
    this.onState(this.state, silent, this.refusal);
  }

  set(state) {
    this.state = state;
    this.onState(state, performance.now() - this.heard, this.refusal);
  }
}
