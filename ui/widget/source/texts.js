// What readers are told. A pack is complete: every key of ENGLISH, and plural forms as its language has them.
export const ENGLISH = {
  heading: "Ask the briefs",
  intro: "Every statement of an answer cites the exact words of a brief. Choose a number to read them there.",
  suggestions: "Try one of these",
  placeholder: "Ask the briefs a question",
  send: "Ask",
  stop: "Stop the answer",
  fresh: "New conversation",
  open_launcher: "Ask the briefs",
  close_launcher: "Close the assistant",
  conversation: "Conversation",
  asked: "You asked",
  searching: "Searching the briefs …",
  found: "Found in: {titles}",
  so_far_one: "One statement so far",
  so_far_other: "{n} statements so far",
  slow: "This takes longer than usual. You can wait, or stop it.",
  reconnecting: "The connection broke. Taking it up again …",
  waiting_one: "Many questions at the moment. Asking again in one second …",
  waiting_other: "Many questions at the moment. Asking again in {n} seconds …",
  searched: "Searched for: {question}",
  answered_one: "Answered in one statement.",
  answered_other: "Answered in {n} statements.",
  abstained: "The briefs do not answer this.",
  partial: "Part of the question is not answered",
  nearest: "Nearest briefs",
  readings: "Choose what you meant",
  truncated: "The model was cut short. What it had written and the briefs bear out is shown.",
  stopped: "Stopped. What had been found by then is shown.",
  stopped_empty: "Stopped before there was an answer.",
  struck: "Struck out",
  unsupported: "Struck out, as its quotes do not bear it out: {reason}",
  citation: "Citation {n}: {place}",
  source: "Source {n}: {place}",
  sources: "Sources of this answer",
  page: "page {n}",
  helpful: "Was this answer right?",
  up: "Right",
  down: "Wrong",
  wrong: "What was wrong?",
  wrong_hint: "What is missing or false",
  send_feedback: "Send",
  thanks: "Thank you, noted.",
  no_thanks: "That was not noted. Please try again.",
  close_panel: "Close the brief",
  previous: "Previous citation",
  next: "Next citation",
  step: "Citation {n}",
  steps: "Citations of this answer",
  text_of: "Text of the brief",
  loading: "Opening the brief …",
  changed: "This brief has changed since the answer was given and no longer says in that place: “{quote}”",
  gone: "This brief cannot be read any more. It may have been withdrawn.",
  again: "Try again",
  reference: "Reference: {id}",
  error_offline: "You are offline. Try again once the connection is back.",
  error_unreachable: "The assistant cannot be reached. Try again in a moment.",
  error_lost: "The connection broke, and taking it up again failed several times.",
  "error_sign-in": "Your sign-in has ended. Sign in again, then try again.",
  error_unauthenticated: "Your sign-in was not accepted. Sign in again, then try again.",
  error_forbidden: "You may not use the assistant here.",
  error_origin: "This page may not use the assistant. Its owner has to be told.",
  "error_too-many-requests": "There are too many questions at the moment. Try again in a while.",
  "error_too-large": "The question is too long. Shorten it.",
  error_unavailable: "The assistant is not available at the moment. Try again in a moment.",
  error_internal: "Something went wrong. Try again in a moment.",
  error_garbled: "The assistant's reply could not be read. Try again.",
}

// Chooses texts by language, fills them in, and writes days and numbers as the language does.
export class Texts {
  constructor(packs, language, own = {}) {
    const known = packs[language] || Object.keys(ENGLISH).every((key) => key in own)
    this.language = known ? language : "en"
    this.words = { ...ENGLISH, ...packs[language], ...own }
    this.plurals = new Intl.PluralRules(this.language)
    this.days = new Intl.DateTimeFormat(this.language === "en" ? "en-GB" : this.language, { dateStyle: "long", timeZone: "UTC" })
    this.list = new Intl.ListFormat(this.language, { style: "narrow", type: "unit" })
  }

  say(key, values = {}) {
    return String(this.words[key] ?? key).replace(/\{(\w+)\}/g, (hole, name) => String(values[name] ?? hole))
  }

  count(key, n) {
    const form = `${key}_${this.plurals.select(n)}`
    return this.say(form in this.words ? form : `${key}_other`, { n })
  }

  // What went wrong, for people: a text of ours where there is one, else what the server said.
  trouble(kind, detail) {
    return this.words[`error_${kind}`] ?? (detail || this.words.error_internal)
  }

  day(iso) {
    const date = new Date(`${iso ?? ""}T00:00:00Z`)
    return Number.isNaN(date.getTime()) ? "" : this.days.format(date)
  }
}
