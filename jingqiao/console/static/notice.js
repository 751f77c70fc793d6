// Short notices at the edge of the page, read out by screen readers.
export function notice(words) {
  const line = document.createElement("p");
  line.textContent = words;
  document.getElementById("notices").append(line);
  setTimeout(() => line.remove(), 8000);
}
