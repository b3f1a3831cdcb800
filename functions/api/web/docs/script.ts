import { createHash } from 'node:crypto';

/**
 * Filters the operations while a person types, and opens the box that a link names. On a phone, it
 * closes the contents, which would come before all else. Without scripts, the form asks the server
 * for the same.
 */
export const docsScript = `
const box = document.querySelector('input[name=q]');
const items = [...document.querySelectorAll('[data-find]')];
const areas = [...document.querySelectorAll('[data-area]')];
const filter = () => {
  const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const item of items) item.hidden = !words.every((word) => item.dataset.find.includes(word));
  for (const area of areas)
    area.hidden = ![...area.querySelectorAll('[data-find]')].some((item) => !item.hidden);
};
const openTarget = () => {
  const target = document.getElementById(location.hash.slice(1));
  for (let part = target; part; part = part.parentElement) if (part.tagName === 'DETAILS') part.open = true;
  if (target) target.scrollIntoView();
};
box.addEventListener('input', () => {
  filter();
  document.querySelector('section[data-area]:not([hidden])')?.scrollIntoView();
});
addEventListener('hashchange', openTarget);
if (matchMedia('(max-width:60rem)').matches) document.querySelector('details.areas').open = false;
filter();
openTarget();
`;

/** The source of the script for the content security policy (CSP 3, section 2.3.1). */
export const docsScriptSource = `'sha256-${createHash('sha256').update(docsScript).digest('base64')}'`;
