// Node.js' module `os`. What changes is asked for at each call.
(function (host) {
    'use strict';
    const get = (name) => () => host.os()[name];
    const { arch, platform, type, release, version, machine, endianness } = host.os();
    return {
        EOL: '\n',
        devNull: '/dev/null',
        arch: () => arch,
        platform: () => platform,
        type: () => type,
        release: () => release,
        version: () => version,
        machine: () => machine,
        endianness: () => endianness,
        hostname: get('hostname'),
        homedir: get('homedir'),
        tmpdir: get('tmpdir'),
        uptime: get('uptime'),
        totalmem: get('totalmem'),
        freemem: get('freemem'),
        loadavg: get('loadavg'),
        availableParallelism: get('parallelism'),
        userInfo: get('user'),
        cpus: () => host.cpus(),
        networkInterfaces: () => {
            const interfaces = {};
            for (const { name, ...address } of host.interfaces()) (interfaces[name] ??= []).push(address);
            return interfaces;
        },
    };
})
