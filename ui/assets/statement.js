// One statement of an answer, its citations as numbered buttons at its end. Everything from a brief goes in as text.
const tooltips = new WeakMap()

function tooltipOf(root) {
  let tooltip = tooltips.get(root)
  if (!tooltip) {
    tooltip = document.createElement("div")
    tooltip.className = "quote"
    tooltip.id = "quote"
    tooltip.setAttribute("role", "tooltip")
    tooltip.setAttribute("popover", "manual")
    root.append(tooltip)
    tooltips.set(root, tooltip)
  }
  return tooltip
}

function showQuote(tooltip, button, citation) {
  const source = document.createElement("span")
  source.textContent = citation.place
  const quote = document.createElement("q")
  quote.textContent = citation.quote
  tooltip.replaceChildren(quote, source)
  if (!tooltip.matches(":popover-open")) tooltip.showPopover()
  const at = button.getBoundingClientRect()
  const size = tooltip.getBoundingClientRect()
  const left = Math.min(Math.max(12, at.left + at.width / 2 - size.width / 2), innerWidth - size.width - 12)
  const above = at.top - size.height - 8
  tooltip.style.left = `${left}px`
  tooltip.style.top = `${above > 60 ? above : at.bottom + 8}px`
}

function hideQuote(tooltip) {
  if (tooltip.matches(":popover-open")) tooltip.hidePopover()
}

function citationButton(citation, data, tooltip, open) {
  const button = document.createElement("button")
  button.type = "button"
  button.className = "citation"
  button.dataset.label = citation.label
  button.textContent = citation.label
  button.setAttribute("aria-label", `Citation ${citation.label}: ${citation.place}`)
  button.setAttribute("aria-expanded", String(citation.label === data.open))
  button.setAttribute("aria-describedby", "quote")
  const show = () => showQuote(tooltip, button, citation)
  const hide = () => hideQuote(tooltip)
  button.onpointerenter = (event) => { if (event.pointerType === "mouse") show() }
  button.onpointerleave = hide
  button.onfocus = () => { if (button.matches(":focus-visible")) show() }
  button.onblur = hide
  button.onkeydown = (event) => { if (event.key === "Escape") hide() }
  button.onclick = () => {
    hide()
    open(citation.label)
  }
  return button
}

function hidden(text) {
  const node = document.createElement("span")
  node.className = "said"
  node.textContent = text
  return node
}

function struck(...nodes) {
  const node = document.createElement("del")
  node.append(...nodes)
  return node
}

function noteLine(text) {
  const node = document.createElement("p")
  node.className = "note"
  node.textContent = text
  return node
}

export default function ({ data, parentElement, setTriggerValue }) {
  const tooltip = tooltipOf(parentElement)
  const open = (label) => setTriggerValue("open", label)
  const root = parentElement.querySelector(".statement")
  const drawn = JSON.stringify([data.text, data.group, data.citations, data.unsupported, data.notes])
  if (root.dataset.drawn !== drawn) {
    root.dataset.drawn = drawn
    const paragraph = document.createElement("p")
    // The last word keeps its citations on its line.
    const cut = data.text.lastIndexOf(" ") + 1
    const tail = document.createElement("span")
    tail.className = "tail"
    tail.append(data.text.slice(cut))
    for (const citation of data.citations) tail.append(citationButton(citation, data, tooltip, open))
    const words = [data.text.slice(0, cut), tail]
    const notes = [...data.notes]
    if (data.unsupported) {
      notes.unshift(`Struck out, as its quotes do not bear it out: ${data.unsupported}`)
      paragraph.append(hidden("Struck out: "), struck(...words))
    } else paragraph.append(...words)
    const heading = document.createElement("h3")
    heading.textContent = data.group
    root.replaceChildren(...(data.group ? [heading] : []), paragraph, ...notes.map(noteLine))
  }
  if (data.lead && root.dataset.lead !== data.lead) {
    root.dataset.lead = data.lead
    document.querySelector(`.st-key-${data.lead}`)?.scrollIntoView({ block: "start" })
  }
  for (const button of root.querySelectorAll("button")) {
    const label = Number(button.dataset.label)
    button.setAttribute("aria-expanded", String(label === data.open))
    if (data.focus && data.focus.label === label && root.dataset.focused !== data.focus.id) {
      root.dataset.focused = data.focus.id
      button.focus({ preventScroll: true })
    }
  }
  return () => hideQuote(tooltip)
}
