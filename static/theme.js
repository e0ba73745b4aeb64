// Runs before the first paint: puts the chosen colours on <html>, so that nothing flashes.
(function () {
  try {
    var theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch (_) { /* storage may be forbidden: the system's colours hold */ }
  document.documentElement.dataset.js = "";
})();
