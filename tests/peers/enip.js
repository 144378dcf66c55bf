// SPDX-License-Identifier: Apache-2.0
// usage: enip.js server ADDRESS | client ADDRESS. The client is npm's ethernet-ip and prints what it did, one JSON object a line. Of servers
// neither Debian nor npm has one: the answers are made here, after the CIP Networks Library, just as far as the client asks.
const [role, address] = process.argv.slice(2);
const say = (o) => console.log(JSON.stringify(o));
const REAL = 0xca, DINT = 0xc4;

if (role === 'server') {
  const tags = {Feeder_Power: {type: REAL, value: Buffer.from('00004841', 'hex')}, Setpoint: {type: DINT, value: Buffer.from('4d000000', 'hex')}};
  const name = 'VIDRA-PEER/A';
  const identity = Buffer.concat([Buffer.from('01000e0037001e0b60300d0cbc00', 'hex'), Buffer.from([name.length]), Buffer.from(name)]);
  const short = (...words) => { const b = Buffer.alloc(2 * words.length); words.forEach((w, i) => b.writeUInt16LE(w, 2 * i)); return b; };
  const answer = (service, status, data = Buffer.alloc(0)) => Buffer.concat([Buffer.from([service | 0x80, 0, status, status === 4 ? 1 : 0]), status === 4 ? short(0) : Buffer.alloc(0), data]);

  // A CIP message: service, words of path, path, data.
  const message = (m) => {
    const service = m[0], path = m.subarray(2, 2 + 2 * m[1]), data = m.subarray(2 + 2 * m[1]);
    const tag = path[0] === 0x91 ? tags[path.subarray(2, 2 + path[1])] : undefined;
    switch (service) {
      case 0x01: return answer(service, 0, identity);
      case 0x0a: {                                     // several: their number, where each begins
        const n = data.readUInt16LE(0), at = [...Array(n).keys()].map((i) => data.readUInt16LE(2 + 2 * i));
        const answers = at.map((from, i) => message(data.subarray(from, at[i + 1])));
        let begin = 2 + 2 * n;
        return answer(service, 0, Buffer.concat([short(n, ...answers.map((a) => (begin += a.length) - a.length)), ...answers]));
      }
      case 0x4c: return tag ? answer(service, 0, Buffer.concat([short(tag.type), tag.value])) : answer(service, 4);
      case 0x4d:
        if (!tag) return answer(service, 4);
        tag.value = Buffer.from(data.subarray(4));
        return answer(service, 0);
      case 0x52: return message(data.subarray(4, 4 + data.readUInt16LE(2)));   // Unconnected_Send: answered as what is inside
      default: return answer(service, 8);
    }
  };
  require('net').createServer((socket) => {
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      held = Buffer.concat([held, octets]);
      while (held.length >= 24 && held.length >= 24 + held.readUInt16LE(2)) {
        const head = Buffer.from(held.subarray(0, 24)), body = held.subarray(24, 24 + head.readUInt16LE(2));
        held = held.subarray(24 + body.length);
        let back = body;
        if (head.readUInt16LE(0) === 0x65) head.writeUInt32LE(0x1122, 4);
        else if (head.readUInt16LE(0) === 0x66) { socket.end(); continue; }
        else if (head.readUInt16LE(0) === 0x6f) {
          const m = message(body.subarray(16));        // interface, timeout, two items: no address, unconnected data
          back = Buffer.concat([body.subarray(0, 14), short(m.length), m]);
        }
        head.writeUInt16LE(back.length, 2);
        socket.write(Buffer.concat([head, back]));
      }
    });
  }).listen(44818, address, () => say({ready: true}));
} else {
  const {Controller, Tag, TagGroup} = require('ethernet-ip');
  (async () => {
    const c = new Controller();
    await c.connect(address, 2);
    say({did: 'identity', name: c.properties.name, serial: c.properties.serial_number, slot: 2});
    const power = new Tag('Feeder_Power', null, REAL), setpoint = new Tag('Setpoint', null, DINT);
    await c.readTag(power);
    say({did: 'Read Tag', tag: 'Feeder_Power', value: power.value});
    await c.writeTag(setpoint, 4711);
    say({did: 'Write Tag', tag: 'Setpoint', value: 4711});
    const group = new TagGroup();
    group.add(power), group.add(setpoint);
    await c.readTagGroup(group);
    say({did: 'group', tags: {Feeder_Power: power.value, Setpoint: setpoint.value}});
    await c.readTag(new Tag('Nobody', null, DINT)).catch(() => say({did: 'Read Tag', tag: 'Nobody', refused: true}));
    c.destroy();
    process.exit(0);
  })().catch((e) => { console.error(e); process.exit(1); });
}
