    const seconds = (text, label) => numberOrOff(text, label, 0.1, 31536000);
    const rate = (text, label) => numberOrOff(text, label, 0.001, 1000000000000);

    RED.nodes.extendType("websocket-listener", (text) => ({
        defaults: {
            heartbeat: seconds(text, "label.heartbeat"),
            heartbeatTimeout: seconds(text, "label.heartbeatTimeout"),
            idleTimeout: seconds(text, "label.idleTimeout"),
            maxAge: seconds(text, "label.maxAge"),
            maxMessageRate: rate(text, "label.maxMessageRate"),
            maxByteRate: rate(text, "label.maxByteRate"),
            fastClient: { value: "" },
        },
    }));
