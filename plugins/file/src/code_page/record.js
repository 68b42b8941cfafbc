// Writes down what the bytes of code pages stand for in iconv-lite, which Node-RED uses: `node record.js > table.txt`,
// where iconv-lite is installed.
"use strict";
const iconv = require("iconv-lite");

// The names of Node-RED's dialog that the WHATWG standard does not have.
const NAMES = [
    "cp437", "cp737", "cp775", "cp808", "cp850", "cp852", "cp855", "cp856", "cp857", "cp858", "cp860", "cp861",
    "cp869", "cp922", "cp1046", "cp1124", "cp1125", "cp1129", "cp1133", "cp1161", "cp1162", "cp1163",
    "maccroatian", "macgreek", "maciceland", "macromania", "macthai", "macturkish", "maccenteuro",
    "koi8-t", "armscii8", "rk1048", "tcvn", "georgianacademy", "georgianps", "pt154", "viscii",
    "iso646cn", "iso646jp", "hproman8", "tis620",
];

for (const name of NAMES) {
    const characters = [];
    for (let byte = 0; byte < 256; byte++) {
        const unit = iconv.decode(Buffer.from([byte]), name).codePointAt(0);
        if (unit !== byte) characters.push(`${byte.toString(16).padStart(2, "0")}${unit.toString(16).padStart(4, "0")}`);
    }
    console.log(`${name} ${characters.join(" ")}`);
}
