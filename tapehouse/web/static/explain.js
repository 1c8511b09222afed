// Asks for an explanation, says that it is being worked out, and shows it as text.
const [, , ...asked] = location.pathname.split('/');
const [says, text, again] = ['says', 'text', 'again'].map(id => document.getElementById(id));
const when = asked.pop(), name = decodeURIComponent(asked.join('/'));
document.getElementById('title').textContent = `Where ${name} ${when} comes from`;
document.title = `${name} ${when} - Tapehouse`;

async function ask() {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
  again.hidden = true;
  text.textContent = '';
  says.dataset.state = 'waiting';
  const ticking = setInterval(() => {
    says.textContent = `working it out from the rows of the lake, ${seconds()} s`;
  }, 250);
  try {
    const answer = await fetch(`/explained/${encodeURIComponent(name)}/${encodeURIComponent(when)}`);
    text.textContent = await answer.text();
    says.textContent = answer.ok ? `worked out in ${seconds()} s` : `not explained (${answer.status})`;
    says.dataset.state = answer.ok ? 'ok' : 'failed';
    again.hidden = answer.ok;
  } catch {
    says.textContent = 'no word from the page\'s server';
    says.dataset.state = 'failed';
    again.hidden = false;
  } finally {
    clearInterval(ticking);
  }
}

again.addEventListener('click', ask);
ask();
