// One exchange: what was asked, and the answer as it comes. `on` has cite(label, button), near(brief, button), pick(question),
// again() and rate(rating, comment), the last a promise.
const LONGEST = 20_000 // characters of a turn that the server takes

export class Exchange {
  constructor(question, texts, on) {
    Object.assign(this, { question, texts, on, id: "", turn: 0, gone: [], answer: null, statements: [], citations: new Map() })
    this.said = el("div", { class: "statements" })
    this.progress = el("p", { class: "progress", "aria-live": "off" })
    this.rest = el("div", { class: "rest" })
    this.reply = el("div", { class: "answer", part: "answer" }, this.said, this.progress, this.rest)
    const asked = el("p", { class: "question", part: "question", dir: "auto" }, hidden(`${texts.say("asked")}: `), question)
    this.node = el("article", { class: "exchange" }, asked, this.reply)
  }

  note(text) {
    this.progress.textContent = text
  }

  // What the rest of the page says of the way there.
  found(searched, briefs) {
    if (searched && searched !== this.question) this.showSearched(searched)
    const titles = this.texts.list.format(briefs.slice(0, 4).map((brief) => brief.title))
    if (titles) this.note(this.texts.say("found", { titles }))
  }

  showSearched(searched) {
    this.searched ??= el("p", { class: "searched", dir: "auto" })
    this.searched.textContent = this.texts.say("searched", { question: searched })
    this.reply.prepend(this.searched)
  }

  add(statement, citations) {
    for (const citation of citations) this.citations.set(citation.label, citation)
    const group = statement.group !== (this.statements.at(-1)?.group ?? "") ? statement.group : ""
    this.statements.push(statement)
    this.said.append(this.draw(statement, group))
    this.note(this.texts.count("so_far", this.statements.length))
  }

  draw(statement, group) {
    const cited = statement.citations.map((label) => this.citations.get(label)).filter(Boolean)
    // The last word keeps its citations on its line.
    const cut = statement.text.trimEnd().lastIndexOf(" ") + 1
    const tail = el("span", { class: "tail" }, statement.text.slice(cut), ...cited.map((citation) => this.mark(citation)))
    const words = [statement.text.slice(0, cut), tail]
    const struck = Boolean(statement.unsupported)
    return el("div", { class: "statement", part: "statement" },
      group ? el("h3", { dir: "auto" }, group) : null,
      struck
        ? el("p", { dir: "auto" }, hidden(`${this.texts.say("struck")}: `), el("del", {}, ...words))
        : el("p", { dir: "auto" }, ...words),
      struck ? note(this.texts.say("unsupported", { reason: statement.unsupported })) : null,
      ...cited.filter((citation) => this.gone.includes(citation.label)).map((citation) =>
        note(this.texts.say("changed", { quote: quoted(citation.quote) }), `[${citation.label}]`)))
  }

  mark(citation) {
    return el("button", {
      type: "button", class: "citation", part: "citation", "data-label": citation.label, "aria-haspopup": "dialog", "aria-expanded": "false",
      "aria-label": this.texts.say("citation", { n: citation.label, place: this.place(citation) }), title: quoted(citation.quote),
      onclick: (event) => this.on.cite(citation.label, event.currentTarget),
    }, String(citation.label))
  }

  place(citation) {
    const page = citation.page ? this.texts.say("page", { n: citation.page }) : ""
    return [citation.title, this.texts.day(citation.published), page].filter(Boolean).join(", ")
  }

  // As at the start, to be asked once more.
  begin() {
    Object.assign(this, { id: "", turn: 0, answer: null, statements: [], citations: new Map() })
    this.said.replaceChildren()
    this.rest.replaceChildren()
    this.note(this.texts.say("searching"))
  }

  // What had come by the time it was stopped, as an answer of its own.
  cut() {
    const stated = this.statements.filter((statement) => !statement.unsupported)
    this.finish({
      question: this.question, searched: "", status: stated.length ? "partial" : "abstained",
      text: stated.map((statement) => statement.text).join(" "), statements: [...this.statements], citations: [...this.citations.values()],
      nearest: [], missing: "", notice: "", truncated: true, readings: [],
    }, this.texts.say(stated.length ? "stopped" : "stopped_empty"))
  }

  // The whole answer. What was shown already stays as it is, unless the whole has it differently.
  finish(answer, notice = "") {
    this.answer = answer
    this.citations = new Map(answer.citations.map((citation) => [citation.label, citation]))
    if (JSON.stringify(answer.statements.slice(0, this.statements.length)) !== JSON.stringify(this.statements)) {
      this.statements = []
      this.said.replaceChildren()
    }
    for (const statement of answer.statements.slice(this.statements.length)) this.add(statement, [])
    if (answer.searched && answer.searched !== this.question) this.showSearched(answer.searched)
    this.note("")
    this.rest.replaceChildren(...this.ending(answer, notice))
  }

  ending(answer, notice) {
    const parts = []
    const said = notice || answer.notice || (answer.truncated ? this.texts.say("truncated") : "")
    if (said) parts.push(note(said))
    if (answer.readings.length) parts.push(this.readings(answer))
    else if (answer.status === "abstained" && !notice) parts.push(this.abstention(answer))
    else if (answer.missing) parts.push(note(answer.missing, `${this.texts.say("partial")}:`))
    parts.push(el("div", { class: "foot", "aria-live": "off" }, this.sources(answer), (this.id || this.turn) && !notice ? this.feedback() : null))
    return parts
  }

  readings(answer) {
    const choices = answer.readings.map((reading) =>
      el("button", { type: "button", class: "choice", part: "suggestion", dir: "auto", onclick: () => this.on.pick(reading) }, reading))
    return el("div", { class: "readings", role: "group", "aria-label": this.texts.say("readings") }, el("p", { dir: "auto" }, answer.text), ...choices)
  }

  abstention(answer) {
    const near = answer.nearest.map((brief) =>
      el("li", {}, el("button", { type: "button", class: "near", "aria-haspopup": "dialog", onclick: (event) => this.on.near(brief, event.currentTarget) },
        icon("brief"), el("span", { dir: "auto" }, brief.title))))
    return el("div", { class: "abstention" },
      el("p", { class: "none", dir: "auto" }, answer.text || this.texts.say("abstained")),
      answer.missing && !answer.text.includes(answer.missing) ? el("p", { dir: "auto" }, answer.missing) : null,
      near.length ? el("p", { class: "label" }, this.texts.say("nearest")) : null,
      near.length ? el("ul", {}, ...near) : null)
  }

  // Each cited brief once, with the numbers that cite it.
  sources(answer) {
    const used = new Set(answer.statements.flatMap((statement) => statement.citations))
    const briefs = new Map()
    for (const citation of answer.citations.filter((one) => used.has(one.label))) {
      briefs.set(citation.brief_id, [...(briefs.get(citation.brief_id) ?? []), citation])
    }
    const rows = [...briefs.values()].map((cited) => {
      const [first] = cited
      const labels = cited.map((citation) => citation.label).join(", ")
      return el("li", {}, el("button", {
        type: "button", class: "source", "aria-haspopup": "dialog",
        "aria-label": this.texts.say("source", { n: labels, place: [first.title, this.texts.day(first.published)].filter(Boolean).join(", ") }),
        onclick: (event) => this.on.cite(first.label, event.currentTarget),
      }, el("span", { class: "number" }, labels), el("span", { class: "title", dir: "auto" }, first.title), el("span", { class: "day" }, this.texts.day(first.published))))
    })
    return rows.length ? el("ol", { class: "sources", part: "sources", "aria-label": this.texts.say("sources") }, ...rows) : null
  }

  feedback() {
    const say = (key) => this.texts.say(key)
    const status = el("span", { role: "status", class: "label" })
    const up = iconButton("up", say("up"), { "aria-pressed": "false" })
    const down = iconButton("down", say("down"), { "aria-pressed": "false", "aria-expanded": "false" })
    const words = el("textarea", { rows: 2, maxlength: 2000, placeholder: say("wrong_hint"), "aria-label": say("wrong"), dir: "auto" })
    const form = el("form", { class: "wrong", hidden: true }, el("p", { class: "label" }, say("wrong")), words, el("button", { class: "choice" }, say("send_feedback")))
    const open = (shown) => {
      form.hidden = !shown
      down.setAttribute("aria-expanded", String(shown))
    }
    const rate = async (button, rating) => {
      status.textContent = ""
      try {
        await this.on.rate(rating, words.value.trim())
        open(false)
        for (const one of [up, down]) one.setAttribute("aria-pressed", String(one === button))
        status.textContent = say("thanks")
      } catch {
        status.textContent = say("no_thanks")
      }
    }
    up.onclick = () => { open(false); rate(up, "up") }
    down.onclick = () => { open(form.hidden); if (!form.hidden) words.focus() }
    form.onsubmit = (event) => {
      event.preventDefault()
      rate(down, "down").then(() => { if (form.hidden) down.focus() })
    }
    return el("div", { class: "feedback", part: "feedback", role: "group", "aria-label": say("helpful") }, status, up, down, form)
  }

  // Why there is no answer, or no more of it.
  fail(problem) {
    this.note("")
    const again = el("button", { type: "button", class: "choice", onclick: () => this.on.again() }, this.texts.say("again"))
    const id = problem.id ? el("p", { class: "reference" }, this.texts.say("reference", { id: problem.id })) : null
    this.rest.replaceChildren(el("div", { class: "trouble" }, note(this.texts.trouble(problem.kind, problem.detail)), id, again))
  }

  // As an end of the conversation so far: what the next question may refer to.
  get turns() {
    if (!this.answer) return []
    return [{ role: "user", content: this.question }, { role: "assistant", content: this.answer.text.slice(0, LONGEST) }]
  }
}

function hidden(text) {
  // With a direction of its own, so that it has no say in that of what it precedes.
  return el("span", { class: "hidden", dir: "auto" }, text)
}

function note(text, title = "") {
  return el("p", { class: "note", part: "note", dir: "auto" }, title ? el("strong", {}, `${title} `) : null, text)
}

function quoted(quote) {
  const words = quote.replace(/\s+/g, " ").trim()
  return words.length > 400 ? `${words.slice(0, 400)} …` : words
}
