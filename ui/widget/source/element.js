// <brief-assistant>: attributes, properties, and the frame around a conversation. docs/embedding.md describes it.
const SERVER = new URL("..", import.meta.url).href // of …/api/widget.js
const PACKS = { de: GERMAN, ur: URDU }
const RIGHT_TO_LEFT = /^(?:ar|arc|ckb|dv|fa|he|ps|sd|ug|ur|yi)\b/
const NARROW = "(max-width: 40rem)"

class BriefAssistant extends HTMLElement {
  static observedAttributes = ["server", "mode", "open", "lang", "dir"]

  filters = this.filters ?? null
  #getToken = null
  #ownTexts = {}
  #texts = null
  #api = null
  #parts = null
  #soon = false
  #talk = new Conversation(this.#host())
  #narrow = matchMedia(NARROW)
  #onNarrow = () => this.#place()

  constructor() {
    super()
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [styleSheet()]
    // What a page set before this script came.
    for (const name of ["getToken", "texts"]) {
      if (!Object.hasOwn(this, name)) continue
      const value = this[name]
      delete this[name]
      this[name] = value
    }
  }

  connectedCallback() {
    this.#narrow.addEventListener("change", this.#onNarrow)
    this.#connect()
    this.#build()
    this.#begin()
  }

  disconnectedCallback() {
    this.#narrow.removeEventListener("change", this.#onNarrow)
    this.stop()
  }

  attributeChangedCallback(name, before, after) {
    if (!this.#parts || before === after) return
    if (name === "open") {
      this.#place()
      return
    }
    if (name === "server") this.#connect()
    this.#build()
  }

  get server() {
    return new URL(this.getAttribute("server") || SERVER, document.baseURI).href.replace(/\/+$/, "")
  }

  set server(value) {
    this.setAttribute("server", value)
  }

  get mode() {
    return this.getAttribute("mode") === "launcher" ? "launcher" : "inline"
  }

  set mode(value) {
    this.setAttribute("mode", value)
  }

  get open() {
    return this.hasAttribute("open")
  }

  set open(value) {
    this.toggleAttribute("open", Boolean(value))
  }

  get theme() {
    return this.getAttribute("theme") ?? ""
  }

  set theme(value) {
    this.setAttribute("theme", value)
  }

  get temporary() {
    return this.hasAttribute("temporary")
  }

  set temporary(value) {
    this.toggleAttribute("temporary", Boolean(value))
  }

  get getToken() {
    return this.#getToken
  }

  set getToken(value) {
    this.#getToken = typeof value === "function" ? value : null
    if (!this.#parts) return
    this.#connect()
    this.#begin()
  }

  get texts() {
    return this.#ownTexts
  }

  set texts(value) {
    this.#ownTexts = { ...value }
    if (this.#parts) this.#build()
  }

  // Asks as if the reader had; not while an answer comes.
  ask(question) {
    const asked = String(question).trim()
    if (asked && this.#parts && !this.#talk.running) this.#talk.ask(asked, false)
  }

  // Stops the answer that comes. What was verified by then is shown.
  stop() {
    this.#talk.stop()
  }

  // Begins a new conversation.
  clear() {
    if (this.#parts) this.#talk.clear()
  }

  #host() {
    const element = this
    return {
      get api() { return element.#api },
      get texts() { return element.#texts },
      get log() { return element.#parts.log },
      get filters() { return element.filters },
      get temporary() { return element.temporary },
      get memory() { return `brief-assistant ${element.server} ${element.id}`.trim() },
      emit: (name, detail) => element.#emit(name, detail),
      say: (text) => { element.#parts.status.textContent = text },
      open: (exchange, citation, button) => element.#open(exchange, citation, button),
      focus: () => element.#parts.input.focus(),
      changed: () => element.#refresh(),
    }
  }

  #connect() {
    const tokens = new Tokens(this.#getToken && (() => this.#getToken()))
    this.#api = new Api(this.server, tokens, (kind, value) => this.#talk.tell(kind, value))
  }

  // Asks the server for what can be shown at the start, once the page's own scripts had their chance to set `getToken`.
  #begin() {
    if (this.#soon) return
    this.#soon = true
    afterScripts(() => {
      this.#soon = false
      if (this.isConnected) this.#start(this.#api)
    })
  }

  async #start(api) {
    try {
      if (!this.#talk.empty || (await this.#talk.restore(api))) return
      const found = await api.suggestions()
      if (api === this.#api) this.#suggest(found)
    } catch (error) {
      const { kind = "internal", status = 0, message, id = "" } = error
      if (api === this.#api) this.#emit("brief-error", { kind, status, message, request_id: id })
    }
  }

  #suggest(questions) {
    const pick = (question) => {
      this.ask(question)
      this.#parts.input.focus()
    }
    const buttons = questions.map((question) =>
      el("button", { type: "button", class: "choice", part: "suggestion", dir: "auto", onclick: () => pick(question) }, question))
    this.#parts.suggestions.replaceChildren(...(buttons.length ? [el("p", { class: "label" }, this.#texts.say("suggestions")), ...buttons] : []))
  }

  #open(exchange, citation, button) {
    const { label, brief_id, source, title, page } = citation
    if (!this.#emit("brief-citation", { label, brief_id, source, title, page }, true)) return
    this.#parts.reading = exchange
    this.#parts.panel.open(label ? [...exchange.citations.values()] : [], label, citation, button)
  }

  #moved(label) {
    for (const button of this.#parts.reading.node.querySelectorAll(".citation")) {
      button.setAttribute("aria-expanded", String(button.dataset.label === String(label)))
    }
  }

  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }))
  }

  #build() {
    const language = (this.closest("[lang]")?.lang || "en").toLowerCase()
    this.#texts = new Texts(PACKS, language.split("-")[0], this.#ownTexts)
    const say = (key) => this.#texts.say(key)
    const launcher = this.mode === "launcher"
    const suggested = this.#parts?.suggestions.querySelectorAll("button") ?? []
    const parts = (this.#parts = {
      status: el("p", { class: "hidden", role: "status" }),
      fresh: iconButton("plus", say("fresh"), { class: "fresh", onclick: () => this.#anew() }),
      log: el("div", { class: "log", part: "log", role: "log", "aria-live": "polite", "aria-label": say("conversation") }),
      suggestions: el("div", { class: "suggestions" }),
      input: el("textarea", { part: "input", rows: 1, placeholder: say("placeholder"), "aria-label": say("placeholder"), dir: "auto", enterkeyhint: "send" }),
      send: el("button", { part: "send", class: "send" }),
      panel: new Panel(this.#texts, (...asked) => this.#api.brief(...asked), (label) => this.#moved(label)),
    })
    parts.fresh.append(el("span", {}, say("fresh")))
    parts.welcome = el("div", { class: "welcome" }, el("p", { class: "intro" }, say("intro")), parts.suggestions)
    parts.form = el("form", { class: "composer", part: "composer" }, parts.input, parts.send)
    const header = el("header", { class: "top", part: "header" }, el("h2", { part: "heading" }, say("heading")), parts.fresh)
    parts.frame = el(launcher ? "dialog" : "section", { class: `frame ${this.mode}`, part: "frame", "aria-label": say("heading") },
      header, parts.welcome, parts.log, parts.form)
    if (launcher) this.#launcher(header)
    this.#listen()
    this.#suggest([...suggested].map((button) => button.textContent))
    this.#talk.redraw()
    this.shadowRoot.replaceChildren(el("div", { class: "root", lang: this.#texts.language, dir: this.#direction(language) },
      parts.frame, parts.button, parts.panel.node, parts.status))
    this.#refresh()
    this.#place()
  }

  #direction(language) {
    return RIGHT_TO_LEFT.test(language) && !this.dir ? "rtl" : getComputedStyle(this).direction
  }

  #launcher(header) {
    const { frame } = this.#parts
    const shut = () => { this.open = false }
    header.append(iconButton("close", this.#texts.say("close_launcher"), { onclick: shut }))
    this.#parts.button = el("button", {
      type: "button", class: "opener", part: "launcher", "aria-haspopup": "dialog", "aria-expanded": "false",
      onclick: () => {
        this.open = !this.open
        if (this.open) this.#parts.input.focus()
      },
    }, icon("brief"), this.#texts.say("open_launcher"))
    frame.addEventListener("keydown", (event) => { if (event.key === "Escape" && !event.isComposing) shut() })
    frame.addEventListener("close", () => { if (!frame.open && !frame.matches(":popover-open")) shut() })
  }

  // In a wide window the launcher's dialog leaves the page usable; a narrow one it fills. Both lie above everything else.
  #place() {
    const { frame, button } = this.#parts
    if (!button) return
    const inside = frame.contains(this.shadowRoot.activeElement)
    if (frame.matches(":popover-open")) frame.hidePopover()
    if (frame.open) frame.close()
    frame.removeAttribute("popover")
    button.setAttribute("aria-expanded", String(this.open))
    if (!this.open) {
      if (inside) button.focus()
    } else if (this.#narrow.matches) {
      frame.showModal()
    } else {
      frame.setAttribute("popover", "manual")
      frame.showPopover()
    }
  }

  #listen() {
    const { input, form } = this.#parts
    input.addEventListener("input", () => this.#refresh())
    input.addEventListener("keydown", (event) => {
      // Enter that ends the writing of a character with an input method is no question.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return
      event.preventDefault()
      this.#submit()
    })
    form.addEventListener("submit", (event) => {
      event.preventDefault()
      if (this.#talk.running) this.stop()
      else this.#submit()
    })
  }

  #submit() {
    const { input } = this.#parts
    if (this.#talk.running || !input.value.trim()) return
    const question = input.value
    input.value = ""
    this.ask(question)
  }

  #anew() {
    this.clear()
    this.#parts.input.focus()
    if (!this.#parts.suggestions.hasChildNodes()) this.#begin()
  }

  // What depends on whether anything was asked, written, or is under way.
  #refresh() {
    const { welcome, log, fresh, send, input } = this.#parts
    const begun = !this.#talk.empty
    const label = this.#texts.say(this.#talk.running ? "stop" : "send")
    welcome.hidden = begun
    fresh.hidden = !begun
    log.classList.toggle("begun", begun)
    log.tabIndex = begun ? 0 : -1
    send.replaceChildren(icon(this.#talk.running ? "stop" : "send"))
    send.setAttribute("aria-label", label)
    send.title = label
    send.disabled = !this.#talk.running && !input.value.trim()
    input.style.height = "auto"
    if (input.value) input.style.height = `${input.scrollHeight}px`
  }
}

function afterScripts(act) {
  if (document.readyState === "complete") {
    setTimeout(act)
    return
  }
  const over = new AbortController()
  const once = () => {
    over.abort()
    act()
  }
  document.addEventListener("DOMContentLoaded", once, over)
  addEventListener("load", once, over)
}

if (!customElements.get("brief-assistant")) customElements.define("brief-assistant", BriefAssistant)
