// What the server sends, read with care: anything may be missing, and text is text whatever it holds.
export class Problem extends Error {
  constructor(kind, { status = 0, detail = "", id = "", wait = 0 } = {}) {
    super(detail || kind)
    Object.assign(this, { kind, status, detail, id, wait })
  }
}

const words = (value) => (typeof value === "string" ? value : "")
const whole = (value) => (Number.isInteger(value) ? value : 0)
const list = (value) => (Array.isArray(value) ? value.filter((one) => one !== null && one !== undefined) : [])

export function problemOf(value, status = 0, wait = 0) {
  const kind = words(value?.type).split("/").pop() || { 401: "unauthenticated", 403: "forbidden", 429: "too-many-requests", 503: "unavailable" }[status]
  return new Problem(kind || "internal", {
    status: whole(value?.status) || status, detail: words(value?.detail), id: words(value?.request_id), wait,
  })
}

export function nearOf(value) {
  return { brief_id: words(value.brief_id), source: words(value.source), title: words(value.title) || words(value.source) }
}

export function citationOf(value) {
  return {
    ...nearOf(value), label: whole(value.label), published: words(value.published), quote: words(value.quote),
    start: whole(value.start), end: whole(value.end), page: whole(value.page),
  }
}

export function statementOf(value) {
  return {
    text: words(value.text), citations: list(value.citations).filter(Number.isInteger),
    group: words(value.group), unsupported: words(value.unsupported),
  }
}

// An answer object. Throws a `Problem` for what is none.
export function answerOf(value) {
  if (!Array.isArray(value?.statements) || !Array.isArray(value.citations)) throw new Problem("garbled")
  return {
    question: words(value.question), searched: words(value.searched), status: words(value.status),
    text: words(value.text), statements: list(value.statements).map(statementOf), citations: list(value.citations).map(citationOf),
    nearest: list(value.nearest).map(nearOf), missing: words(value.missing), notice: words(value.notice),
    truncated: value.truncated === true, readings: list(value.readings).filter((one) => typeof one === "string"),
  }
}

// One event of a stream as { kind, … }; null for what cannot be read or is not known.
export function eventOf({ event, data }) {
  try {
    const value = JSON.parse(data)
    if (event === "sources") return { kind: "sources", searched: words(value.searched), briefs: list(value.briefs).map(nearOf) }
    if (event === "statement") {
      return { kind: "statement", statement: statementOf(value.statement), citations: list(value.citations).map(citationOf) }
    }
    if (event === "done") return { kind: "done", answer: answerOf(value) }
    if (event === "error") return { kind: "error", problem: problemOf(value) }
  } catch {
    // Not JSON, or not of the shape that its name promises.
  }
  return null
}

// A brief laid out for reading: blocks of runs, of which those with a `span` lie in the range that was asked for; `slice` holds its words.
export function briefOf(value) {
  const metadata = value?.metadata ?? value ?? {}
  const run = (one) => ({ text: words(one.text), span: whole(one.span) })
  return {
    title: words(metadata.title), published: words(metadata.published) || words(metadata.as_of), kind: words(metadata.kind),
    region: list(metadata.region).map(words), slice: words(list(value?.spans)[0]?.text),
    blocks: list(value?.blocks).map((block) => ({ kind: words(block.kind), level: whole(block.level), runs: list(block.runs).map(run) })),
  }
}

// The turns of a kept conversation: { question, answer, gone }, of which `gone` are the labels that no brief bears out any more.
export function turnsOf(value) {
  return list(value?.turns).map((turn) => {
    const answer = answerOf(turn.answer)
    const labels = (standing) => Object.entries(turn.standing ?? {}).filter(([, one]) => one === standing).map(([label]) => Number(label))
    const hidden = labels("hidden")
    return {
      question: words(turn.question), gone: labels("gone"),
      answer: { ...answer, citations: answer.citations.filter((citation) => !hidden.includes(citation.label)) },
    }
  })
}
