// The link's secret is behind "#", which browsers send to nobody: take it out of the address and post it.
(() => {
  const enter = () => {
    const token = location.hash.slice(1);
    if (!token) return;
    history.replaceState(null, "", location.pathname);
    document.getElementById("shared-words").textContent = "One moment, your link is being opened.";
    document.getElementById("token").value = token;
    document.getElementById("shared-form").submit();
  };
  enter();
  addEventListener("hashchange", enter);
})();
