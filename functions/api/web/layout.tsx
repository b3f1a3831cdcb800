import { createHash } from 'node:crypto';
import { raw } from 'hono/html';
import type { Child } from 'hono/jsx';

/**
 * The style of every page. It is inline, so that a page is one request and the security policy
 * names it by its hash.
 */
const style = `
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#16202c;--soft:#5a6676;--line:#d9dee6;--accent:#1f5fd0;--accent-ink:#fff;--bad:#b3261e;--bad-ink:#fff;--good:#176d3b;--warn:#8a5a00;--code:#eef1f5}
@media (prefers-color-scheme:dark){:root{--ground:#0f141b;--card:#171e27;--ink:#e8edf3;--soft:#9aa7b6;--line:#2a3441;--accent:#7fb0ff;--accent-ink:#0b1220;--bad:#ff8a80;--bad-ink:#2b0a08;--good:#6fd79b;--warn:#f0c060;--code:#212b37}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
a{color:var(--accent)}
a:focus-visible,button:focus-visible,input:focus-visible,textarea:focus-visible,summary:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
header.bar{padding:1rem 1.25rem;border-bottom:1px solid var(--line);background:var(--card)}
header.bar a{color:inherit;text-decoration:none;font-weight:700;letter-spacing:.01em}
main{max-width:44rem;margin:2.5rem auto;padding:0 1.25rem}
main.wide{max-width:64rem}
main.docs{max-width:80rem;display:grid;grid-template-columns:17rem minmax(0,1fr);gap:2.5rem;margin-top:1.5rem}
[hidden]{display:none!important}
:is(details,section)[hidden]:is(:target,:has(:target)){display:block!important}
tr[hidden]:target{display:table-row!important}
h3{font-size:.95rem;margin:1.25rem 0 .4rem}
nav.contents{position:sticky;top:1rem;align-self:start;max-height:calc(100vh - 2rem);overflow:auto;padding:.25rem;font-size:.9rem}
nav.contents a{display:block;padding:.15rem .3rem;border-radius:6px;color:inherit;text-decoration:none}
nav.contents a:hover{background:var(--code)}
nav.contents a.area{font-weight:700;margin-top:.7rem;color:var(--soft)}
nav.contents .verb{font-size:.65rem;min-width:2.9rem;padding:0 .3rem;margin-right:.4rem}
nav.contents details{border:0;background:none;padding:0}
nav.contents summary{padding:.6rem 0 .2rem}
details.form{background:none;border-radius:8px;padding:0 .75rem}
details.form>summary{padding:.35rem 0;font-size:.9rem}
.properties th{width:15rem;padding-right:1rem;color:inherit;overflow-wrap:anywhere}
.properties th .soft{font-weight:400}
summary code{overflow-wrap:anywhere;min-width:0}
.must{color:var(--bad);font-size:.8rem}
.type{color:var(--accent)}
.bounds{margin-left:.6rem;font-size:.85rem}
.errors a{margin-right:.6rem;white-space:nowrap;display:inline-block}
:target>summary,tr:target{background:var(--code)}
.card{background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.75rem;box-shadow:0 1px 2px rgb(0 0 0/.05),0 8px 24px rgb(0 0 0/.05)}
h1{font-size:1.55rem;line-height:1.25;margin:0 0 .5rem}
h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.5rem 0;overflow-wrap:anywhere}
.lead{color:var(--soft);margin-bottom:1.25rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.45rem 1.25rem;margin:1.25rem 0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
code,pre{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);border-radius:6px}
code{padding:.1em .35em}
pre{padding:.9rem;overflow-x:auto;margin:.5rem 0}
pre code{padding:0;background:none}
label{display:block;font-weight:600;margin-bottom:.3rem}
textarea,input{width:100%;padding:.6rem .75rem;border:1px solid var(--line);border-radius:8px;background:var(--ground);color:inherit;font:inherit}
textarea{min-height:4.5rem;resize:vertical}
.actions{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1.1rem}
button{font:inherit;font-weight:600;padding:.65rem 1.4rem;border-radius:9px;border:1px solid transparent;cursor:pointer}
.approve{background:var(--accent);color:var(--accent-ink)}
.reject{background:transparent;border-color:var(--bad);color:var(--bad)}
.reject:hover{background:var(--bad);color:var(--bad-ink)}
.badge{display:inline-block;font-size:.8rem;font-weight:600;padding:.1rem .6rem;border:1px solid currentColor;border-radius:99px}
.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}.soft{color:var(--soft)}
table{border-collapse:collapse;width:100%;font-size:.95rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600}
td{overflow-wrap:anywhere}
details{border:1px solid var(--line);border-radius:10px;background:var(--card);margin:.5rem 0;padding:0 1rem}
details[open]{padding-bottom:1rem}
summary{cursor:pointer;padding:.7rem 0;display:flex;gap:.75rem;align-items:baseline;flex-wrap:wrap}
summary::before{content:"▸";color:var(--soft)}
details[open]>summary::before{content:"▾"}
.verb{display:inline-block;font-weight:700;min-width:4.4rem;text-align:center;text-transform:uppercase;font-size:.75rem;border:1px solid currentColor;border-radius:6px;padding:.05rem .4rem;color:var(--accent)}
.verb.post{color:var(--good)}.verb.put,.verb.patch{color:var(--warn)}.verb.delete{color:var(--bad)}
@media (max-width:60rem){main.docs{display:block}nav.contents{position:static;max-height:none;margin-bottom:1.5rem}}
@media (max-width:34rem){.properties th,.properties td{display:block;width:auto;padding:.2rem 0}.properties th{border:0}details{padding:0 .75rem}dl{grid-template-columns:1fr;gap:.1rem}dd{margin-bottom:.6rem}.actions button{flex:1}}
`;

/** The source of the style sheet for the content security policy (CSP 3, section 2.3.1). */
export const styleSource = `'sha256-${createHash('sha256').update(style).digest('base64')}'`;

export interface LayoutProps {
  title: string;
  /** A page of tables, or one with a side bar. */
  wide?: boolean | 'docs';
  children?: Child;
}

/** The frame of every page. */
export function Layout({ title, wide, children }: LayoutProps) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="robots" content="noindex" />
          <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
          <title>{`${title} · Gantry`}</title>
          <style>{raw(style)}</style>
        </head>
        <body>
          <header class="bar">
            <a href="/">Gantry</a>
          </header>
          <main class={mainClass(wide)}>{children}</main>
        </body>
      </html>
    </>
  );
}

function mainClass(wide: LayoutProps['wide']): string {
  if (wide === 'docs') return 'docs';
  return wide ? 'wide' : '';
}
