// Sets the chosen theme before the first paint, so that nothing flashes: that of the
// address (?theme=dark), or the one kept. A storage that is forbidden leaves the
// choice to the system.
try {
  const chosen = new URLSearchParams(location.search).get("theme") || localStorage.getItem("flowrun-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* private windows may forbid storage */ }
