// SPDX-License-Identifier: Apache-2.0
// usage: bacnet.js server ADDRESS BROADCAST | client ADDRESS BROADCAST DEVICE. The client prints what it did, one JSON object a line.
const Bacnet = require('node-bacnet');
const [role, address, broadcast, device] = process.argv.slice(2);
const say = (o) => console.log(JSON.stringify(o));
const b = new Bacnet({interface: '0.0.0.0', port: 47808, broadcastAddress: broadcast, apduTimeout: 2000});
const real = 4, analog_value = 2, binary_value = 5, present_value = 85;

if (role === 'server') {
  let value = 21.5;
  b.on('whoIs', (m) => b.iAmResponse(m.header.sender, 4711, 3, 555));
  b.on('readProperty', (m) => {
    const {objectId, property} = m.payload;
    if (objectId.type !== analog_value) return b.errorResponse(m.header.sender, m.service, m.invokeId, 1, 31);   // object: unknown
    b.readPropertyResponse(m.header.sender, m.invokeId, objectId, property, [{type: real, value}]);
  });
  b.on('writeProperty', (m) => { value = m.payload.value.value[0].value; b.simpleAckResponse(m.header.sender, m.service, m.invokeId); });
  say({ready: true});
} else {
  const to = {address: device};
  const ask = (f) => new Promise((done) => f((error, value) => done({error: error ? error.message : null, value})));
  (async () => {
    b.on('iAm', (m) => say({did: 'iAm', device: m.payload.deviceId, vendor: m.payload.vendorId}));
    b.whoIs();
    await new Promise((done) => setTimeout(done, 500));
    const read = (type) => ask((next) => b.readProperty(to, {type, instance: 3}, present_value, next));
    let r = await read(analog_value);
    say({did: 'read', type: analog_value, instance: 3, value: r.value ? r.value.values[0].value : null, error: r.error});
    r = await ask((next) => b.writeProperty(to, {type: analog_value, instance: 3}, present_value, [{type: real, value: 99}], {priority: 8}, next));
    say({did: 'write', type: analog_value, instance: 3, value: 99, priority: 8, error: r.error});
    r = await read(binary_value);
    say({did: 'read', type: binary_value, instance: 3, value: r.value ? r.value.values[0].value : null, error: r.error});
    b.close();
    process.exit(0);
  })();
}
