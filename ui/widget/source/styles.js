const CSS = `
:host {
  display: block; color-scheme: light dark;
  --accent: var(--brief-accent, light-dark(#1f4f7a, #8dbbe6));
  --on-accent: var(--brief-on-accent, light-dark(#fcfbf8, #14171b));
  --background: var(--brief-background, light-dark(#fcfbf8, #14171b));
  --surface: var(--brief-surface, light-dark(#f3f0e9, #1e2329));
  --text: var(--brief-text, light-dark(#11151a, #e7e4dd));
  --faint: color-mix(in srgb, var(--text) 78%, var(--background));
  --border: var(--brief-border, light-dark(#e0dbd0, #343b44));
  --edge: color-mix(in srgb, var(--text) 52%, var(--background));
  --warning: var(--brief-warning, #c98a1b);
  --mark: var(--brief-mark, #ffd75e);
  --on-mark: var(--brief-on-mark, #1d2127);
  --font: var(--brief-font, "Source Sans", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
  --heading-font: var(--brief-heading-font, "Source Serif", Georgia, serif);
  --reading-font: var(--brief-reading-font, "Source Serif", Georgia, serif);
  --radius: var(--brief-radius, 0.625em);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([mode="launcher"]) { display: contents; }
:host([hidden]), [hidden] { display: none !important; }
*, ::before, ::after { box-sizing: border-box; }
/* What the page around it sets ends here, whatever its rules match. */
.root { all: initial; display: block; height: 100%; color-scheme: inherit; color: var(--text); font: var(--brief-font-size, 1rem)/1.5 var(--font); text-align: start; }
.hidden { position: absolute; width: 1px; height: 1px; margin: 0; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
p, ul, ol, h2, h3, h4 { margin: 0; padding: 0; }
ul, ol { list-style: none; }
button, textarea { font: inherit; color: inherit; }
button {
  display: inline-flex; align-items: center; justify-content: center; gap: 0.5em; min-width: 2.25em; min-height: 2.25em; margin: 0; padding: 0 0.5em;
  border: 1px solid transparent; border-radius: var(--radius); background: none; cursor: pointer;
}
button:hover:not(:disabled) { background: color-mix(in srgb, var(--text) 9%, transparent); }
button:disabled { cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.icon { flex: none; width: 1.25em; height: 1.25em; fill: none; stroke: currentcolor; stroke-width: 1.75; stroke-linecap: round; stroke-linejoin: round; }
.icon-stop { fill: currentcolor; }
[dir="rtl"] :is(.icon-back, .icon-forth) { transform: scaleX(-1); }
.label, .searched, .progress { color: var(--faint); font-size: 0.875em; }

.frame { container: frame / inline-size; display: flex; flex-direction: column; overflow: hidden; border: 1px solid var(--border); border-radius: var(--radius); background: var(--background); color: inherit; }
.frame.inline { height: var(--brief-height, 38rem); min-height: 16em; }
dialog { margin: 0; padding: 0; max-width: none; max-height: none; color: inherit; font: inherit; }
dialog.frame:not(:popover-open, [open]) { display: none; }
dialog.frame:popover-open {
  position: fixed; inset-block: auto calc(var(--brief-inset, 1.25rem) + 4em); inset-inline: auto var(--brief-inset, 1.25rem);
  width: min(var(--brief-launcher-width, 27rem), 100vw - 2 * var(--brief-inset, 1.25rem));
  height: min(var(--brief-launcher-height, 44rem), 100dvh - var(--brief-inset, 1.25rem) - 5em); box-shadow: 0 0.5em 2.5em rgb(0 0 0 / 22%);
}
dialog.frame[open] { position: fixed; inset: 0; width: 100vw; height: 100dvh; border: 0; border-radius: 0; }
.opener {
  position: fixed; z-index: var(--brief-z-index, 1000); inset-block-end: var(--brief-inset, 1.25rem); inset-inline-end: var(--brief-inset, 1.25rem);
  min-height: 3em; padding: 0 1.25em; border-radius: 1.5em; border-color: var(--accent); background: var(--accent); color: var(--on-accent); font-weight: 600;
  box-shadow: 0 0.25em 1em rgb(0 0 0 / 25%);
}
.opener:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 88%, var(--text)); }

.top { flex: none; display: flex; align-items: center; gap: 0.25em; min-height: 3.25em; padding: 0.375em 0.5em 0.375em 1.25em; border-bottom: 1px solid var(--border); background: var(--surface); }
[dir="rtl"] .top { padding: 0.375em 1.25em 0.375em 0.5em; }
.top h2 { flex: 1; font: 600 1.125em/1.3 var(--heading-font); overflow-wrap: anywhere; }
button.fresh { gap: 0.25em; }
.fresh span { font-size: 0.875em; }
@container frame (max-width: 26em) {
  .fresh span { display: none; }
}
.welcome { flex: 1; overflow-y: auto; padding: 1.5em 1.25em; }
.welcome > * { max-width: 46em; margin-inline: auto; }
.suggestions { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(16em, 100%), 1fr)); gap: 0.625em; margin-top: 1.25em; }
.suggestions .label { grid-column: 1 / -1; }
.choice {
  min-height: 2.75em; padding: 0.5em 0.875em; justify-content: flex-start; text-align: start; border-color: color-mix(in srgb, var(--text) 24%, var(--background)); background: var(--background); overflow-wrap: anywhere;
}

.log { position: relative; overflow-y: auto; overscroll-behavior: contain; container-type: size; }
.log.begun { flex: 1; padding: 0 1.25em; }
.log:focus-visible { outline-offset: -2px; }
.exchange { max-width: 46em; margin: 0 auto; padding-block: 1em 0.5em; }
/* Room below the newest answer, so that its question can go to the top. */
.exchange:last-child { min-height: 100cqh; }
.question { width: fit-content; max-width: 100%; padding: 0.625em 1em; border-radius: var(--radius); background: color-mix(in srgb, var(--text) 7%, transparent); white-space: pre-wrap; overflow-wrap: anywhere; }
.answer { padding-top: 1em; }
.searched { margin-bottom: 0.75em; overflow-wrap: anywhere; }
.progress { min-height: 1.5em; }
.progress:empty { display: none; }
.statement { margin-bottom: 0.875em; font-size: 1.0625em; line-height: 1.6; overflow-wrap: anywhere; }
.statement h3 { margin: 0.75em 0 0.25em; font: 600 0.9375em/1.4 var(--font); }
.statement del { color: var(--faint); }
.tail { white-space: nowrap; }
.citation {
  position: relative; min-width: 2em; min-height: 2em; margin-inline-start: 0.4em; padding: 0 0.45em; border-color: color-mix(in srgb, var(--accent) 40%, transparent);
  border-radius: 1em; background: color-mix(in srgb, var(--accent) 10%, var(--background)); color: var(--accent); font: 600 0.75em/1 var(--font);
  font-variant-numeric: tabular-nums; vertical-align: 0.1em;
}
/* A finger needs more than the eye does. */
.citation::after { content: ""; position: absolute; inset: -0.35em -0.15em; }
.citation:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 22%, var(--background)); }
.citation[aria-expanded="true"] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
.note { margin-block: 0.5em; padding: 0.5em 0.75em; border-inline-start: 3px solid var(--warning); background: color-mix(in srgb, var(--warning) 12%, transparent); font-size: 0.9em; line-height: 1.45; overflow-wrap: anywhere; }
.readings { display: grid; gap: 0.5em; }
.abstention p, .abstention ul { margin-bottom: 0.5em; }
.none { font-size: 1.0625em; }
.near { width: 100%; justify-content: flex-start; padding: 0.3em 0.5em; text-align: start; }
.near .icon { align-self: start; margin-top: 0.15em; color: var(--accent); }
.near span { overflow-wrap: anywhere; }
.sources { display: grid; gap: 0.125em; margin: 0.25em -0.5em 0; font-size: 0.875em; }
.source { width: 100%; align-items: baseline; justify-content: flex-start; gap: 0.625em; padding: 0.3em 0.571em; text-align: start; }
.number { flex: none; color: var(--accent); font-weight: 600; font-variant-numeric: tabular-nums; }
.title { flex: 1; overflow-wrap: anywhere; text-align: -webkit-match-parent; text-align: match-parent; }
.day { flex: none; color: var(--faint); }
.feedback { display: flex; flex-wrap: wrap; align-items: center; justify-content: flex-end; gap: 0.125em; margin-inline-end: -0.5em; }
.feedback > button { color: var(--faint); }
.feedback > button[aria-pressed="true"] { color: var(--accent); background: color-mix(in srgb, var(--accent) 14%, transparent); }
.feedback [role="status"] { margin-inline-end: 0.5em; }
.wrong { flex-basis: 100%; display: grid; gap: 0.5em; justify-items: start; padding: 0.25em 0.5em 0.5em 0; }
.reference { color: var(--faint); font-size: 0.8125em; overflow-wrap: anywhere; }
.trouble .choice { margin-top: 0.5em; }

.composer { flex: none; display: flex; align-items: flex-end; gap: 0.5em; width: min(46em, 100% - 1.5em); margin: 0.75em auto; padding: 0.375em; border: 1px solid var(--edge); border-radius: var(--radius); background: var(--surface); }
.composer:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
textarea { width: 100%; resize: none; padding: 0.5em 0.625em; border: 1px solid var(--edge); border-radius: var(--radius); background: var(--background); line-height: 1.4; }
textarea::placeholder { color: var(--faint); opacity: 1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
textarea:placeholder-shown { direction: inherit; }
.composer textarea { flex: 1; min-width: 0; max-height: 9em; border: 0; background: none; outline: none; }
.send { flex: none; width: 2.5em; height: 2.5em; padding: 0; background: var(--accent); color: var(--on-accent); }
.send:hover:not(:disabled) { background: color-mix(in srgb, var(--accent) 85%, var(--text)); }
.send:disabled { background: color-mix(in srgb, var(--text) 12%, transparent); color: var(--faint); }

.panel { position: fixed; inset: 0 0 0 auto; width: min(var(--brief-panel-width, 46rem), 100vw); height: 100dvh; flex-direction: column; border: 0; background: var(--background); box-shadow: 0 0 2em rgb(0 0 0 / 25%); }
[dir="rtl"] .panel { inset: 0 auto 0 0; }
.panel[open] { display: flex; }
.panel::backdrop { background: rgb(0 0 0 / 30%); }
.panel header { flex: none; padding: 0.75em 1.5em 0.875em; border-bottom: 1px solid var(--border); background: var(--surface); }
.bar { display: flex; justify-content: space-between; align-items: center; min-height: 2.5em; margin-inline: -0.5em; }
.bar > :last-child { margin-inline-start: auto; }
.steps { display: flex; align-items: center; gap: 0.375em; font-size: 0.875em; font-weight: 600; }
.steps button:disabled { opacity: 0.4; }
.panel h2 { margin: 0.125em 0 0.25em; font: 600 1.3125em/1.3 var(--heading-font); outline: none; overflow-wrap: anywhere; }
.facts { font-size: 0.875em; line-height: 1.45; overflow-wrap: anywhere; }
.scroller { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 0.5em 1.5em 3em; }
.scroller:focus-visible { outline-offset: -2px; }
.panel article { max-width: 42rem; margin: 0 auto; font: 1.0625em/1.65 var(--reading-font); overflow-wrap: anywhere; }
.panel h3 { margin: 1.75em 0 0.5em; font: 600 1.0625em/1.35 var(--heading-font); }
.panel h4 { margin: 1.25em 0 0.5em; font: 600 0.9375em/1.35 var(--heading-font); }
.panel article p { margin-bottom: 0.875em; }
.panel article ul { margin-bottom: 0.875em; padding-inline-start: 1.25em; list-style: disc; }
.panel li { margin-bottom: 0.5em; }
mark {
  padding: 0.05em 0; border-radius: 0.2em; background: var(--mark); box-shadow: 0 0 0 0.125em var(--mark); color: var(--on-mark);
  box-decoration-break: clone; -webkit-box-decoration-break: clone;
}

@media (max-width: 40rem) {
  .panel header { padding: 0.5em 1em 0.75em; }
  .scroller { padding: 0.25em 1em 2em; }
  .panel h2 { font-size: 1.1875em; }
  .log.begun, .welcome { padding-inline: 1em; }
  .source { flex-wrap: wrap; }
  .source .title { flex-basis: 70%; }
  .source .day { flex-basis: 100%; }
}
@media (prefers-reduced-motion: no-preference) {
  .statement { animation: appear 180ms ease-out; }
  @keyframes appear { from { opacity: 0; transform: translateY(3px); } }
}
@media (forced-colors: active) {
  button { border-color: ButtonBorder; }
  button:disabled { border-color: GrayText; }
  .citation[aria-expanded="true"], .feedback > button[aria-pressed="true"] { border-width: 2px; }
  mark { outline: 2px solid; }
  .send { forced-color-adjust: auto; }
}
@media print { .panel, .opener, .composer { display: none !important; } }
`

let shared = null

// One constructed sheet for all: `style-src` of the host page does not concern it.
export function styleSheet() {
  if (!shared) {
    shared = new CSSStyleSheet()
    shared.replaceSync(CSS)
  }
  return shared
}
