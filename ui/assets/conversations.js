// Kept conversations as links, each to its own address. A plain click stays on the page; a new tab works as everywhere.
function row(kept, open) {
  const link = document.createElement("a")
  const address = new URL(location.href)
  address.search = ""
  address.searchParams.set("c", kept.id)
  link.href = address.href
  link.dataset.id = kept.id
  link.onclick = (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return
    event.preventDefault()
    open(kept.id)
  }
  for (const name of ["title", "day"]) {
    const part = document.createElement("span")
    part.className = name
    part.textContent = kept[name]
    link.append(part, " ")
  }
  const item = document.createElement("li")
  item.append(link)
  return item
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol")
  const open = (id) => setTriggerValue("open", id)
  const drawn = JSON.stringify(data.conversations)
  if (list.dataset.drawn !== drawn) {
    const focused = parentElement.activeElement?.dataset.id
    list.dataset.drawn = drawn
    list.replaceChildren(...data.conversations.map((kept) => row(kept, open)))
    if (focused) list.querySelector(`a[data-id="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true })
  }
  for (const link of list.querySelectorAll("a")) {
    if (link.dataset.id === data.current) link.setAttribute("aria-current", "page")
    else link.removeAttribute("aria-current")
  }
}
