// Writes down how this program's `Intl` words dates and numbers: `node record.js > locales.txt`.
'use strict';
const REGIONS = {
    en: 'US GB AU CA NZ IE ZA IN SG HK MT 001 150 DE AT CH NL BE SE DK FI IL', de: 'DE AT CH LI LU BE IT', fr: 'FR CA CH BE LU', es: 'ES MX AR CL CO PE US 419',
    it: 'IT CH', nl: 'NL BE', pt: 'BR PT', sv: 'SE FI', da: 'DK', nb: 'NO', no: 'NO', nn: 'NO', fi: 'FI', is: 'IS', pl: 'PL', cs: 'CZ', sk: 'SK', hu: 'HU',
    ro: 'RO', bg: 'BG', el: 'GR CY', tr: 'TR', ru: 'RU', uk: 'UA', hr: 'HR', sl: 'SI', sr: 'RS', et: 'EE', lv: 'LV', lt: 'LT', ca: 'ES',
    ja: 'JP', zh: 'CN TW HK SG', ko: 'KR', vi: 'VN', id: 'ID', he: 'IL', hi: 'IN',
};
const line = (...cells) => cells.join('\t');
const PATTERNS = [];
const ZONES = require('fs').readFileSync('/usr/share/zoneinfo/tzdata.zi', 'utf8').split('\n').filter((l) => /^[ZL] /.test(l)).map((l) => l.split(' ')[l[0] === 'Z' ? 1 : 2]).filter((z) => { try { new Intl.DateTimeFormat('en', { timeZone: z }); return z.includes('/') || z === 'UTC' || z === 'GMT'; } catch { return false; } }).sort();
const at = (y, m, d, h = 4, mi = 7, s = 9) => Date.UTC(y, m, d, h, mi, s);
const DATE = at(2023, 2, 5);
const set = (o) => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined));

function record(tag) {
    const out = new Map();
    const patterns = PATTERNS, arrays = [];
    const intern = (list, text) => { const i = list.indexOf(text); return i < 0 ? list.push(text) - 1 : i; };
    const digits = [...Array(10).keys()].map((n) => new Intl.NumberFormat(tag, { useGrouping: false }).format(n));
    const ascii = (text) => [...text].map((c) => { const i = digits.indexOf(c); return i < 0 ? c : i; }).join('');
    const fmt = (options) => new Intl.DateTimeFormat(tag, { timeZone: 'UTC', ...set(options) });
    const resolved = fmt({ hour: 'numeric' }).resolvedOptions();
    if (resolved.calendar !== 'gregory') throw Error(tag + ' ' + resolved.calendar);
    function pattern(options) {
        const f = fmt(options);
        const value = (time, type) => f.formatToParts(time).find((p) => p.type === type).value;
        let text = '';
        for (const part of f.formatToParts(DATE)) {
            const plain = ascii(part.value);
            const number = /^\d+$/.test(plain);
            if (part.type === 'literal') { if (/[{}]/.test(part.value)) throw 1; text += part.value; continue; }
            const letter = { year: 'y', month: 'M', day: 'd', hour: 'h', minute: 'm', second: 's' }[part.type];
            if (number && letter) { text += '{' + (part.type === 'year' ? (plain.length === 2 ? 'yy' : 'y') : letter.repeat(plain.length)) + '}'; continue; }
            let all;
            if (part.type === 'month') all = ['m', ...[...Array(12).keys()].map((m) => value(at(2023, m, 5), 'month'))];
            else if (part.type === 'weekday') all = ['w', ...[...Array(7).keys()].map((d) => value(at(2023, 2, 5 + d), 'weekday'))];
            else if (part.type === 'dayPeriod') {
                all = ['p', ...[...Array(24).keys()].map((h) => value(at(2023, 2, 5, h, 0, 0), 'dayPeriod'))];
            } else if (part.type === 'timeZoneName') { text += '{z}'; continue; }
            else throw Error(tag + ' part ' + part.type + ' ' + part.value);
            text += `{${all[0]}${intern(arrays, line(...all))}}`;
        }
        return intern(patterns, text);
    }
    // Single fields, and groups of them.
    const dates = [], times = [];
    for (const weekday of [undefined, 'long', 'short', 'narrow']) for (const year of [undefined, 'numeric', '2-digit'])
        for (const month of [undefined, 'numeric', '2-digit', 'long', 'short', 'narrow']) for (const day of [undefined, 'numeric', '2-digit'])
            dates.push(weekday || year || month || day ? pattern({ weekday, year, month, day }) : '');
    for (const hourCycle of ['h12', 'h23']) for (const timeZoneName of [undefined, 'short'])
        for (const hour of [undefined, 'numeric', '2-digit']) for (const minute of [undefined, 'numeric', '2-digit']) for (const second of [undefined, 'numeric', '2-digit']) {
            if (!(hour || minute || second)) { times.push(''); continue; }
            times.push(pattern({ hour, minute, second, timeZoneName, hourCycle }));
        }
    // A day of the week with the time alone.
    const days = [];
    for (const weekday of ['long', 'short', 'narrow']) for (const hourCycle of ['h12', 'h23']) for (const hour of ['numeric', '2-digit'])
        for (const rest of [{}, { minute: '2-digit' }, { minute: '2-digit', second: '2-digit' }]) days.push(pattern({ weekday, hour, ...rest, hourCycle }));
    out.set('dates', dates); out.set('times', times); out.set('days', days);
    const glued = (both, date, time) => {
        const [b, d, t] = [both, date, time].map((o) => fmt(o).format(DATE));
        const text = b.replace(d, '{1}').replace(t, '{0}');
        if (!/\{0\}/.test(text) || !/\{1\}/.test(text)) throw Error(`${tag} glue ${b} | ${d} | ${t}`);
        return text;
    };
    const time = { hour: 'numeric', minute: '2-digit' };
    out.set('glue', [{ year: 'numeric', month: 'numeric', day: 'numeric' }, { year: 'numeric', month: 'short', day: 'numeric' }, { year: 'numeric', month: 'long', day: 'numeric' }, { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }]
        .map((date) => glued({ ...date, ...time }, date, time)));
    const styles = ['full', 'long', 'medium', 'short'];
    out.set('datestyles', styles.map((dateStyle) => pattern({ dateStyle })));
    out.set('timestyles', [undefined, 'h12', 'h23'].flatMap((hourCycle) => styles.map((timeStyle) => pattern({ timeStyle, hourCycle }))));
    out.set('styleglue', styles.map((dateStyle) => glued({ dateStyle, timeStyle: 'short' }, { dateStyle }, { timeStyle: 'short' })));
    const cycle12 = fmt({ hour: 'numeric', hour12: true }).resolvedOptions().hourCycle;
    const cycle24 = fmt({ hour: 'numeric', hour12: false }).resolvedOptions().hourCycle;
    out.set('cycles', [resolved.hourCycle, cycle12, cycle24]);
    const fraction = fmt({ second: 'numeric', fractionalSecondDigits: 1 }).formatToParts(DATE);
    out.set('fraction', [fraction.length === 3 ? fraction[1].value : 'x']);
    numbers(tag, out, digits);
    relative(tag, out);
    arrays.forEach((all, i) => out.set('a' + i, [all]));
    zones(tag, out, digits);
    return out;
}

function zones(tag, out, digits) {
    const name = (timeZone, timeZoneName, time) => new Intl.DateTimeFormat(tag, { hour: 'numeric', timeZone, timeZoneName }).formatToParts(time).find((p) => p.type === 'timeZoneName').value;
    const [JANUARY, JULY] = [at(2023, 0, 15), at(2023, 6, 15)];
    const ascii = (text) => [...text].map((c) => { const i = digits.indexOf(c); return i < 0 ? c : i; }).join('');
    const [, plus, colon, suffix] = /^(.*?)5(.)30(.*)$/.exec(ascii(name('Asia/Kolkata', 'shortOffset', JANUARY)));
    const [, minus] = /^(.*?)5(.*)$/.exec(ascii(name('America/New_York', 'shortOffset', JANUARY)));
    const zero = name('Africa/Abidjan', 'shortOffset', JANUARY), longZero = name('Africa/Abidjan', 'longOffset', JANUARY);
    out.set('gmt', [plus, minus, colon, suffix, zero, longZero]);
    const quads = [], all = [];
    for (const zone of ZONES) {
        const quad = [JANUARY, JULY].flatMap((time) => ['short', 'long'].map((width) => { const text = name(zone, width, time); return text === name(zone, width + 'Offset', time) ? '' : text; })).join('|');
        const i = quads.indexOf(quad);
        all.push(i < 0 ? quads.push(quad) - 1 : i);
    }
    out.set('zones', all); out.set('zonenames', quads);
}

function numbers(tag, out, digits) {
    const nf = (o) => new Intl.NumberFormat(tag, o);
    const part = (o, n, type) => nf(o).formatToParts(n).find((p) => p.type === type)?.value ?? '';
    const body = new Set(['integer', 'group', 'decimal', 'fraction', 'nan', 'infinity']);
    const signs = (o) => [1234.5, -1234.5].map((n, i) => shape(nf({ ...o, signDisplay: 'auto' }).formatToParts(n))).concat(shape(nf({ ...o, signDisplay: 'always' }).formatToParts(1234.5)));
    const shape = (parts) => {
        let text = '', inside = false;
        for (const p of parts) {
            if (body.has(p.type)) { if (!inside) text += '{n}'; inside = true; continue; }
            text += { currency: '{c}', minusSign: '{-}', plusSign: '{+}', percentSign: '{%}', literal: p.value }[p.type] ?? (() => { throw Error(p.type); })();
        }
        return text;
    };
    const grouped = (o) => {
        const of = (n) => nf(o).formatToParts(n).filter((p) => p.type === 'integer').map((p) => p.value.length);
        const sizes = of(1234567890).reverse();
        const min = of(1234).length > 1 ? 1 : of(12345).length > 1 ? 2 : 9;
        return [sizes[0], sizes[1] ?? sizes[0], min];
    };
    out.set('digits', digits);
    out.set('numbers', [part({}, 1.5, 'decimal'), part({}, 1234567.5, 'group'), ...grouped({}), part({}, -1, 'minusSign'), part({ signDisplay: 'always' }, 1, 'plusSign'), part({ style: 'percent' }, 1, 'percentSign'), nf().format(NaN), nf().format(Infinity)]);
    out.set('signed', [...signs({}), ...signs({ style: 'percent' })]);
    const money = { style: 'currency', currency: 'USD' };
    out.set('money', [part(money, 1.5, 'decimal'), part(money, 1234567.5, 'group'), ...grouped(money)]);
    out.set('moneyshapes', ['narrowSymbol', 'code'].flatMap((currencyDisplay) => ['standard', 'accounting'].flatMap((currencySign) => signs({ ...money, currencyDisplay, currencySign }))));
    for (const [key, currencyDisplay] of [['symbols', 'symbol'], ['narrow', 'narrowSymbol']])
        out.set(key, Intl.supportedValuesOf('currency').map((currency) => [currency, part({ style: 'currency', currency, currencyDisplay }, 1, 'currency')]).filter(([a, b]) => a !== b && b !== '').flat());
}

const SAMPLES = [...Array(201).keys(), 1000000, 1.5, 0.5, 2.5, 10.5];
function relative(tag, out) {
    const rules = new Intl.PluralRules(tag);
    const samples = new Map();
    for (const n of SAMPLES) { const c = rules.select(n); if (!samples.has(c)) samples.set(c, n); }
    const nf = new Intl.NumberFormat(tag);
    for (const style of ['long', 'short', 'narrow']) for (const unit of ['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second']) {
        const always = new Intl.RelativeTimeFormat(tag, { style });
        const auto = new Intl.RelativeTimeFormat(tag, { style, numeric: 'auto' });
        const cells = [];
        for (const [category, n] of samples) for (const sign of [-1, 1]) {
            const v = n === 0 && sign < 0 ? -0 : n * sign;
            const text = always.formatToParts(v, unit).map((p) => p.type === 'literal' ? p.value : '\0').join('').replace(/\0+/, '{n}');
            cells.push(`${sign < 0 ? 'past' : 'future'}-${category}`, text);
        }
        for (const n of [-2, -1, 0, 1, 2]) {
            const text = auto.format(n, unit);
            if (n === 0 || text !== always.format(n, unit)) cells.push(`${n}`, text);
        }
        out.set(`${style} ${unit}`, cells);
    }
}

console.log(`# Words and forms of dates and numbers, from the Unicode Common Locale Data Repository ${process.versions.cldr},
# Copyright (c) 1991-2025 Unicode, Inc., under the Unicode License v3 (SPDX: Unicode-3.0).
# Written down by \`record.js\`; lines of a locale that are as in the one that it names are left out.`);
const write = (name, parent, map, base) => {
    console.log(line('locale', name, parent));
    for (const [key, cells] of map) { const text = line(key, ...cells); if (!base || line(key, ...(base.get(key) ?? [])) !== text) console.log(text); }
};
for (const [language, regions] of Object.entries(REGIONS)) {
    const base = record(language);
    write(language, '', base);
    for (const region of regions.split(' ')) write(`${language}-${region}`, language, record(`${language}-${region}`), base);
}
// What all have in common.
console.log(line('locale', '*', ''));
console.log(line('zones', ...ZONES));
console.log(line('patterns', ...PATTERNS));
console.log(line('currencies', ...Intl.supportedValuesOf('currency').map((c) => [c, new Intl.NumberFormat('en', { style: 'currency', currency: c }).resolvedOptions().maximumFractionDigits]).filter(([, d]) => d !== 2).flat()));
