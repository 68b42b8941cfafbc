// `Intl`, and the methods of dates, numbers and texts that belong to it. What a locale shows is
// worked out by the runtime. Of `Intl` there is no `DisplayNames`, `Segmenter`, `DurationFormat` or `Locale`.
(function (host) {
    'use strict';
    const native = host.intl();
    const { apply } = Reflect;
    const getTime = Date.prototype.getTime;
    const numberOf = Number.prototype.valueOf;

    // --- locales and options ----------------------------------------------------------------
    const TAG = /^(?:[a-z]{2,3}|[a-z]{5,8})(-[a-z]{4})?(-([a-z]{2}|\d{3}))?(-([a-z\d]{5,8}|\d[a-z\d]{3}))*(-[a-wyz\d](-[a-z\d]{2,8})+)*(-x(-[a-z\d]{1,8})+)?$/i;
    const list = (locales) => {
        if (locales === undefined) return [];
        if (locales === null) throw new TypeError('Cannot convert undefined or null to object');
        const tags = typeof locales === 'string' ? [locales] : Array.from(locales);
        for (const tag of tags) {
            if (typeof tag !== 'string') throw new TypeError(`Incorrect locale information provided`);
            if (!TAG.test(tag)) throw new RangeError(`Invalid language tag: ${tag}`);
        }
        return tags;
    };
    const keyword = (tag, name) => new RegExp(`-u(?:-[a-z\\d]+)*?-${name}(?:-([a-z\\d]{3,8}))?(?:-|$)`, 'i').exec(tag);
    const resolve = (locales) => {
        const tags = list(locales);
        for (const tag of tags) {
            const locale = native.resolve(tag);
            if (locale) return { locale, tag };
        }
        // A tag such as `default` is no language anywhere.
        if (!tags.some(native.hasWords)) return { locale: native.locale(), tag: '' };
        throw new RangeError(`the locale \`${tags[0]}\` is not known to \`Intl\` here; see \`Intl.DateTimeFormat.supportedLocalesOf\``);
    };
    const optionsOf = (options) => {
        if (options === undefined) return Object.create(null);
        if (options === null) throw new TypeError('Cannot convert undefined or null to object');
        return Object(options);
    };
    // The value of an option that is one of some words.
    const pick = (options, owner, name, values, fallback) => {
        const value = options[name];
        if (value === undefined) return fallback;
        const text = String(value);
        if (values && !values.includes(text)) throw new RangeError(`Value ${text} out of range for ${owner} options property ${name}`);
        return text;
    };
    const count = (value, name, least, most, fallback) => {
        if (value === undefined) return fallback;
        const number = Number(value);
        if (!(number >= least && number <= most)) throw new RangeError(`${name} value is out of range.`);
        return Math.floor(number);
    };
    const missing = (options, owner, names) => {
        for (const name of names) {
            if (options[name] !== undefined) throw new RangeError(`the option \`${name}\` of ${owner} is not there in Ferrowire`);
        }
    };
    const only = (options, owner, name, ...values) => {
        const value = options[name];
        if (value !== undefined && !values.includes(String(value))) {
            throw new RangeError(`\`${name}: '${value}'\` of ${owner} is not there in Ferrowire; ${values.map((v) => `\`${v}\``).join(' and ')} are`);
        }
    };
    const parts = (flat, more) => {
        const found = [];
        for (let at = 0; at < flat.length; at += 2) found.push({ type: flat[at], value: flat[at + 1], ...more });
        return found;
    };
    const method = (target, methods) => {
        for (const [name, value] of Object.entries(methods)) {
            Object.defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
        }
    };
    // A class that may be called without `new`, with what all of them have.
    const service = (name, make, methods, callable) => {
        const state = new WeakMap();
        const of = (self) => {
            const found = state.get(self);
            if (!found) throw new TypeError(`Method Intl.${name} called on incompatible receiver`);
            return found;
        };
        const Service = { [name]: function (locales, options) {
            if (!new.target && !callable) throw new TypeError(`Constructor Intl.${name} requires 'new'`);
            const self = new.target ? this : Object.create(Service.prototype);
            state.set(self, make(locales, options));
            return self;
        } }[name];
        method(Service.prototype, methods(of));
        Object.defineProperty(Service.prototype, Symbol.toStringTag, { value: `Intl.${name}`, configurable: true });
        method(Service, { supportedLocalesOf: (locales) => list(locales).filter((tag) => native.resolve(tag)) });
        return Service;
    };
    // `format` and `compare` can be handed on by themselves.
    const bound = (target, name, work) => Object.defineProperty(target, name, {
        configurable: true,
        get() {
            const self = this;
            const call = (...args) => work(self, ...args);
            return call;
        },
    });

    // --- dates ------------------------------------------------------------------------------
    const WIDTHS = ['long', 'short', 'narrow'];
    const NUMERIC = ['numeric', '2-digit'];
    const FIELDS = [
        ['weekday', WIDTHS], ['year', NUMERIC], ['month', ['numeric', '2-digit', ...WIDTHS]], ['day', NUMERIC],
        ['hour', NUMERIC], ['minute', NUMERIC], ['second', NUMERIC],
    ];
    const STYLES = ['full', 'long', 'medium', 'short'];
    const CYCLES = ['h11', 'h12', 'h23', 'h24'];
    const ZONES = ['short', 'long', 'shortOffset', 'longOffset'];
    const DATE = ['weekday', 'year', 'month', 'day'];
    const TIME = ['hour', 'minute', 'second', 'fractionalSecondDigits'];
    const dateFormat = (locales, given, owner, required, defaults) => {
        const options = optionsOf(given);
        const { locale, tag } = resolve(locales);
        only(options, owner, 'calendar', 'gregory');
        only(options, owner, 'numberingSystem', 'latn');
        missing(options, owner, ['era', 'dayPeriod']);
        for (const name of ['ca', 'nu']) {
            const found = keyword(tag, name);
            if (found && !['gregory', 'latn'].includes(found[1])) throw new RangeError(`\`-u-${name}\` in \`${tag}\` is not there in Ferrowire`);
        }
        const hour12 = options.hour12;
        let cycle = pick(options, owner, 'hourCycle', CYCLES);
        if (hour12 !== undefined) cycle = undefined;
        else cycle ??= keyword(tag, 'hc')?.[1];
        const isLocal = options.timeZone === undefined;
        const timeZone = isLocal ? native.localZone() : native.zone(String(options.timeZone));
        if (!isLocal && typeof timeZone !== 'string') throw new RangeError(`Invalid time zone specified: ${options.timeZone}`);
        const chosen = {};
        for (const [name, values] of FIELDS) chosen[name] = pick(options, owner, name, values);
        chosen.fractionalSecondDigits = count(options.fractionalSecondDigits, 'fractionalSecondDigits', 1, 3);
        only(options, owner, 'timeZoneName', ...ZONES);
        chosen.timeZoneName = pick(options, owner, 'timeZoneName');
        const dateStyle = pick(options, owner, 'dateStyle', STYLES);
        const timeStyle = pick(options, owner, 'timeStyle', STYLES);
        if (dateStyle !== undefined || timeStyle !== undefined) {
            const field = Object.keys(chosen).find((name) => chosen[name] !== undefined);
            if (field) throw new TypeError(`Can't set option ${field} when ${dateStyle ? 'dateStyle' : 'timeStyle'} is used`);
            if (required === 'date' && timeStyle !== undefined && defaults === 'date' && owner.startsWith('Date')) throw new TypeError('Invalid option : timeStyle');
            if (required === 'time' && dateStyle !== undefined) throw new TypeError('Invalid option : dateStyle');
        } else {
            const asked = (names) => names.some((name) => chosen[name] !== undefined);
            const usual = !((required !== 'time' && asked(DATE)) || (required !== 'date' && asked(TIME)));
            if (usual && defaults !== 'time') chosen.year = chosen.month = chosen.day = 'numeric';
            if (chosen.fractionalSecondDigits !== undefined && chosen.second === undefined) {
                if (chosen.minute !== undefined) chosen.second = '2-digit';
                else if (chosen.hour !== undefined) throw new RangeError('`fractionalSecondDigits` without `second` is not there in Ferrowire');
            }
            if (usual && defaults !== 'date') chosen.hour = chosen.minute = chosen.second = 'numeric';
        }
        const hours = chosen.hour !== undefined || timeStyle !== undefined;
        const [usual, twelve, twentyFour] = native.cycles(locale);
        if (hour12 !== undefined) cycle = hour12 ? twelve : twentyFour;
        const shown = cycle ?? usual;
        const place = (values, value) => values.indexOf(value) + 1;
        const fields = FIELDS.map(([name, values]) => place(values, chosen[name])).join('')
            + (chosen.fractionalSecondDigits ?? 0) + place(ZONES, chosen.timeZoneName)
            + place(STYLES, dateStyle) + place(STYLES, timeStyle)
            + place(CYCLES, shown) + (cycle === undefined ? 0 : 1);
        const resolved = { locale: locale, calendar: 'gregory', numberingSystem: 'latn', timeZone };
        if (hours) Object.assign(resolved, { hourCycle: shown, hour12: shown === 'h11' || shown === 'h12' });
        for (const [name, value] of Object.entries({ ...chosen, dateStyle, timeStyle })) if (value !== undefined) resolved[name] = value;
        return { locale, timeZone: isLocal ? '' : timeZone, fields, resolved };
    };
    const time = (value) => {
        const millis = value === undefined ? Date.now() : value instanceof Date ? apply(getTime, value, []) : Number(value);
        if (!(Math.abs(millis) <= 8.64e15)) throw new RangeError('Invalid time value');
        return Math.trunc(millis);
    };
    const showDate = (format, value) => native.date(format.locale, format.timeZone, format.fields, time(value), false)[0];
    let zoneFormat;
    // After 400 years the days of the week and of the year are the same.
    const CYCLE = 146097 * 864e5;
    // What the local time zone is called at a time. What it is called in the far future depends on the
    // day of the year, and in the past it was called the same all the time.
    const zoneName = (millis) => {
        zoneFormat ??= dateFormat(undefined, { hour: 'numeric', timeZoneName: 'long' }, 'Date.prototype.toString', 'any', 'date');
        const { locale, timeZone, fields } = zoneFormat;
        const cycles = Math.max(0, Math.ceil((millis - 2e14) / CYCLE));
        return parts(native.date(locale, timeZone, fields, Math.max(millis - cycles * CYCLE, -6e13), true))
            .find((part) => part.type === 'timeZoneName').value;
    };
    const DateTimeFormat = service('DateTimeFormat',
        (locales, options) => dateFormat(locales, options, 'Intl.DateTimeFormat', 'any', 'date'),
        (of) => ({
            formatToParts(value) {
                const { locale, timeZone, fields } = of(this);
                return parts(native.date(locale, timeZone, fields, time(value), true));
            },
            resolvedOptions() { return { ...of(this).resolved }; },
            formatRange() { of(this); throw new Error('`formatRange` of Intl.DateTimeFormat is not there in Ferrowire'); },
            formatRangeToParts() { of(this); throw new Error('`formatRangeToParts` of Intl.DateTimeFormat is not there in Ferrowire'); },
            show(value) { return showDate(of(this), value); },
        }), true);
    const { show: showOfDate } = DateTimeFormat.prototype;
    delete DateTimeFormat.prototype.show;
    bound(DateTimeFormat.prototype, 'format', (self, value) => apply(showOfDate, self, [value]));

    // --- numbers ----------------------------------------------------------------------------
    const MODES = ['halfExpand', 'ceil', 'floor', 'expand', 'trunc', 'halfCeil', 'halfFloor', 'halfTrunc', 'halfEven'];
    const SIGNS = ['auto', 'never', 'always', 'exceptZero', 'negative'];
    const GROUPINGS = [false, 'auto', 'always', 'min2'];
    const digitsOf = (options, least, most) => {
        const { minimumFractionDigits: leastFraction, maximumFractionDigits: mostFraction, minimumSignificantDigits: leastAll, maximumSignificantDigits: mostAll } = options;
        const integer = count(options.minimumIntegerDigits, 'minimumIntegerDigits', 1, 21, 1);
        if (leastAll !== undefined || mostAll !== undefined) {
            const from = count(leastAll, 'minimumSignificantDigits', 1, 21, 1);
            return { integer, significant: true, least: from, most: count(mostAll, 'maximumSignificantDigits', from, 21, 21) };
        }
        let from = count(leastFraction, 'minimumFractionDigits', 0, 100);
        let to = count(mostFraction, 'maximumFractionDigits', 0, 100);
        if (from === undefined) from = to === undefined ? least : Math.min(least, to);
        else if (to === undefined) to = Math.max(most, from);
        else if (from > to) throw new RangeError('maximumFractionDigits value is out of range.');
        return { integer, significant: false, least: from, most: to ?? Math.max(most, from) };
    };
    const numberFormat = (locales, given, owner) => {
        const options = optionsOf(given);
        const { locale } = resolve(locales);
        only(options, owner, 'numberingSystem', 'latn');
        const notation = pick(options, owner, 'notation', ['standard', 'scientific', 'engineering', 'compact'], 'standard');
        only(options, owner, 'notation', 'standard', 'compact');
        const compactDisplay = pick(options, owner, 'compactDisplay', ['short', 'long'], 'short');
        only(options, owner, 'roundingPriority', 'auto');
        only(options, owner, 'roundingIncrement', '1');
        const style = pick(options, owner, 'style', ['decimal', 'percent', 'currency', 'unit'], 'decimal');
        only(options, owner, 'style', 'decimal', 'percent', 'currency');
        let currency = pick(options, owner, 'currency');
        if (currency !== undefined && !/^[a-z]{3}$/i.test(currency)) throw new RangeError(`Invalid currency code : ${currency}`);
        if (style === 'currency' && currency === undefined) throw new TypeError('Currency code is required with currency style.');
        currency = currency?.toUpperCase();
        const display = pick(options, owner, 'currencyDisplay', ['code', 'symbol', 'narrowSymbol', 'name'], 'symbol');
        if (style === 'currency') only(options, owner, 'currencyDisplay', 'code', 'symbol', 'narrowSymbol');
        const accounting = pick(options, owner, 'currencySign', ['standard', 'accounting'], 'standard');
        const behind = style === 'currency' ? native.currencyDigits(currency) : 0;
        const most = style === 'decimal' ? 3 : behind;
        const compact = notation === 'compact';
        const counts = ['minimumFractionDigits', 'maximumFractionDigits', 'minimumSignificantDigits', 'maximumSignificantDigits'];
        const usualDigits = compact && counts.every((name) => options[name] === undefined);
        const digits = usualDigits ? digitsOf(options, 0, 0) : digitsOf(options, behind, most);
        let grouping = options.useGrouping;
        if (grouping === undefined || grouping === 'true' || grouping === 'false') grouping = compact ? 'min2' : 'auto';
        else if (grouping === true) grouping = 'always';
        else if (grouping === false || grouping === null || grouping === '' || grouping === 0) grouping = false;
        else if (!GROUPINGS.includes(String(grouping))) throw new RangeError(`Value ${grouping} out of range for ${owner} options property useGrouping`);
        const sign = pick(options, owner, 'signDisplay', SIGNS, 'auto');
        const mode = pick(options, owner, 'roundingMode', MODES, 'halfExpand');
        const zeros = pick(options, owner, 'trailingZeroDisplay', ['auto', 'stripIfInteger'], 'auto');
        const code = [
            style, currency ?? '', display, accounting === 'accounting' ? 1 : 0, digits.integer, digits.least, digits.most,
            GROUPINGS.indexOf(grouping), SIGNS.indexOf(sign), MODES.indexOf(mode), zeros === 'auto' ? 0 : 1, usualDigits ? 2 : digits.significant ? 1 : 0,
            compact ? compactDisplay : 'standard',
        ].join(',');
        const resolved = { locale, numberingSystem: 'latn', style };
        if (style === 'currency') Object.assign(resolved, { currency, currencyDisplay: display, currencySign: accounting });
        resolved.minimumIntegerDigits = digits.integer;
        if (digits.significant) Object.assign(resolved, { minimumSignificantDigits: digits.least, maximumSignificantDigits: digits.most });
        else Object.assign(resolved, { minimumFractionDigits: digits.least, maximumFractionDigits: digits.most });
        Object.assign(resolved, {
            useGrouping: grouping, notation, ...(compact && { compactDisplay }), signDisplay: sign, roundingIncrement: 1, roundingMode: mode, roundingPriority: 'auto', trailingZeroDisplay: zeros,
        });
        return { locale, code, resolved };
    };
    const numeral = (value) => {
        if (typeof value === 'bigint') return value.toString();
        // A text keeps digits that a number could not hold.
        if (typeof value === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(value)) return value.trim();
        const number = Number(value);
        return Object.is(number, -0) ? '-0' : String(number);
    };
    const showNumber = (format, value) => native.number(format.locale, format.code, numeral(value), false)[0];
    const NumberFormat = service('NumberFormat',
        (locales, options) => numberFormat(locales, options, 'Intl.NumberFormat'),
        (of) => ({
            formatToParts(value) {
                const { locale, code } = of(this);
                return parts(native.number(locale, code, numeral(value), true));
            },
            resolvedOptions() { return { ...of(this).resolved }; },
            formatRange() { of(this); throw new Error('`formatRange` of Intl.NumberFormat is not there in Ferrowire'); },
            show(value) { return showNumber(of(this), value); },
        }), true);
    const { show: showOfNumber } = NumberFormat.prototype;
    delete NumberFormat.prototype.show;
    bound(NumberFormat.prototype, 'format', (self, value) => apply(showOfNumber, self, [value]));

    // --- words ------------------------------------------------------------------------------
    const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year'];
    const RelativeTimeFormat = service('RelativeTimeFormat', (locales, given) => {
        const options = optionsOf(given);
        const owner = 'Intl.RelativeTimeFormat';
        only(options, owner, 'numberingSystem', 'latn');
        return {
            locale: resolve(locales).locale,
            style: pick(options, owner, 'style', WIDTHS, 'long'),
            numeric: pick(options, owner, 'numeric', ['always', 'auto'], 'always'),
            numberingSystem: 'latn',
        };
    }, (of) => {
        const work = (self, name, value, unit, kinds) => {
            const { locale, style, numeric } = of(self);
            const number = Number(value);
            if (!Number.isFinite(number)) throw new RangeError(`Invalid time value: ${name} takes finite numbers`);
            const singular = String(unit).replace(/s$/, '');
            if (!UNITS.includes(singular)) throw new RangeError(`Invalid unit argument for Intl.RelativeTimeFormat.prototype.${name}() '${unit}'`);
            return [native.relative(locale, `${style} ${singular}`, numeric === 'auto', number, kinds), singular];
        };
        return {
            format(value, unit) { return work(this, 'format', value, unit, false)[0][0]; },
            formatToParts(value, unit) {
                const [flat, singular] = work(this, 'formatToParts', value, unit, true);
                return parts(flat).map((part) => (part.type === 'literal' ? part : { ...part, unit: singular }));
            },
            resolvedOptions() { return { ...of(this) }; },
        };
    });
    const PluralRules = service('PluralRules', (locales, given) => {
        const options = optionsOf(given);
        const owner = 'Intl.PluralRules';
        only(options, owner, 'notation', 'standard');
        const type = pick(options, owner, 'type', ['cardinal', 'ordinal'], 'cardinal');
        const format = numberFormat(locales, { ...options, type: undefined, style: undefined, useGrouping: false }, owner);
        return { type, ...format };
    }, (of) => ({
        select(value) {
            const { locale, code, type } = of(this);
            const number = Number(value);
            if (!Number.isFinite(number)) return 'other';
            const shown = parts(native.number(locale, code, numeral(Math.abs(number)), true))
                .map((part) => (part.type === 'decimal' ? '.' : part.value)).join('');
            return native.plural(locale, type === 'ordinal', shown);
        },
        resolvedOptions() {
            const { locale, type, resolved } = of(this);
            const { minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits } = resolved;
            return { locale, type, minimumIntegerDigits, minimumFractionDigits, maximumFractionDigits, pluralCategories: native.plurals(locale, type === 'ordinal') };
        },
    }));
    const ListFormat = service('ListFormat', (locales, given) => {
        const options = optionsOf(given);
        return {
            locale: resolve(locales).locale,
            type: pick(options, 'Intl.ListFormat', 'type', ['conjunction', 'disjunction', 'unit'], 'conjunction'),
            style: pick(options, 'Intl.ListFormat', 'style', WIDTHS, 'long'),
        };
    }, (of) => ({
        format(values) {
            const { locale, type, style } = of(this);
            const items = [...(values ?? [])];
            let length = items.length;
            for (const item of items) {
                if (typeof item !== 'string') throw new TypeError('Iterable yielded a value that is not a string');
                length += item.length;
            }
            if (length > 1048576) throw new RangeError('a list of more than 1048576 characters is not formatted');
            return native.list(locale, type, style, items);
        },
        formatToParts() { of(this); throw new Error('`formatToParts` of Intl.ListFormat is not there in Ferrowire'); },
        resolvedOptions() { return { ...of(this) }; },
    }));
    const collator = (locales, given, owner) => {
        const options = optionsOf(given);
        const { locale, tag } = resolve(locales);
        only(options, owner, 'usage', 'sort');
        only(options, owner, 'collation', 'default');
        const sensitivity = pick(options, owner, 'sensitivity', ['base', 'accent', 'case', 'variant'], 'variant');
        const ignorePunctuation = Boolean(options.ignorePunctuation);
        const kn = keyword(tag, 'kn');
        const numeric = options.numeric === undefined ? Boolean(kn && kn[1] !== 'false') : Boolean(options.numeric);
        const caseFirst = pick(options, owner, 'caseFirst', ['upper', 'lower', 'false'], 'false');
        const code = sensitivity[0] + (ignorePunctuation ? 'i' : '-') + (numeric ? 'n' : '-') + caseFirst[0];
        return { locale, code, resolved: { locale, usage: 'sort', sensitivity, ignorePunctuation, collation: 'default', numeric, caseFirst } };
    };
    const compare = (format, a, b) => {
        a = String(a);
        b = String(b);
        if (a.length + b.length < 1e5) return native.compare(format.locale, format.code, a, b);
        return host.aside(() => native.compare(format.locale, format.code, a, b));
    };
    const Collator = service('Collator',
        (locales, options) => collator(locales, options, 'Intl.Collator'),
        (of) => ({
            resolvedOptions() { return { ...of(this).resolved }; },
            work(a, b) { return compare(of(this), a, b); },
        }), true);
    const { work: compareOf } = Collator.prototype;
    delete Collator.prototype.work;
    bound(Collator.prototype, 'compare', (self, a, b) => apply(compareOf, self, [a, b]));

    const Intl = {};
    method(Intl, {
        DateTimeFormat, NumberFormat, RelativeTimeFormat, PluralRules, ListFormat, Collator,
        getCanonicalLocales: (locales) => [...new Set(list(locales))],
        supportedValuesOf(kind) {
            if (kind === 'timeZone') return native.zones();
            throw new RangeError(`\`Intl.supportedValuesOf('${kind}')\` is not there in Ferrowire`);
        },
    });
    Object.defineProperty(Intl, Symbol.toStringTag, { value: 'Intl', configurable: true });

    // What plain options come to, kept for the next time.
    const kept = new Map();
    const remembered = (name, locales, options, make) => {
        const plain = (value) => value === undefined || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
        if (!(locales === undefined || typeof locales === 'string')) return make();
        if (options !== undefined) {
            if (options === null || typeof options !== 'object' || Object.getPrototypeOf(options) !== Object.prototype) return make();
            if (!Object.values(options).every(plain)) return make();
        }
        const key = JSON.stringify([name, locales, options]);
        let format = kept.get(key);
        if (format) return format;
        format = make();
        if (kept.size >= 64) kept.clear();
        if (key.length < 1024) kept.set(key, format);
        return format;
    };
    const ofDate = (name, required, defaults) => (self, locales, options) => {
        const millis = apply(getTime, self, []);
        const format = remembered(name, locales, options, () => dateFormat(locales, options, `Date.prototype.${name}`, required, defaults));
        return Number.isNaN(millis) ? 'Invalid Date' : showDate(format, millis);
    };
    return {
        Intl,
        zoneName,
        dates: {
            toLocaleString: ofDate('toLocaleString', 'any', 'all'),
            toLocaleDateString: ofDate('toLocaleDateString', 'date', 'date'),
            toLocaleTimeString: ofDate('toLocaleTimeString', 'time', 'time'),
        },
        number: (self, locales, options) => showNumber(
            remembered('number', locales, options, () => numberFormat(locales, options, 'Number.prototype.toLocaleString')),
            apply(numberOf, self, [])),
        bigint: (self, locales, options) => showNumber(numberFormat(locales, options, 'BigInt.prototype.toLocaleString'), BigInt.prototype.valueOf.call(self)),
        compare: (self, other, locales, options) => compare(
            remembered('compare', locales, options, () => collator(locales, options, 'String.prototype.localeCompare')),
            self, other),
    };
})
