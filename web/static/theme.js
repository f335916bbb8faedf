// Sets the chosen theme before the first paint, so that nothing flashes. A storage
// that is forbidden leaves the choice to the system.
try {
  const chosen = localStorage.getItem("flowrun-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch { /* private windows may forbid storage */ }
