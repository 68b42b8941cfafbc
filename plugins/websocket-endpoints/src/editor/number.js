    /** A property that may be empty, a variable of the environment, or a number; `error` says what is expected. */
    const numberIn = (text, error, label, from, to) => ({
        value: "",
        label: text(label),
        validate: function (value, opt) {
            const isValid = value === undefined || value === "" || /^\$\{[^}]+\}$/.test(value) ||
                (value >= from && value <= to);
            return isValid || (opt ? text(error, { label: text(label), from, to }) : false);
        },
    });

    /** The same, where 0 is off. */
    const numberOrOff = (text, label, from, to) => {
        const property = numberIn(text, "errors.number", label, from, to);
        return {
            ...property,
            validate: (value, opt) => Number(value) === 0 || property.validate(value, opt),
        };
    };

