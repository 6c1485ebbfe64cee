// What the page of `passthrough map --html` does by itself: the filter, and ways through the devices by keyboard.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const [form] = all("form.filter");
  const { words, role, changes } = form.elements;
  const [found] = all("#found");
  const [nothing] = all(".nothing");
  // Read once: a page has thousands of devices. The name of the host finds all of its own.
  const devices = all(".machine").flatMap((machine) => {
    const name = machine.querySelector("h2").textContent;
    return all("[data-role]", machine).map((item) => ({
      item,
      text: `${name} ${item.textContent}`.toLowerCase(),
    }));
  });
  // From the inside out, so that what holds them sees what they became.
  const holders = [".box", ".tree", ".bus", ".vms", ".side", ".machine"].map((selector) => all(selector));

  function filter() {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const on = wanted.length > 0 || role.value !== "" || Boolean(changes?.checked);
    const fits = ({ item, text }) =>
      wanted.every((word) => text.includes(word)) &&
      (role.value === "" || item.dataset.role === role.value) &&
      (!changes?.checked || item.dataset.changed !== undefined);
    let count = 0;
    for (const device of devices) {
      const shown = !on || fits(device);
      device.item.hidden = !shown;
      if (shown) count += 1;
    }
    for (const elements of holders)
      for (const element of elements)
        element.hidden = on && element.querySelector("[data-role]:not([hidden])") === null;
    document.body.classList.toggle("picture", !on);
    nothing.hidden = !on || count > 0;
    found.textContent = on ? `${count} of ${devices.length} shown` : "";
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();

  const summaries = () => all("summary").filter((summary) => summary.offsetParent !== null);
  const steps = { ArrowDown: 1, ArrowUp: -1 };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const open of all("details[open]")) {
        open.open = false;
        open.firstElementChild.focus();
      }
    }
    const step = steps[event.key];
    if (step === undefined || event.target.localName !== "summary") return;
    const way = summaries();
    way[way.indexOf(event.target) + step]?.focus();
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    for (const open of all("details[open]")) if (!open.contains(event.target)) open.open = false;
  });
})();
