// Sets the theme before the first paint; a file of its own because the page allows no inline script.
(function () {
  var wanted = null;
  try {
    wanted = localStorage.getItem("hashscope.theme");
  } catch (_) {
    // Storage may be forbidden; the system's theme will do.
  }
  var dark = wanted ? wanted === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.classList.toggle("dark", dark);
})();
