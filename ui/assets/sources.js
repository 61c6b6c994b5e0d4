// Below an answer: the cited briefs as a list, and a link that asks the same question again.
function sourceRow(brief, open) {
  const button = document.createElement("button")
  button.type = "button"
  button.className = "source"
  button.dataset.labels = brief.labels.join(" ")
  button.setAttribute("aria-label", `Source ${brief.labels.join(", ")}: ${[brief.title, brief.day].filter(Boolean).join(", ")}`)
  for (const [name, text] of [["number", brief.labels.join(", ")], ["title", brief.title], ["day", brief.day]]) {
    const part = document.createElement("span")
    part.className = name
    part.textContent = text
    button.append(part)
  }
  button.onclick = () => open(brief.labels[0])
  const item = document.createElement("li")
  item.append(button)
  return item
}

function linkTo(question) {
  const link = new URL(location.href)
  link.searchParams.set("q", question)
  for (const name of ["c", "brief", "start", "end", "embed", "embed_options"]) link.searchParams.delete(name)
  return link.href
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // No clipboard outside of secure contexts and in frames without permission: the old way.
    const area = document.createElement("textarea")
    area.value = text
    document.body.append(area)
    area.select()
    const done = document.execCommand("copy")
    area.remove()
    return done
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector("ol")
  const open = (label) => setTriggerValue("open", label)
  const drawn = JSON.stringify(data.briefs)
  if (list.dataset.drawn !== drawn) {
    list.dataset.drawn = drawn
    list.replaceChildren(...data.briefs.map((brief) => sourceRow(brief, open)))
    list.hidden = !data.briefs.length
  }
  if (data.lead && list.dataset.lead !== data.lead) {
    list.dataset.lead = data.lead
    document.querySelector(`.st-key-${data.lead}`)?.scrollIntoView({ block: "start" })
  }
  for (const button of list.querySelectorAll("button")) {
    button.setAttribute("aria-expanded", String(button.dataset.labels.split(" ").includes(String(data.open))))
  }
  const button = parentElement.querySelector(".copy")
  const said = parentElement.querySelector("[role=status]")
  button.onclick = async () => {
    const done = await copy(linkTo(data.question))
    said.textContent = done ? "Link copied" : "The link is in the address bar"
    clearTimeout(button.timer)
    button.timer = setTimeout(() => { said.textContent = "" }, 3000)
  }
  return () => clearTimeout(button.timer)
}
