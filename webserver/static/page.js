// Times in the reader's own zone and kept fresh, and what is to be copied chosen already; all works without this file.
(() => {
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" });
  const short = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
  const units = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

  const ago = (seconds) => {
    if (Math.abs(seconds) < 10) return "just now";
    const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size);
    return relative.format(Math.trunc(seconds / size), unit);
  };

  const refresh = () => {
    for (const element of document.querySelectorAll("time[datetime]")) {
      const when = new Date(element.dateTime);
      element.title = full.format(when);
      element.textContent = "absolute" in element.dataset ? short.format(when) : ago((when - Date.now()) / 1000);
    }
  };

  for (const field of document.querySelectorAll("input[data-select]")) {
    field.addEventListener("focus", () => field.select());
    field.focus();
  }

  refresh();
  setInterval(refresh, 5000);
  document.addEventListener("htmx:after:swap", refresh);
})();
