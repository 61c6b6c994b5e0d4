// The token that the portal gives: in memory only, renewed before it ends, one renewal at a time.
const MARGIN_MS = 30_000
const PATIENCE_MS = 20_000

export class SignInFailed extends Error {}

// How long a token is good for in milliseconds, by its own claims; without them until the server refuses it.
export function lifetime(token) {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")
    const { iat, exp } = JSON.parse(atob(part))
    const life = (exp - (iat ?? Date.now() / 1000)) * 1000
    return Number.isFinite(life) ? life : Infinity
  } catch {
    return Infinity
  }
}

export class Tokens {
  #read
  #token = ""
  #until = 0
  #coming = null

  // `read` is the portal's `getToken`, or null where no token is needed.
  constructor(read) {
    this.#read = read
  }

  // The token to send, "" for none. `refused` is one that the server did not take: any other will do.
  async get(refused = "") {
    if (!this.#read) return ""
    // Counted on the clock that nobody can set: the reader's may be wrong.
    if (this.#token && this.#token !== refused && performance.now() < this.#until) return this.#token
    this.#coming ??= this.#renew().finally(() => { this.#coming = null })
    return this.#coming
  }

  get needed() {
    return this.#read !== null
  }

  async #renew() {
    const asked = performance.now()
    let timer
    const late = new Promise((_, reject) => { timer = setTimeout(reject, PATIENCE_MS, new SignInFailed()) })
    try {
      const token = await Promise.race([this.#read(), late])
      if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) throw new SignInFailed()
      const life = lifetime(token)
      this.#until = asked + life - Math.min(MARGIN_MS, life / 4)
      this.#token = token
      return token
    } catch {
      this.#token = ""
      throw new SignInFailed()
    } finally {
      clearTimeout(timer)
    }
  }
}
