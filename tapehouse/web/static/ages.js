// Ages by the server's clock: the browser's own may be wrong.
let ahead = 0;

export const setClock = serverSeconds => { ahead = serverSeconds - Date.now() / 1000; };
export const now = () => Date.now() / 1000 + ahead;

export function ageText(at) {
  const seconds = Math.max(0, Math.floor(now() - at));
  for (const [unit, name] of [[86400, 'd'], [3600, 'h'], [60, 'min']]) {
    if (seconds >= 2 * unit) return `${Math.floor(seconds / unit)} ${name}`;
  }
  return `${seconds} s`;
}

// Elements that show an age, with what they show it of.
const shown = new Map();

export function showAge(element, at, before = '', after = '') {
  if (at === undefined || at === null) { shown.delete(element); return; }
  shown.set(element, () => `${before}${ageText(at)}${after}`);
  element.textContent = shown.get(element)();
}

export function tick() {
  for (const [element, text] of shown) {
    if (!element.isConnected) { shown.delete(element); continue; }
    const told = text();
    if (element.textContent !== told) element.textContent = told;
  }
}
