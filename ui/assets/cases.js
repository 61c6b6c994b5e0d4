// Cases as links, each to its own address. A plain click stays on the page; a new tab works as everywhere.
function linkTo(link, id, open) {
  const address = new URL(location.href)
  if (id) address.searchParams.set("case", id)
  else address.searchParams.delete("case")
  link.href = address.href
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return
    event.preventDefault()
    open(id)
  }
}

function part(name, text) {
  const node = document.createElement("span")
  node.className = name
  node.textContent = text
  return node
}

function row(found, open) {
  const link = document.createElement("a")
  link.dataset.id = found.id
  linkTo(link, found.id, open)
  const mark = part(found.passed ? "mark passed" : "mark", found.passed ? "✓" : "✕")
  mark.setAttribute("role", "img")
  mark.setAttribute("aria-label", found.passed ? "passed" : "failed")
  link.append(mark, part("question", found.question), part("kind", found.kind), part("why", found.why))
  const item = document.createElement("li")
  item.append(link)
  return item
}

export default function ({ data, parentElement, setTriggerValue }) {
  const open = (id) => setTriggerValue("open", id)
  const root = parentElement.querySelector(".cases")
  const list = root.querySelector("ol")
  const back = root.querySelector(".back")
  const drawn = JSON.stringify(data.cases)
  if (list.dataset.drawn !== drawn) {
    list.dataset.drawn = drawn
    list.replaceChildren(...data.cases.map((found) => row(found, open)))
    list.hidden = !data.cases.length
  }
  back.hidden = !data.back
  linkTo(back, "", open)
  if (data.focus && root.dataset.focused !== data.focus) {
    root.dataset.focused = data.focus
    const target = data.back ? back : list.querySelector(`a[data-id="${CSS.escape(data.focus)}"]`)
    target?.focus({ preventScroll: true })
    target?.scrollIntoView({ block: "center" })
  }
}
