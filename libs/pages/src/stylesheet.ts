// The one stylesheet of the public pages: tokens first, light and dark, no script, no web font, no third party.
// Contrast of every pair of tokens is at least 4.5:1 (WCAG 2.2, 1.4.3); status never rests on colour alone (1.4.1).
export const STYLESHEET = `
:root {
  color-scheme: light dark;
  --ink: #1b1f24; --ink-2: #4a5361; --paper: #fff; --wash: #f4f5f2; --line: #d9dcd4; --link: #0b5a8a;
  --good: #14623a; --good-wash: #e6f4ea; --bad: #9b1c1c; --bad-wash: #fdecea;
  --wait: #7a4b00; --wait-wash: #fdf3dd; --unsure: #3d4653; --unsure-wash: #eceff3;
  --bar: #2f7d5b; --bar-rest: #dfe6e1;
  --space: 1rem; --radius: .6rem; --measure: 46rem;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e9ecef; --ink-2: #b4bcc8; --paper: #15181c; --wash: #1e2227; --line: #363c44; --link: #7cc4f2;
    --good: #8fdcb0; --good-wash: #12301f; --bad: #ffb3ab; --bad-wash: #3c1613;
    --wait: #f3cd83; --wait-wash: #35270a; --unsure: #c9d1db; --unsure-wash: #272d35;
    --bar: #58b98c; --bar-rest: #2b3330;
  }
}
* { box-sizing: border-box; }
html { font: 100%/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--wash); color: var(--ink); overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: var(--space); top: var(--space); background: var(--paper); padding: .5rem 1rem; z-index: 1; }
.top, main, .foot { max-width: var(--measure); margin: 0 auto; padding: 0 var(--space); }
.wide { max-width: 66rem; }
.top { display: flex; align-items: center; gap: .6rem; padding-top: 1.2rem; padding-bottom: 1rem; color: var(--ink-2); font-size: .9rem; }
.top svg { flex: none; }
.top strong { color: var(--ink); }
.foot { color: var(--ink-2); font-size: .85rem; padding-top: 1.5rem; padding-bottom: 2.5rem; }
h1, h2, h3 { line-height: 1.25; margin: 0; text-wrap: balance; }
h1 { font-size: 1.75rem; }
h2 { font-size: 1.15rem; margin-bottom: .6rem; }
h3 { font-size: 1rem; }
p { margin: .4rem 0; }
section { background: var(--paper); border: 1px solid var(--line); border-radius: var(--radius); padding: 1.2rem 1.3rem; margin: 0 0 1rem; }
.verdict { border-width: 1px 1px 1px .5rem; }
.verdict h1 { display: flex; align-items: center; gap: .6rem; }
.verdict p { font-size: 1.05rem; }
.verdict .when { color: inherit; opacity: 1; font-size: .9rem; }
.icon { width: 1.1em; height: 1.1em; flex: none; vertical-align: -.15em; }
.is-good { background: var(--good-wash); color: var(--good); border-color: currentColor; }
.is-bad { background: var(--bad-wash); color: var(--bad); border-color: currentColor; }
.is-wait { background: var(--wait-wash); color: var(--wait); border-color: currentColor; }
.is-unsure { background: var(--unsure-wash); color: var(--unsure); border-color: currentColor; }
.title { font-size: 1.45rem; font-weight: 650; }
.chip { display: inline-flex; align-items: center; gap: .3rem; border-radius: 1rem; padding: .05rem .6rem; font-size: .85rem; font-weight: 600; white-space: nowrap; }
.chip.wraps { white-space: normal; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.2rem; margin: .8rem 0 0; }
dt { color: var(--ink-2); }
dd { margin: 0; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
ul, ol { margin: .3rem 0; padding-left: 1.2rem; }
.plain { list-style: none; padding: 0; }
.plain > li { padding: .55rem 0; border-top: 1px solid var(--line); }
.plain > li:first-child { border-top: 0; padding-top: .1rem; }
.row { display: flex; flex-wrap: wrap; gap: .2rem .8rem; justify-content: space-between; align-items: baseline; }
.soft { color: var(--ink-2); font-size: .9rem; }
.bracket { border-left: 2px solid var(--line); margin: .5rem 0 0 .2rem; padding-left: 1rem; }
.bracket h4 { margin: .6rem 0 0; font-size: 1rem; font-weight: 500; }
.mono { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .85em; }
.timeline { list-style: none; padding: 0; margin: 1rem 0 0 .4rem; border-left: 2px solid var(--line); }
.timeline > li { position: relative; padding: 0 0 1rem 1.3rem; }
.timeline > li:last-child { padding-bottom: 0; }
.timeline > li::before { content: ""; position: absolute; left: -.43rem; top: .5em; width: .7rem; height: .7rem; border-radius: 50%; background: var(--paper); border: 2px solid var(--ink-2); }
details { margin-top: .4rem; }
summary { cursor: pointer; color: var(--link); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--ink-2); padding-bottom: .5rem; }
th, td { overflow-wrap: normal; text-align: left; padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
th { font-weight: 600; }
th[scope=row] { min-width: 7.5rem; }
.num { text-align: right; white-space: nowrap; }
@media (max-width: 34rem) { .picture { display: none; } }
.bar { width: 100%; min-width: 9rem; height: .9rem; display: block; border-radius: .2rem; }
.bar .rest { fill: var(--bar-rest); } .bar .done { fill: var(--bar); }
nav.tabs { display: flex; flex-wrap: wrap; gap: .4rem; margin: .6rem 0 0; }
nav.tabs a { border: 1px solid var(--line); border-radius: 1rem; padding: .15rem .8rem; text-decoration: none; }
nav.tabs a[aria-current] { background: var(--ink); color: var(--paper); border-color: var(--ink); }
@media (forced-colors: active) { .chip, .verdict { border: 1px solid; } .bar .done { fill: Highlight; } .bar .rest { fill: Canvas; } }
@media print { body { background: none; } section { break-inside: avoid; } nav, .skip { display: none; } }
`.trim();
