/** Look of the HTML report: follows the reader's light or dark setting, prints without wasted ink. */
export const STYLE = `
:root { color-scheme: light dark; --bg: #f6f7f9; --card: #fff; --text: #1c2330; --soft: #5b6577; --line: #e3e7ee;
  --accent: #3257d6; --good: #1d8a4f; --fair: #b07407; --poor: #c4382c; }
@media (prefers-color-scheme: dark) { :root { --bg: #12151c; --card: #1b2029; --text: #e8ebf1; --soft: #9aa5b8;
  --line: #2c3340; --accent: #8fa9ff; --good: #58c98b; --fair: #e3ad4d; --poor: #f0857b; } }
* { box-sizing: border-box; }
td:nth-child(2), td:nth-child(3), th { white-space: nowrap; overflow-wrap: normal; }
body { margin: 0; background: var(--bg); color: var(--text); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1.05rem; margin: 0 0 .35rem; }
p { margin: .4rem 0; } a { color: var(--accent); text-underline-offset: .15em; }
.soft { color: var(--soft); font-size: .9rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem 1.4rem; }
.head { display: flex; gap: 1.75rem; align-items: center; margin-top: 1.5rem; }
.head > div { flex: 1; min-width: 0; }
.score { flex: none; width: 7.5rem; height: 7.5rem; }
.score text { fill: var(--text); font-weight: 650; font-size: 30px; text-anchor: middle; }
.score .of { fill: var(--soft); font-weight: 400; font-size: 11px; }
.good { --tone: var(--good); } .fair { --tone: var(--fair); } .poor { --tone: var(--poor); }
.counts { display: flex; flex-wrap: wrap; gap: .5rem; margin: .9rem 0 0; padding: 0; list-style: none; }
.counts li, .tag { border: 1px solid var(--line); border-radius: 99px; padding: .05rem .7rem; font-size: .85rem; }
.tag.error { color: var(--poor); } .tag.warning { color: var(--fair); } .tag.notice { color: var(--soft); }
.top { border-left: 5px solid var(--accent); }
.scroll { overflow-x: auto; padding: 0; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
th { text-align: left; font-size: .8rem; color: var(--soft); font-weight: 600; }
th, td { padding: .75rem 1rem; border-bottom: 1px solid var(--line); vertical-align: top; }
tr:last-child td { border-bottom: 0; } td:first-child { min-width: 16rem; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: .5rem 0; }
summary { cursor: pointer; padding: .7rem 1rem; } summary .soft { float: right; margin-left: 1rem; }
details ul { margin: 0; padding: 0 1rem .8rem; list-style: none; }
details li { display: flex; gap: .75rem; padding: .4rem 0; border-top: 1px solid var(--line); align-items: baseline; }
details li .tag { flex: none; min-width: 5.2rem; text-align: center; }
footer { margin-top: 2.5rem; }
@media (max-width: 36rem) { .head { flex-direction: column; align-items: flex-start; } }
@media print { :root { color-scheme: light; --bg: #fff; --card: #fff; --text: #000; --soft: #444; --line: #ccc;
  --accent: #000; --good: #000; --fair: #000; --poor: #000; } main { padding: 0; max-width: none; }
  .card, tr, details { break-inside: avoid; } details > ul { display: block; } }
`;
