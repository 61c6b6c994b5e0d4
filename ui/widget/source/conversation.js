// The exchanges of a conversation: asked, followed as they are answered, stopped, kept by the server, and opened again.
const SLOW_MS = 12_000
const STOP_MS = 3_000
const TURNS = 20

export class Conversation {
  // `host` has api, texts, log, filters, temporary and memory (the name under which the tab remembers), and is told by emit(name, detail),
  // say(text) for screen readers, open(exchange, citation, button), focus() and changed().
  constructor(host) {
    Object.assign(this, { host, exchanges: [], running: null, kept: "" })
  }

  get empty() {
    return this.exchanges.length === 0
  }

  ask(question, alone) {
    const exchange = this.exchange(question)
    this.exchanges.push(exchange)
    this.host.log.append(exchange.node)
    this.follow(exchange, alone)
    scrollTo(this.host.log, exchange.node)
  }

  stop() {
    const running = this.running
    if (!running || running.stopping) return
    running.stopping = true
    const giveUp = () => running.abort.abort()
    if (!running.exchange.id) return giveUp()
    this.host.api.stop(running.exchange.id).catch(giveUp)
    setTimeout(giveUp, STOP_MS)
  }

  clear() {
    if (this.running?.exchange.id) this.host.api.stop(this.running.exchange.id).catch(() => {})
    this.running?.abort.abort()
    this.exchanges = []
    this.remember("")
    this.host.log.replaceChildren()
    this.host.changed()
  }

  // Draws everything anew, in other words perhaps.
  redraw() {
    this.running?.abort.abort()
    this.exchanges = this.exchanges.map((old) => {
      const exchange = Object.assign(this.exchange(old.question), { id: old.id, turn: old.turn, gone: old.gone })
      if (old.answer) exchange.finish(old.answer)
      else exchange.fail(new Problem("lost"))
      return exchange
    })
    this.host.log.replaceChildren(...this.exchanges.map((exchange) => exchange.node))
  }

  exchange(question) {
    const { host } = this
    const exchange = new Exchange(question, host.texts, {
      cite: (label, button) => host.open(exchange, exchange.citations.get(label), button),
      near: (brief, button) => host.open(exchange, { ...brief, label: 0, page: 0 }, button),
      pick: (reading) => { if (!this.running) this.ask(reading, true); host.focus() },
      again: () => { if (!this.running) this.follow(exchange, false); host.focus() },
      rate: (rating, comment) => this.rate(exchange, { rating, ...(comment ? { comment } : {}) }),
    })
    return exchange
  }

  // The server knows an answer by its id for some minutes, and as a turn of a kept conversation for good.
  async rate(exchange, verdict) {
    const { api } = this.host
    if (!exchange.turn) {
      try {
        return await api.feedback({ answer: exchange.id, ...verdict })
      } catch (error) {
        if (error.status !== 404 || !this.kept) throw error
      }
      exchange.turn = (await api.conversation(this.kept)).findLastIndex((turn) => turn.question === exchange.question) + 1
    }
    return api.feedback({ conversation: this.kept, turn: exchange.turn, ...verdict })
  }

  async follow(exchange, alone) {
    const running = (this.running = { exchange, abort: new AbortController(), stopping: false, told: "" })
    const { signal } = running.abort
    exchange.begin()
    this.host.changed()
    this.host.say(this.host.texts.say("searching"))
    this.patience(running)
    try {
      const body = await this.body(exchange, alone, signal)
      for await (const event of this.host.api.ask(body, signal)) this.take(running, event)
    } catch (error) {
      if (signal.aborted) exchange.cut()
      else this.failed(exchange, error)
    } finally {
      clearTimeout(running.slow)
      if (this.running === running) this.running = null
      this.host.changed()
    }
  }

  // A question with what was said before it: by the conversation's id where it is kept, else turn by turn.
  async body(exchange, alone, signal) {
    const { api, temporary, filters } = this.host
    if (!temporary && !this.kept) await api.newConversation(signal).then((id) => this.remember(id), () => {})
    const before = this.exchanges.slice(0, this.exchanges.indexOf(exchange)).flatMap((one) => one.turns).slice(-TURNS)
    const history = alone || this.kept ? {} : { history: before }
    return { question: exchange.question, ...history, ...(this.kept ? { conversation: this.kept } : {}), ...(filters ? { filters } : {}) }
  }

  take(running, event) {
    const { exchange } = running
    exchange.id = event.id || exchange.id
    if (event.kind === "sources") exchange.found(event.searched, event.briefs)
    else if (event.kind === "statement") exchange.add(event.statement, event.citations)
    else if (event.kind === "done") this.done(running, event.answer)
  }

  done({ exchange, stopping }, answer) {
    const { texts } = this.host
    const count = answer.statements.length
    exchange.finish(answer, stopping ? texts.say(count ? "stopped" : "stopped_empty") : "")
    if (count) this.host.say(texts.count("answered", count))
    const citations = answer.citations.map(({ label, brief_id, title }) => ({ label, brief_id, title }))
    this.host.emit("brief-answer", { id: exchange.id, question: exchange.question, status: answer.status, citations })
  }

  failed(exchange, error) {
    const problem = error instanceof Problem ? error : new Problem("internal", { detail: String(error) })
    // Deleted meanwhile, or another reader's: the next attempt begins one.
    if (problem.kind === "not-found") this.remember("")
    exchange.fail(problem)
    this.host.emit("brief-error", { kind: problem.kind, status: problem.status, message: problem.message, request_id: problem.id })
  }

  // What the connection tells while an answer is under way; read out once, not at every attempt or second.
  tell(kind, value) {
    const { running, host } = this
    if (!running) return
    this.patience(running)
    if (kind === "alive" && ["reconnecting", "slow"].includes(running.told)) running.exchange.note(host.texts.say("searching"))
    const text = { reconnecting: () => host.texts.say("reconnecting"), waiting: () => host.texts.count("waiting", value) }[kind]?.()
    if (text) running.exchange.note(text)
    if (text && running.told !== kind) host.say(text)
    running.told = kind
  }

  patience(running) {
    clearTimeout(running.slow)
    running.slow = setTimeout(() => {
      const slow = this.host.texts.say("slow")
      running.exchange.note(slow)
      this.host.say(slow)
      running.told = "slow"
    }, SLOW_MS)
  }

  // Brings back what this tab had asked; whether there was anything.
  async restore(api) {
    const id = this.host.temporary ? "" : memory((tab) => tab.getItem(this.host.memory))
    if (!id || !this.empty) return false
    const turns = await api.conversation(id).catch((error) => {
      if (error.status !== 404) throw error
      this.remember("")
      return []
    })
    if (api !== this.host.api || !this.empty || !turns.length) return false
    this.kept = id
    this.exchanges = turns.map(({ question, answer, gone }, k) => {
      const exchange = Object.assign(this.exchange(question), { turn: k + 1, gone })
      exchange.finish(answer)
      return exchange
    })
    const { log } = this.host
    // Put in while it is no live region, or all of it would be read out.
    log.setAttribute("aria-live", "off")
    log.replaceChildren(...this.exchanges.map((exchange) => exchange.node))
    this.host.changed()
    scrollTo(log, log.lastChild)
    setTimeout(() => log.setAttribute("aria-live", "polite"), 100)
    return true
  }

  remember(id) {
    this.kept = id
    memory((tab) => (id ? tab.setItem(this.host.memory, id) : tab.removeItem(this.host.memory)))
  }
}

function scrollTo(log, node) {
  log.scrollTop = node.offsetTop
}

// Uses what the tab remembers; undefined where the browser forbids it.
function memory(use) {
  try {
    return use(sessionStorage)
  } catch {
    return undefined
  }
}
