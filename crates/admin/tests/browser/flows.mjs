// Nodes as the editor saves them.

export const tab = { id: "f000000000000001", type: "tab", label: "Flow 1", disabled: false, info: "", env: [] };

export const at = (id, type, x, y, more) => ({ id, type, z: tab.id, name: "", x, y, ...more });

export const inject = (id, payload, to, y = 80) => at(id, "inject", 140, y, {
  props: [{ p: "payload" }, { p: "topic", vt: "str" }], repeat: "", crontab: "", once: false,
  onceDelay: 0.1, topic: "news", payload, payloadType: "str", wires: [[to]],
});

export const debug = (id, y = 80) => at(id, "debug", 420, y, {
  active: true, tosidebar: true, console: false, tostatus: false, complete: "payload",
  targetType: "msg", statusVal: "", statusType: "auto", wires: [],
});

export const listener = {
  id: "c000000000000001", type: "websocket-listener", path: "/ws/news", wholemsg: "false",
};

export const client = {
  id: "c000000000000002", type: "websocket-client", path: "ws://127.0.0.1:9/nobody", tls: "",
  wholemsg: "false", hb: "0", subprotocol: "", headers: [],
};
