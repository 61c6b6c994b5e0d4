// The portal's own script: tokens for the assistant, and the toy sign-in.
const assistant = document.querySelector("brief-assistant")

if (assistant && document.documentElement.dataset.tokens === "yes") {
  assistant.getToken = async () => {
    const response = await fetch("/token", { method: "POST" })
    if (!response.ok) throw new Error(`no token: ${response.status}`)
    return response.text()
  }
}

for (const button of document.querySelectorAll("[data-user]")) {
  button.addEventListener("click", async () => {
    await fetch("/sign-in", { method: "POST", body: button.dataset.user })
    location.reload()
  })
}
