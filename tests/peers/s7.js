// SPDX-License-Identifier: Apache-2.0
// usage: s7.js server ADDRESS | client ADDRESS. The client prints what it did, one JSON object a line.
const snap7 = require('node-snap7');
const [role, address] = process.argv.slice(2);
const say = (o) => console.log(JSON.stringify(o));

if (role === 'server') {
  const s = new snap7.S7Server();
  s.RegisterArea(s.srvAreaDB, 10, Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]));
  s.RegisterArea(s.srvAreaMK, Buffer.alloc(16));
  s.StartTo(address);
  say({ready: true});
  setInterval(() => {}, 1000);
} else {
  const c = new snap7.S7Client();
  if (!c.ConnectTo(address, 0, 2)) { console.error(c.ErrorText(c.LastError())); process.exit(1); }
  say({did: 'read', area: 'DB10', start: 2, octets: [...c.DBRead(10, 2, 4)]});
  say({did: 'write', area: 'DB10', start: 0, octets: [9, 8], done: c.DBWrite(10, 0, 2, Buffer.from([9, 8]))});
  say({did: 'write', area: 'M', start: 4, octets: [255], done: c.MBWrite(4, 1, Buffer.from([255]))});
  say({did: 'read', area: 'DB99', start: 0, done: c.DBRead(99, 0, 1) !== false});
  say({did: 'szl', order: (c.GetOrderCode() || {}).Code, cpu: (c.GetCpuInfo() || {}).ModuleTypeName});
  say({did: 'stop', done: c.PlcStop()});
  say({did: 'start', done: c.PlcHotStart()});
  c.Disconnect();
}
