// Bars as they come over the wire, and what is to be seen between them: minutes or days without a bar.
const PROVISIONAL = 1, INCOMPLETE = 2, MINUTE = 60;

export function barOf([time, open, high, low, close, volume, flags, revision, quotes, session, source]) {
  return {time, open, high, low, close, volume, revision, quotes, session, source,
          isProvisional: Boolean(flags & PROVISIONAL), isComplete: !(flags & INCOMPLETE)};
}

// Every place of the time axis: the bars, and empty places where a bar is missing in the regular session.
export function placesOf(bars, chart) {
  const times = new Set(bars.keys());
  if (!bars.size) return [];
  const first = Math.min(...times), last = Math.max(...times);
  if (chart.view === 'day') {
    for (const day of chart.expected ?? []) times.add(Date.parse(`${day}T00:00:00Z`) / 1000);
  } else if (!chart.sessions?.length) {
    // what never closes is expected in every minute
    for (let time = first; time < last; time += MINUTE) times.add(time);
  } else {
    for (const [session, opens, closes] of chart.sessions ?? []) {
      const isNewest = session === chart.sessions.at(-1)[0];
      const until = isNewest ? Math.min(closes, last) : closes;
      for (let time = Math.max(opens, isNewest ? Math.min(first, opens) : opens); time < until; time += MINUTE) times.add(time);
      if (!isNewest || last >= closes) times.add(closes);
    }
  }
  return [...times].sort((a, b) => a - b);
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
