    const number = (text, label, from, to) => numberIn(text, "compression.errors.number", label, from, to);

    const definition = (text) => ({
        defaults: {
            compression: { value: "" },
            compressionThreshold: number(text, "compression.label.threshold", 0, 4294967295),
            compressionLevel: number(text, "compression.label.level", 1, 9),
            compressionServerBits: { value: "" },
            compressionServerTakeover: { value: false },
            compressionClientBits: { value: "" },
            compressionClientTakeover: { value: false },
        },
        oneditprepare: function () {
            for (const property of ["compressionServerBits", "compressionClientBits"]) {
                const select = $("#node-config-input-" + property);
                for (let bits = 15; bits >= 9; bits--) {
                    const size = bits >= 10 ? (1 << (bits - 10)) + " KiB" : "512 B";
                    select.append($("<option>").val(bits === 15 ? "" : String(bits)).text(size));
                }
                select.val(this[property] === "15" ? "" : this[property] || "");
            }
        },
    });

    RED.nodes.extendType("websocket-listener", definition);
    RED.nodes.extendType("websocket-client", definition);
