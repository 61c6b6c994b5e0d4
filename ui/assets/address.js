// A sign-in leads back to the page without the parameters of its address. Meanwhile they wait in the tab.
const KEY = "briefs.address"

export default function ({ data }) {
  try {
    const before = sessionStorage.getItem(KEY)
    if (!data.signed_in) return sessionStorage.setItem(KEY, location.search)
    sessionStorage.removeItem(KEY)
    if (before && !location.search) location.replace(`/${before}`)
  } catch {
    // A tab that may keep nothing opens the page as it is.
  }
}
