// Tells which two addresses are under the pointer. `map` comes from the page.
{
  const similar = Uint8Array.from(atob(map.bytes), (character) => character.charCodeAt(0));
  const n = map.names.length;
  const area = document.getElementById("map-area");
  const cross = document.getElementById("cross");
  const pair = document.getElementById("pair");
  const holder = area.closest(".map-holder");
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    const column = Math.min(n - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * n)));
    const row = Math.min(n - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * n)));
    const [x, y] = [map.left + ((column + 0.5) * map.size) / n, map.top + ((row + 0.5) * map.size) / n];
    for (const key of ["y1", "y2"]) document.getElementById("cross-row").setAttribute(key, y);
    for (const key of ["x1", "x2"]) document.getElementById("cross-column").setAttribute(key, x);
    cross.setAttribute("visibility", "visible");
    pair.textContent = `${map.names[row]} × ${map.names[column]}: ${(similar[row * n + column] / 255).toFixed(2)}`;
    const outer = holder.getBoundingClientRect();
    pair.style.left = `${Math.min(event.clientX - outer.left + 14, outer.width - 260)}px`;
    pair.style.top = `${event.clientY - outer.top + 16}px`;
    pair.style.visibility = "visible";
  });
  area.addEventListener("pointerleave", () => {
    cross.setAttribute("visibility", "hidden");
    pair.style.visibility = "hidden";
  });
}
