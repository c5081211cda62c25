// A click on a bar opens the variants that it counts; without this file the table behind each picture has the links.
document.addEventListener("click", (event) => {
  const bar = event.target.closest("svg [data-href]");
  if (bar) window.location.assign(bar.dataset.href);
});
