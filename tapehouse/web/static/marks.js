// Drawn behind the candles: where sessions open and close, and where bars are missing.
export class Marks {
  constructor() {
    this.lines = [];
    this.runs = [];
    this.colours = {};
  }

  attached({chart, requestUpdate}) { this.chart = chart; this.requestUpdate = requestUpdate; }
  updateAllViews() {}
  paneViews() { return [this]; }
  zOrder() { return 'bottom'; }
  renderer() { return this; }

  set(lines, runs, colours) {
    Object.assign(this, {lines, runs, colours});
    this.requestUpdate?.();
  }

  draw(target) {
    target.useBitmapCoordinateSpace(({context, bitmapSize, horizontalPixelRatio: ratio}) => {
      const at = time => this.chart.timeScale().timeToCoordinate(time);
      const half = this.chart.timeScale().options().barSpacing / 2;
      context.font = `${11 * ratio}px system-ui, sans-serif`;
      context.textAlign = 'center';
      for (const [first, last] of this.runs) this.drawRun(context, bitmapSize, ratio, at(first), at(last), half);
      context.textAlign = 'left';
      for (const [time, word] of this.lines) this.drawLine(context, bitmapSize, ratio, at(time), word);
    });
  }

  drawRun(context, size, ratio, from, to, half) {
    if (from === null || to === null) return;
    const left = (from - half) * ratio, width = (to - from + 2 * half) * ratio;
    context.fillStyle = this.colours.shade;
    context.fillRect(left, 0, width, size.height);
    if (width > 34 * ratio) {
      context.fillStyle = this.colours.soft;
      context.fillText('gap', left + width / 2, size.height * .6);
    }
  }

  drawLine(context, size, ratio, at, word) {
    if (at === null) return;
    const x = Math.round(at * ratio) + .5;
    context.strokeStyle = context.fillStyle = this.colours.soft;
    context.globalAlpha = .7;
    context.setLineDash([4 * ratio, 4 * ratio]);
    context.lineWidth = ratio;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, size.height);
    context.stroke();
    context.setLineDash([]);
    context.fillText(word, x + 4 * ratio, size.height - 8 * ratio);
    context.globalAlpha = 1;
  }
}
