"use strict";
// The choice of light or dark is made before anything is drawn; what only works with scripts is shown from now on.
(function () {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const theme = localStorage.getItem("tlumach.review.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch (_) {
    // A browser that keeps nothing for files shows the page as the system likes it.
  }
})();
