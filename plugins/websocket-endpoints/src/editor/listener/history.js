    RED.nodes.extendType("websocket-listener", (text) => ({
        defaults: {
            history: numberOrOff(text, "label.history", 1, 100000),
            historyAge: numberOrOff(text, "label.historyAge", 0.1, 31536000),
            historyKey: { value: "" },
        },
    }));
