"""The look of a case's page: no file beside it, no script, readable on a phone and on paper."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light; --ink: #1c2430; --quiet: #55606e; --line: #cfd6df; --soft: #f3f5f8; --go: #0b5fa5; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: var(--ink); background: #fff; }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 1rem 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; border-top: 2px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1.02rem; margin: 1.5rem 0 .4rem; }
[lang=en] { color: var(--quiet); } span[lang] { display: block; } .row span[lang] { display: inline; }
.row [lang=vi]:not(:last-child)::after { content: " / "; }
body:has(#only-vi:checked) .t > [lang=en], body:has(#only-en:checked) .t > [lang=vi] { display: none; }
body:has(#only-en:checked) .t > [lang=en] { color: inherit; }
body:has(#only-vi:checked) .row [lang=vi]::after { content: ""; }
.skip { position: absolute; left: -999rem; } .skip:focus { left: 1rem; top: 1rem; background: #fff; padding: .5rem; }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
a { color: var(--go); } nav ul { padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; }
fieldset { border: 0; padding: 0; margin: .5rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }
legend { float: left; margin-right: 1rem; } label { padding: .25rem 0; }
.note { background: var(--soft); border-left: 4px solid var(--go); padding: .5rem .8rem; margin: .75rem 0; }
.warn { background: #fdf3e1; border-left-color: #8a5300; }
code, pre { font: .9em/1.45 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: .6rem .8rem; margin: .3rem 0 1rem; white-space: pre-wrap; }
.compare { border-collapse: collapse; width: 100%; table-layout: fixed; }
.compare caption { text-align: left; color: var(--quiet); padding-bottom: .3rem; }
.compare th, .compare td { border-bottom: 1px solid var(--line); padding: .4rem .6rem .4rem 0; text-align: left; }
.compare th, .compare td { vertical-align: top; overflow-wrap: anywhere; }
.compare th[scope=row] { font-weight: 600; width: 24%; } .compare th[scope=row] .mark { font-weight: 400; }
.mark { display: block; font-size: .88em; } .mark.differs { color: #b3261e; } .mark.same { color: #1a7f37; }
.compare ul { margin: 0; padding-left: 1.1rem; }
.portrait { width: 100%; max-width: 16rem; height: auto; display: block; border: 1px solid var(--line); }
.none { color: var(--quiet); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; } .pair figure { margin: 0; }
.pair figcaption { font-size: .92em; }
.finger { width: 100%; height: auto; max-height: 34rem; border: 1px solid var(--line); background: #fff; }
.finger text { font: 600 11px system-ui, sans-serif; text-anchor: middle; stroke: none; }
.finger g { stroke-width: 1.6; }
.finger text { paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.weight { font-weight: 600; border-left: 4px solid; padding-left: .6rem; }
footer { color: var(--quiet); padding-bottom: 3rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  .compare thead tr, .compare tbody tr { display: grid; grid-template-columns: 1fr 1fr; column-gap: .75rem; }
  .compare thead th:first-child { display: none; }
  .compare th[scope=row] { grid-column: 1 / -1; width: auto; border-bottom: 0; padding-bottom: 0; }
  .compare tbody tr { border-bottom: 1px solid var(--line); }
  .compare td { border-bottom: 0; }
  .mark { display: inline; margin-left: .4rem; }
  .one tbody tr, .one thead tr { grid-template-columns: 1fr; }
  .pair { gap: .4rem; }
}
@media print { .skip, nav, fieldset { display: none; } .pair, tr { break-inside: avoid; } }
"""
