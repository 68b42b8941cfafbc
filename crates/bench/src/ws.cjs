// A compressing echo with the library `ws`: node ws.cjs LIBRARY PORT TAKEOVER
"use strict";
const { WebSocketServer } = require(process.argv[2]);
const alone = process.argv[4] !== "true";
const server = new WebSocketServer({
    host: "127.0.0.1",
    port: Number(process.argv[3]),
    perMessageDeflate: {
        threshold: 0,
        zlibDeflateOptions: { level: 6 },
        serverNoContextTakeover: alone,
        clientNoContextTakeover: alone,
    },
});
server.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
