// Bars as they come over the wire, and what is to be seen between them: minutes or days without a bar.
const PROVISIONAL = 1, INCOMPLETE = 2, MINUTE = 60;
// sources that should have sent by now; of a recording nobody knows which minute it has come to
const LIVE = new Set(['yahoo', 'alpha_vantage']);
// what came in the last minutes may be on its way, and of what never closes no more than a day is shown as missing
const ON_ITS_WAY = 2 * MINUTE, MOST_MISSING = 86400;

export function barOf([time, open, high, low, close, volume, flags, revision, quotes, session, source]) {
  return {time, open, high, low, close, volume, revision, quotes, session, source,
          isProvisional: Boolean(flags & PROVISIONAL), isComplete: !(flags & INCOMPLETE)};
}

// Every place of the time axis: the bars, and empty places where a bar is missing in the regular session.
export function placesOf(bars, chart, now) {
  const times = new Set(bars.keys());
  if (!bars.size) return [];
  const first = Math.min(...times), last = Math.max(...times);
  const reached = reachedBy(last, chart, now);
  if (chart.view === 'day') {
    for (const day of chart.expected ?? []) times.add(Date.parse(`${day}T00:00:00Z`) / 1000);
  } else if (!chart.sessions?.length) {
    // what never closes is expected in every minute
    for (let time = first; time < reached; time += MINUTE) times.add(time);
  } else {
    for (const [session, opens, closes] of chart.sessions ?? []) {
      const isNewest = session === chart.sessions.at(-1)[0];
      const until = isNewest ? Math.min(closes, reached) : closes;
      for (let time = opens; time < until; time += MINUTE) times.add(time);
      if (!isNewest || reached >= closes) times.add(closes);
    }
  }
  return [...times].sort((a, b) => a - b);
}

// How far the newest session should have come: to its last bar, and where it is still being sent, to now.
function reachedBy(last, chart, now) {
  if (chart.view !== 'live' || !LIVE.has(chart.source)) return last;
  const most = chart.sessions?.length ? Infinity : last + MOST_MISSING;
  return Math.min(Math.max(last, now - ON_ITS_WAY), most);
}

// Runs of empty places within a session, as [first, last, number].
export function gapsOf(places, bars, chart) {
  const closes = new Set((chart.sessions ?? []).map(([, , close]) => close));
  const runs = [];
  let run = null;
  for (const time of places) {
    if (bars.has(time) || closes.has(time)) { run = null; continue; }
    if (!run) runs.push(run = [time, time, 0]);
    run[1] = time;
    run[2] += 1;
  }
  return runs;
}
