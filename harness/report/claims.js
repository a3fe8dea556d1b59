// ---------------------------------------------------------------------------------- the timeline: a mark opens its card
function openCard(name) {
  const card = name && document.getElementById(name);
  if (!card || !card.matches(".claim-of")) return;
  card.open = true;
  card.scrollIntoView({ block: "start" });
}
for (const link of document.querySelectorAll(".timeline a")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    keep("card", link.getAttribute("href").slice(1));
    openCard(state.get("card"));
  });
}
redraws.push(() => openCard(state.get("card")));
addEventListener("beforeprint", () => document.querySelectorAll(".claim-of").forEach((card) => (card.open = true)));
