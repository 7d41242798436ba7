"""The style of the pages: one sheet for a wide screen, a phone and paper, by day and by night."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #565f69; --line: #d9dee3; --ground: #ffffff;
  --card: #f5f7f9; --accent: #1a65a6; --support: #1a7f4b; --caution: #a85000; --finding: #1a65a6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --line: #363d45; --ground: #14181c;
  --card: #1d2228; --accent: #77b7f2; --support: #4cc38a; --caution: #f0a04b; --finding: #77b7f2; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 84rem; padding: 0 1.6rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
header { padding: 2.2rem 0 .4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { border-top: 1px solid var(--line); font-size: 1.3rem; margin: 2.8rem 0 .8rem; padding-top: 1.4rem;
  overflow-wrap: anywhere; }
h3 { font-size: 1.04rem; margin: 1.8rem 0 .4rem; overflow-wrap: anywhere; }
p { margin: .5rem 0; max-width: 46rem; overflow-wrap: anywhere; }
.sub, .note, figcaption { color: var(--soft); font-size: .9rem; }
figcaption { max-width: 46rem; overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.skip { left: -999rem; position: absolute; } .skip:focus { left: 1rem; top: .5rem; }
nav ol { list-style: none; margin: .4rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .15rem 1rem; }
nav { font-size: .9rem; margin: .6rem 0 0; } nav b { color: var(--soft); font-size: .84rem; }
nav li { overflow-wrap: anywhere; }
main { min-width: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem; margin: 1.2rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.6rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .86rem; }
.trust { background: var(--card); border: 1px solid var(--line); border-left: 5px solid var(--caution);
  border-radius: .6rem; margin: 1.2rem 0; padding: .9rem 1.2rem 1rem; }
.trust.support { border-left-color: var(--support); } .trust.finding { border-left-color: var(--finding); }
.trust h2 { border: 0; font-size: 1.08rem; margin: 0 0 .3rem; padding: 0; } .trust p { max-width: 54rem; }
ul.verdicts { list-style: none; margin: 1rem 0; padding: 0; }
ul.verdicts li { border-left: 4px solid var(--finding); background: var(--card); border-radius: 0 .5rem .5rem 0;
  margin: .5rem 0; padding: .55rem .9rem; overflow-wrap: anywhere; }
ul.verdicts li.support { border-color: var(--support); } ul.verdicts li.caution { border-color: var(--caution); }
ul.verdicts b { color: var(--finding); font-size: .78rem; letter-spacing: .03em; margin-right: .5rem; }
ul.verdicts li.support b { color: var(--support); } ul.verdicts li.caution b { color: var(--caution); }
figure { margin: 1rem 0; min-width: 0; }
figure img { border: 1px solid var(--line); border-radius: .6rem; display: block; height: auto; max-width: 100%; }
figure.chart img { background: #fff; padding: .6rem; }
.maps { display: flex; flex-wrap: wrap; gap: .4rem 2rem; } .maps figure { max-width: 100%; }
.pixels { display: flex; flex-wrap: wrap; gap: .6rem 1.1rem; } .pixels figure { margin: 0; max-width: 100%; }
.pixels img { border-radius: .2rem; image-rendering: pixelated; }
.sheet { display: flex; flex-wrap: wrap; gap: .7rem; margin: .6rem 0; }
.sheet figure { margin: 0; width: min(15.6rem, 100%); } .sheet img { border-radius: .3rem; width: 100%; }
.sheet figcaption { font-size: .78rem; line-height: 1.35; } .sheet .flagged img { border: 2px solid var(--caution); }
.table { margin: 1rem 0 .4rem; max-width: 100%; overflow-x: auto; }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums; min-width: min(50%, 30rem); }
caption { caption-side: top; font-weight: 600; padding-bottom: .4rem; text-align: left; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .7rem .3rem 0; text-align: left; white-space: nowrap;
  max-width: 26rem; overflow: hidden; text-overflow: ellipsis; }
td.long { white-space: normal; min-width: 14rem; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 600; } th.n, td.n { padding-right: 0; padding-left: .9rem; text-align: right; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--accent); }
th button::after { content: "\\2195"; opacity: .45; padding-left: .25em; font-size: .85em; }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
.filter { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; font-size: .88rem;
  margin: .8rem 0 -.4rem; color: var(--soft); }
.filter input { background: var(--ground); border: 1px solid var(--soft); border-radius: .35rem; color: var(--ink);
  font: inherit; max-width: 100%; padding: .2rem .5rem; width: 15rem; }
tr.model td { font-weight: 600; }
td small { color: var(--soft); display: block; font-size: .82em; font-weight: 400; }
pre { background: var(--card); border-radius: .4rem; font-size: .8rem; overflow-x: auto; padding: .8rem; }
details { margin: .8rem 0; } summary { color: var(--accent); cursor: pointer; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .3rem 1.2rem; font-size: .92rem;
  margin: .6rem 0; max-width: 56rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; min-width: 0; }
code { background: var(--card); border-radius: .25rem; font-size: .9em; padding: .1em .3em; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1rem; font-size: .84rem; margin: .3rem 0; max-width: 100%; }
.legend i { border-radius: .2rem; display: inline-block; height: .8em; margin-right: .35em; width: .8em; }
.legend span { overflow-wrap: anywhere; }
@media (min-width: 1080px) {
  .frame { display: grid; grid-template-columns: 13.5rem minmax(0, 1fr); gap: 0 2.6rem; }
  nav { align-self: start; border-right: 1px solid var(--line); margin: 0; max-height: 100vh; overflow-y: auto;
    padding: 1.4rem 1rem 1.4rem 0; position: sticky; top: 0; }
  nav ol { display: block; } nav li { margin: .32rem 0; line-height: 1.3; }
}
@media (max-width: 480px) { body { padding: 0 1rem 3rem; } h1 { font-size: 1.4rem; }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } figure.chart img { padding: .2rem; } }
@media screen and (prefers-color-scheme: dark) {
  figure.chart img { background: #fff; filter: invert(.92) hue-rotate(180deg); border-color: #c9c2ba; } }
@media print { :root { color-scheme: light; } body { font-size: 10.5px; max-width: none; padding: 0; }
  nav, .filter, .skip { display: none; } h2, h3, caption { break-after: avoid; }
  figure, .tile, ul.verdicts li, tr { break-inside: avoid; } th, td { white-space: normal; }
  .table { overflow: visible; } th button::after { content: ""; } }
"""
