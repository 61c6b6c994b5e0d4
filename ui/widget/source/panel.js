// The brief that a citation comes from, beside or over the page, scrolled to its words.
export class Panel {
  // `fetchBrief(id, range, signal)` brings a brief; `moved(label)` hears which citation is shown, 0 for none.
  constructor(texts, fetchBrief, moved) {
    Object.assign(this, { texts, fetchBrief, moved, citations: [], label: 0, opener: null, coming: null })
    const say = (key) => texts.say(key)
    this.back = iconButton("back", say("previous"), { onclick: () => this.step(-1) })
    this.forth = iconButton("forth", say("next"), { onclick: () => this.step(1) })
    this.number = el("span", { class: "step" })
    this.steps = el("div", { class: "steps", role: "group", "aria-label": say("steps") }, this.back, this.number, this.forth)
    this.title = el("h2", { id: "title", tabindex: -1, dir: "auto" })
    this.facts = el("p", { class: "facts", dir: "auto" })
    this.changed = el("p", { class: "note", part: "note", dir: "auto", hidden: true })
    this.text = el("article", { part: "text", dir: "auto" })
    this.scroller = el("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": say("text_of") }, this.text)
    this.node = el("dialog", { class: "panel", part: "panel", "aria-labelledby": "title", onclose: () => this.closed() },
      el("header", {},
        el("div", { class: "bar" }, this.steps, iconButton("close", say("close_panel"), { onclick: () => this.node.close() })),
        this.title, this.facts, this.changed),
      this.scroller)
    this.node.addEventListener("click", (event) => { if (event.target === this.node) this.node.close() })
  }

  // Shows the citation `label` of an answer, or with label 0 the `brief`; `opener` gets the keyboard back.
  open(citations, label, brief, opener) {
    Object.assign(this, { citations, opener })
    if (!this.node.open) this.node.showModal()
    this.show(label, brief)
  }

  step(by) {
    const at = this.citations.findIndex((citation) => citation.label === this.label) + by
    this.show(this.citations[at].label, this.citations[at])
  }

  async show(label, brief) {
    this.label = label
    this.moved(label)
    const at = this.citations.findIndex((citation) => citation.label === label)
    this.steps.hidden = at < 0
    this.number.textContent = at < 0 ? "" : this.texts.say("step", { n: label })
    this.back.disabled = at <= 0
    this.forth.disabled = at >= this.citations.length - 1
    this.title.textContent = brief.title
    this.facts.textContent = ""
    this.changed.hidden = true
    this.text.replaceChildren(el("p", { class: "label" }, this.texts.say("loading")))
    this.title.focus({ preventScroll: true })
    this.coming?.abort()
    const coming = (this.coming = new AbortController())
    try {
      this.draw(await this.read(brief.brief_id, this.citations[at], coming.signal), this.citations[at])
    } catch (error) {
      if (coming.signal.aborted) return
      const gone = [403, 404].includes(error.status)
      this.text.replaceChildren(el("p", { class: "note", role: "alert" }, gone ? this.texts.say("gone") : this.texts.trouble(error.kind, error.message)))
    }
  }

  async read(briefId, citation, signal) {
    try {
      return await this.fetchBrief(briefId, citation, signal)
    } catch (error) {
      // Shorter now than the place of the quote in it, unless it is gone altogether.
      if (!citation || error.status !== 404) throw error
      return this.fetchBrief(briefId, null, signal)
    }
  }

  draw(brief, citation) {
    const changed = Boolean(citation) && brief.slice !== citation.quote
    const page = citation?.page ? this.texts.say("page", { n: citation.page }) : ""
    this.title.textContent = brief.title || this.title.textContent
    this.facts.textContent = [this.texts.day(brief.published), page, brief.kind, brief.region.join(", ")].filter(Boolean).join(" · ")
    this.changed.hidden = !changed
    this.changed.textContent = changed ? this.texts.say("changed", { quote: citation.quote }) : ""
    this.text.replaceChildren(...this.nodes(brief.blocks, !changed))
    this.reveal()
    // Once more when fonts have settled the lines.
    requestAnimationFrame(() => this.reveal())
  }

  nodes(blocks, marked) {
    const nodes = []
    let list = null
    for (const block of blocks) {
      const tag = { heading: block.level > 2 ? "h4" : "h3", item: "li" }[block.kind] ?? "p"
      const node = el(tag, { dir: "auto" }, ...block.runs.map(({ text, span }) => (span && marked ? el("mark", { part: "mark" }, text) : text)))
      if (block.kind !== "item") list = null
      else if (!list) nodes.push((list = el("ul")))
      if (list) list.append(node)
      else nodes.push(node)
    }
    return nodes
  }

  reveal() {
    const mark = this.text.querySelector("mark")
    if (!mark) return this.scroller.scrollTo(0, 0)
    const at = mark.getBoundingClientRect()
    const room = Math.max(24, (this.scroller.clientHeight - at.height) / 3)
    this.scroller.scrollTop += at.top - this.scroller.getBoundingClientRect().top - room
  }

  closed() {
    this.coming?.abort()
    this.moved(0)
    this.opener?.focus()
  }
}
