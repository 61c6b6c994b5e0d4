// The brief beside the answer: a panel at the right of a wide window, the whole of a narrow one. Text goes in as text.
const NARROW = "(max-width: 900px)"
const panels = new WeakMap()

function runNode([text, label], active) {
  if (!label) return text
  const mark = document.createElement("mark")
  mark.textContent = text
  mark.dataset.label = label
  if (label === active) mark.className = "active"
  return mark
}

function blockNodes(blocks, active) {
  const nodes = []
  let list = null
  for (const block of blocks) {
    const tag = { heading: block.level > 2 ? "h4" : "h3", item: "li", text: "p" }[block.kind]
    const node = document.createElement(tag)
    node.append(...block.runs.map((run) => runNode(run, active)))
    if (block.kind !== "item") list = null
    else if (!list) nodes.push((list = document.createElement("ul")))
    if (list) list.append(node)
    else nodes.push(node)
  }
  return nodes
}

function place(dialog) {
  const narrow = matchMedia(NARROW).matches
  if (dialog.dataset.place === (narrow ? "window" : "side") && (dialog.open || dialog.matches(":popover-open"))) return
  hide(dialog)
  dialog.dataset.place = narrow ? "window" : "side"
  if (narrow) {
    dialog.removeAttribute("popover")
    dialog.showModal()
  } else {
    // In the top layer, so that no ancestor clips it; not modal, so that the answer stays usable.
    dialog.setAttribute("popover", "manual")
    dialog.showPopover()
  }
  document.documentElement.toggleAttribute("data-beside", true)
}

function hide(dialog) {
  if (dialog.hasAttribute("popover") && dialog.matches(":popover-open")) dialog.hidePopover()
  if (dialog.open) dialog.close()
  // At once, not when the page is drawn again: nothing may move below a pointer that is already at its next target.
  document.documentElement.toggleAttribute("data-beside", false)
}

function reveal(scroller) {
  const mark = scroller.querySelector("mark.active")
  if (!mark) return scroller.scrollTo({ top: 0 })
  const distance = mark.getBoundingClientRect().top - scroller.getBoundingClientRect().top
  const room = Math.max(24, (scroller.clientHeight - mark.getBoundingClientRect().height) / 3)
  scroller.scrollTop += distance - room
}

function draw(dialog, brief, setTriggerValue) {
  const find = (name) => dialog.querySelector(name)
  find("h2").textContent = brief.title
  find(".facts").textContent = brief.facts.join(" · ")
  find(".file").textContent = brief.source
  find(".link").href = `/${brief.link}` // in a tab of its own: the conversation stays here
  find(".link").textContent = brief.label && !brief.remark ? "Link to these words" : "Link to this brief"
  find(".remark").textContent = brief.remark
  find(".remark").hidden = !brief.remark
  find("article").replaceChildren(...blockNodes(brief.blocks, brief.label))
  find(".steps").hidden = !brief.previous && !brief.next
  find(".step").textContent = brief.label ? `Citation ${brief.label}` : ""
  for (const name of ["previous", "next"]) {
    const button = find(`.${name}`)
    button.disabled = !brief[name]
    button.onclick = () => setTriggerValue("open", brief[name])
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const dialog = parentElement.querySelector("dialog")
  parentElement.querySelector("[role=status]").textContent = data.said
  if (!data.brief) {
    hide(dialog)
    return () => hide(dialog)
  }
  const close = () => {
    hide(dialog)
    setTriggerValue("close", true)
  }
  dialog.querySelector(".close").onclick = close
  dialog.oncancel = (event) => {
    event.preventDefault()
    close()
  }
  dialog.onkeydown = (event) => { if (event.key === "Escape" && dialog.dataset.place === "side") close() }
  const state = panels.get(dialog) ?? {}
  panels.set(dialog, state)
  state.media ??= matchMedia(NARROW)
  state.media.onchange = () => place(dialog)
  place(dialog)
  if (state.shown !== data.id) {
    state.shown = data.id
    draw(dialog, data.brief, setTriggerValue)
    const scroller = dialog.querySelector(".scroller")
    reveal(scroller)
    // Once more when fonts have settled the lines.
    requestAnimationFrame(() => reveal(scroller))
    dialog.querySelector("h2").focus({ preventScroll: true })
  }
  return () => {
    state.media.onchange = null
    hide(dialog)
  }
}
