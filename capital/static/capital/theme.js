// A page outside the admin looks as the admin was set to look in this browser, or as the system does.
(() => {
  let chosen = null;
  try {
    chosen = JSON.parse(localStorage.getItem("adminTheme") ?? "null");
  } catch {
    // Storage may be forbidden, or hold something else.
  }
  if (chosen === "dark" || chosen === "light") {
    document.documentElement.style.colorScheme = chosen;
  }
})();
