// The server's HTTP API as the widget uses it. Never with cookies: who asks is told by the token alone.
const ATTEMPTS = 6
const FIRST_ATTEMPTS = 3
const FIRST_PAUSE_MS = 500
const SILENCE_MS = 45_000
const REQUEST_MS = 60_000
const WAITS = 4
const LONGEST_WAIT_S = 120

export class Api {
  // `tell(kind, value)` hears of "waiting" (seconds), "reconnecting" and "alive".
  constructor(server, tokens, tell) {
    Object.assign(this, { root: `${server}/api/v1`, tokens, tell })
  }

  async suggestions() {
    const found = await this.json("GET", "/suggestions")
    return (Array.isArray(found) ? found : found?.suggestions ?? []).filter((one) => typeof one === "string")
  }

  // A brief with `range` ({ start, end }) to highlight, or null. Offsets count code points: they are the server's, and go back to it as they came.
  async brief(id, range, signal) {
    const query = range ? `?start=${range.start}&end=${range.end}` : ""
    return briefOf(await this.json("GET", `/briefs/${encodeURIComponent(id)}${query}`, { signal }))
  }

  async newConversation(signal) {
    const { id } = await this.json("POST", "/conversations", { body: {}, signal })
    if (typeof id !== "string") throw new Problem("garbled")
    return id
  }

  async conversation(id) {
    return turnsOf(await this.json("GET", `/conversations/${encodeURIComponent(id)}`))
  }

  async feedback(body) {
    await this.send("POST", "/feedback", { body })
  }

  async stop(answerId) {
    await this.send("DELETE", `/ask/${encodeURIComponent(answerId)}`)
  }

  // Yields "accepted" once the answer has an id, then the events of the answer up to "done", over as many connections as it takes. Throws a `Problem`.
  async *ask(body, signal) {
    const asked = { body, headers: { "Idempotency-Key": anyId() }, accept: "text/event-stream", signal }
    const place = { id: "", last: "", count: 0 }
    for (let failures = 0; ;) {
      try {
        const response = place.id ? await this.goOn(place, signal) : await this.send("POST", "/ask", asked)
        place.id = response.headers.get("Answer-Id") || place.id
        if (place.id) yield { kind: "accepted", id: place.id }
        for await (const event of this.events(response, place)) {
          failures = 0
          yield event
          if (event.kind === "done") return
        }
      } catch (error) {
        if (signal.aborted || (error instanceof Problem && !passing(error, place))) throw error
        if (!(error instanceof Problem || error instanceof TypeError || error instanceof Silence)) throw error
      }
      failures += 1
      if (failures >= (place.id ? ATTEMPTS : FIRST_ATTEMPTS)) throw new Problem(place.id ? "lost" : offline() ?? "unreachable")
      this.tell("reconnecting")
      await pause(FIRST_PAUSE_MS * 2 ** (failures - 1), signal)
    }
  }

  async goOn(place, signal) {
    const headers = place.last ? { "Last-Event-ID": place.last } : {}
    return this.send("GET", `/ask/${encodeURIComponent(place.id)}`, { headers, accept: "text/event-stream", signal })
  }

  // What is new on one connection. What cannot be read is left out; a "done" among it has to be fetched again.
  async *events(response, place) {
    for await (const raw of eventsOf(response, SILENCE_MS)) {
      this.tell("alive")
      if (!raw) continue
      const [, id, count] = /^(.*)\.(\d+)$/.exec(raw.id) ?? []
      const last = raw.event === "done" || raw.event === "error"
      if (!last && count !== undefined && Number(count) <= place.count) continue
      const event = eventOf(raw)
      if (!event && last) return
      if (count !== undefined) Object.assign(place, { id: place.id || id, last: raw.id, count: Number(count) })
      if (event?.kind === "error") throw Object.assign(event.problem, { final: true })
      if (event) yield { ...event, id: place.id }
    }
  }

  async json(method, path, options) {
    const response = await this.send(method, path, options)
    return response.json().catch(() => { throw new Problem("garbled") })
  }

  // A response with a status of success. Renews a refused token once and waits where the server asks for it.
  async send(method, path, options = {}) {
    let refused = ""
    for (let waits = 0; ;) {
      const token = await this.tokens.get(refused).catch(() => { throw new Problem("sign-in", { status: 401 }) })
      const response = await this.fetch(method, path, token, options)
      if (response.ok) return response
      const wait = secondsOf(response.headers.get("Retry-After"))
      const problem = problemOf(await response.json().catch(() => null), response.status, wait)
      if (problem.status === 401 && token && !refused) refused = token
      else if (problem.status === 429 && options.accept && waits < WAITS && wait <= LONGEST_WAIT_S) {
        waits += 1
        await this.wait(wait, options.signal)
      } else throw problem
    }
  }

  async wait(seconds, signal) {
    for (let left = seconds; left > 0; left -= 1) {
      this.tell("waiting", left)
      await pause(1000, signal)
    }
  }

  async fetch(method, path, token, { body, headers = {}, accept = "application/json", signal }) {
    const limit = new AbortController()
    const timer = setTimeout(() => limit.abort(), REQUEST_MS)
    try {
      return await fetch(this.root + path, {
        method,
        headers: {
          Accept: accept,
          ...(body ? { "Content-Type": "application/json" } : {}),
          ...(token ? { Authorization: `Bearer ${token}` } : {}),
          ...headers,
        },
        body: body && JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
        credentials: "omit",
        cache: "no-store",
        redirect: "error",
        referrerPolicy: "no-referrer",
      })
    } catch (error) {
      if (signal?.aborted) throw error
      throw new Problem(offline() ?? "unreachable")
    } finally {
      clearTimeout(timer)
    }
  }
}

// Whether it is worth trying again by itself: the connection broke, or the server is busy while an answer is under way.
function passing(problem, place) {
  if (problem.final) return false
  if (["offline", "unreachable"].includes(problem.kind)) return true
  if (place.id && problem.status === 404) Object.assign(problem, { kind: "lost" })
  return Boolean(place.id) && [429, 502, 503, 504].includes(problem.status)
}

function offline() {
  return navigator.onLine === false ? "offline" : null
}

function secondsOf(header) {
  const seconds = Number(header ?? "5")
  const found = Number.isNaN(seconds) ? (Date.parse(header) - Date.now()) / 1000 : seconds
  return Math.max(1, Math.ceil(found) || 5)
}

// An id that nobody else has, also where the page is not served securely.
function anyId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")
}

// Over after `ms`, or once the connection is back; throws when `signal` is aborted.
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle) => () => {
      clearTimeout(timer)
      removeEventListener("online", awake)
      signal?.removeEventListener("abort", stop)
      settle(signal?.reason)
    }
    const awake = end(resolve)
    const stop = end(reject)
    const timer = setTimeout(awake, ms)
    addEventListener("online", awake)
    signal?.addEventListener("abort", stop)
    if (signal?.aborted) stop()
  })
}
