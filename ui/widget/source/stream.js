// Server-sent events out of a response's body, as the HTML standard has them: split anywhere, any line ends, comments left out.
export class EventParser {
  constructor() {
    this.decoder = new TextDecoder()
    this.rest = ""
    this.clear()
    this.id = ""
  }

  clear() {
    this.event = ""
    this.data = []
  }

  // The events that are whole once `bytes` have come, oldest first: { id, event, data }.
  take(bytes) {
    this.rest += this.decoder.decode(bytes, { stream: true })
    const events = []
    for (;;) {
      // A carriage return at the very end may be half of a line end.
      const end = /\r\n|\n|\r(?!$)/.exec(this.rest)
      if (!end) return events
      const line = this.rest.slice(0, end.index)
      this.rest = this.rest.slice(end.index + end[0].length)
      if (line) this.field(line)
      else {
        if (this.data.length) events.push({ id: this.id, event: this.event || "message", data: this.data.join("\n") })
        this.clear()
      }
    }
  }

  field(line) {
    const colon = line.indexOf(":")
    if (colon === 0) return
    const name = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")
    if (name === "data") this.data.push(value)
    else if (name === "event") this.event = value
    else if (name === "id" && !value.includes("\0")) this.id = value
  }
}

// Yields what `EventParser` makes of a response, and null for bytes without an event: a sign of life.
// Throws a `Silence` after `patience` milliseconds without a byte. The connection is given up whichever way this ends.
export class Silence extends Error {}

export async function* eventsOf(response, patience) {
  const parser = new EventParser()
  const reader = response.body.getReader()
  try {
    for (;;) {
      const { done, value } = await within(patience, reader.read())
      if (done) return
      const events = parser.take(value)
      yield* events.length ? events : [null]
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

function within(patience, promise) {
  let timer
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Silence()), patience) })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
