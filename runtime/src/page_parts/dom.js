const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);

/** An element with a class and children; strings become text, never markup. */
function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function say(id, text) {
  $(id).textContent = text;
  $(id).hidden = !text;
}

function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
