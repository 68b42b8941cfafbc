// ---- the past: what the page has seen, one column for each reading ----
const PERIOD = 2000;  // milliseconds between two readings
const MOST = 300;     // readings that are kept: ten minutes
const MOST_SERIES = 200; // of a panel

/** What a counter has grown by; after a restart it begins at 0. */
function growth(now, before) {
  return now >= before ? now - before : now;
}

class Past {
  constructor() {
    this.readings = 0;
    this.series = new Map(); // from a name to its last MOST values; null where it was not there
    this.before = new Map(); // counters at the last reading
  }

  /** Adds the values of a reading: [name, value]. */
  add(values) {
    this.readings = Math.min(this.readings + 1, MOST);
    for (const [name, value] of values) {
      if (!this.series.has(name) && this.series.size < MOST_SERIES) this.series.set(name, Array(this.readings - 1).fill(null));
      this.series.get(name)?.push(value);
    }
    for (const [name, list] of this.series) {
      while (list.length < this.readings) list.push(null);
      if (list.length > MOST) list.shift();
      if (list.every((value) => value === null)) this.series.delete(name);
    }
  }

  /** Counters as rates a second. A counter counts from the second reading on. */
  rates(counters, seconds) {
    const rates = [];
    for (const [name, value] of counters) {
      // A series that begins while the page is open begins at 0.
      const before = this.before.get(name) ?? (this.readings ? 0 : null);
      if (before !== null && seconds > 0) rates.push([name, growth(value, before) / seconds]);
    }
    this.before = new Map(counters);
    return rates;
  }
}
