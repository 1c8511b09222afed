// The stream of events, judged by when its last beat came: a server that is silent is down, whatever stands on the page.
const SILENT_AFTER = 3500, ANEW_AFTER = 9000, RETRY = 2000;

export class Stream {
  constructor(handlers, onState) {
    this.handlers = handlers;
    this.onState = onState;
    this.source = null;
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
      if (source === this.source) { this.heard = performance.now(); this.set('ok'); }
    });
    source.addEventListener('error', () => { if (source === this.source) this.set('down'); });
  }

  watch() {
    if (!this.source) return;
    const silent = performance.now() - this.heard;
    if (silent > SILENT_AFTER) this.set('down');
    const isOver = this.source.readyState === EventSource.CLOSED;
    const since = performance.now() - this.opened;
    if ((isOver && since > RETRY) || (silent > ANEW_AFTER && since > ANEW_AFTER)) {
      const heard = this.heard;
      this.open(this.address);
      this.heard = heard;
    }
    this.onState(this.state, silent);
  }

  set(state) {
    this.state = state;
    this.onState(state, performance.now() - this.heard);
  }
}
