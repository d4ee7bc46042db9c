/**
 * A server of its own in front of another, so that it can be frozen, stopped and started again while what is behind
 * it goes on. With a file as its second argument it answers by itself, 200, and writes each body into the file.
 */
const { Buffer } = require('node:buffer');
const { appendFileSync } = require('node:fs');
const { createServer: createHttp } = require('node:http');
const { createServer, connect } = require('node:net');

const [, , port, target] = process.argv;
const isFile = !/^\d+$/.test(target);

const relay = () =>
  createServer((socket) => {
    const behind = connect(Number(target), '127.0.0.1');
    socket.on('error', () => behind.destroy()).pipe(behind);
    behind.on('error', () => socket.destroy()).pipe(socket);
  });

const receiver = () =>
  createHttp(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    appendFileSync(target, `${Buffer.concat(chunks).toString()}\n`);
    response.end('ok');
  });

(isFile ? receiver() : relay()).listen(Number(port), '127.0.0.1', () => process.stdout.write('up\n'));
