for (const table of document.querySelectorAll("table.gradients")) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.onclick = () => {
      const down = head.ariaSort === "descending";
      for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
      head.ariaSort = down ? "ascending" : "descending";
      const key = (body) => body.rows[0].cells[column].dataset.value ?? body.rows[0].cells[column].textContent;
      const compared = (a, b) => key(a) - key(b) || key(a).localeCompare(key(b), "en", { numeric: true });
      const sorted = [...table.tBodies].sort((a, b) => (down ? 1 : -1) * compared(a, b));
      table.append(...sorted);
    };
  });
}
