// Elements made one by one: text is always text, so nothing that a brief or an answer holds becomes markup.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value)
    else if (name === "class") node.className = value
    else if (typeof value === "boolean") node.toggleAttribute(name, value)
    else if (value !== null && value !== undefined) node.setAttribute(name, value)
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""))
  return node
}

const DRAWN = {
  send: ["M12 19V5", "M6 11l6-6 6 6"],
  stop: ["M8 8h8v8H8z"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  back: ["M15 5l-7 7 7 7"],
  forth: ["M9 5l7 7-7 7"],
  plus: ["M12 5v14", "M5 12h14"],
  brief: ["M7 3.5h10v17H7z", "M10 8h4", "M10 11.5h4", "M10 15h2.5"],
  up: ["M7 11v9H4v-9z", "M7 11l4-7c1.5 0 2.4 1 2.2 2.4L12.6 10H18c1.4 0 2.3 1.2 2 2.5l-1.3 5.7c-.3 1.1-1.2 1.8-2.3 1.8H7"],
  down: ["M17 13V4h3v9z", "M17 13l-4 7c-1.5 0-2.4-1-2.2-2.4L11.4 14H6c-1.4 0-2.3-1.2-2-2.5l1.3-5.700C5.6 4.7 6.5 4 7.6 4H17"],
}

export function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", "aria-hidden": "true", class: `icon icon-${name}` })) {
    drawing.setAttribute(key, value)
  }
  for (const line of DRAWN[name]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
    path.setAttribute("d", line)
    drawing.append(path)
  }
  return drawing
}

// Buttons that show a drawing are named for those who do not see it, and for the pointer.
export function iconButton(name, label, attributes = {}) {
  return el("button", { type: "button", "aria-label": label, title: label, ...attributes }, icon(name))
}
