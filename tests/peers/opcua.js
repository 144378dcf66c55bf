// SPDX-License-Identifier: Apache-2.0
// usage: opcua.js server ADDRESS | client ADDRESS. The client prints what it did, one JSON object a line.
const [role, address] = process.argv.slice(2);
const url = `opc.tcp://${address}:4840/peer`;
const say = (o) => console.log(JSON.stringify(o));

async function server() {
  const {OPCUAServer} = require('node-opcua-server');
  const {DataType, Variant} = require('node-opcua-variant');
  const {StatusCodes} = require('node-opcua-status-code');
  const s = new OPCUAServer({port: 4840, hostname: address, resourcePath: '/peer', buildInfo: {productName: 'Peer', manufacturerName: 'Vidra tests'}});
  await s.initialize();
  const space = s.engine.addressSpace.getOwnNamespace();
  const device = space.addObject({organizedBy: s.engine.addressSpace.rootFolder.objects, browseName: 'Feeder'});
  let power = 12.5;
  space.addVariable({componentOf: device, nodeId: 'ns=1;s=Feeder.Power', browseName: 'Power', dataType: 'Double', minimumSamplingInterval: 1000,
    value: {get: () => new Variant({dataType: DataType.Double, value: power}), set: (v) => { power = v.value; return StatusCodes.Good; }}});
  space.addVariable({componentOf: device, nodeId: 'ns=1;i=1001', browseName: 'Closed', dataType: 'Boolean', minimumSamplingInterval: 1000, accessLevel: 'CurrentRead', userAccessLevel: 'CurrentRead',
    value: {get: () => new Variant({dataType: DataType.Boolean, value: true})}});
  const method = space.addMethod(device, {nodeId: 'ns=1;s=Feeder.Reset', browseName: 'Reset', inputArguments: [{name: 'n', dataType: DataType.UInt32}], outputArguments: []});
  method.bindMethod((inputs, context, done) => done(null, {statusCode: StatusCodes.Good, outputArguments: []}));
  await s.start();
  say({ready: true});
}

async function client() {
  const {OPCUAClient, AttributeIds, DataType, MessageSecurityMode, SecurityPolicy} = require('node-opcua-client');
  const c = OPCUAClient.create({endpointMustExist: false, securityMode: MessageSecurityMode.None, securityPolicy: SecurityPolicy.None, connectionStrategy: {maxRetry: 3}});
  await c.connect(url);
  const session = await c.createSession();
  for (const node of ['ns=1;s=Feeder.Power', 'ns=1;i=1001', 'ns=1;s=Nobody']) {
    const v = await session.read({nodeId: node, attributeId: AttributeIds.Value});
    say({did: 'read', node, value: v.value && v.value.value !== undefined ? v.value.value : null, status: v.statusCode.value});
  }
  for (const [node, dataType, value] of [['ns=1;s=Feeder.Power', DataType.Double, 77.25], ['ns=1;i=1001', DataType.Boolean, false]]) {
    const status = await session.write({nodeId: node, attributeId: AttributeIds.Value, value: {value: {dataType, value}}});
    say({did: 'write', node, value, status: status.value});
  }
  const found = await session.browse('RootFolder');
  say({did: 'browse', node: 'i=84', references: found.references.length, status: found.statusCode.value});
  const called = await session.call({objectId: 'i=85', methodId: 'ns=1;s=Feeder.Reset', inputArguments: [{dataType: DataType.UInt32, value: 3}]});
  say({did: 'call', node: 'ns=1;s=Feeder.Reset', status: called.statusCode.value});
  await session.close();
  await c.disconnect();
}

(role === 'server' ? server() : client()).catch((e) => { console.error(e.message); process.exit(1); });
