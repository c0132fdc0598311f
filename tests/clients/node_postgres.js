// node-postgres against a server: `node node_postgres.js PORT [DATABASE USER]`. Every case prints "ok NAME" or
// "not ok NAME: why"; node_postgres_test.py reads these lines.
'use strict';
const assert = require('node:assert/strict');
const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');

const [port, database = 'dev', user = 'root'] = process.argv.slice(2);
const options = { host: '127.0.0.1', port: Number(port), database, user };

async function value(client, sql, parameters) {
  const result = await client.query({ text: sql, values: parameters, rowMode: 'array' });
  return result.rows[0][0];
}

const cases = {
  // What a parameter of each type is when it comes back: pg's own parsers, all of the text format.
  async 'types'(client) {
    const instant = new Date(Date.UTC(2013, 0, 31, 1, 2, 3, 456));
    const expected = [
      ['boolean', true, true],
      ['smallint', -32768, -32768],
      ['int', -2147483648, -2147483648],
      ['bigint', '9223372036854775807', '9223372036854775807'],
      ['real', 1.5, 1.5],
      ['double precision', -0.1, -0.1],
      ['double precision', Infinity, Infinity],
      ['numeric', '-12345.6789', '-12345.6789'],
      ['numeric(10,2)', 1.5, '1.50'],
      ['text', "it's \u00e4", "it's \u00e4"],
      ['varchar(3)', 'abc', 'abc'],
      ['char(4)', 'ab', 'ab  '],
      ['bytea', Buffer.from([0, 255]), Buffer.from([0, 255])],
      ['uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
      ['time', '23:59:59.5', '23:59:59.5'],
      ['timestamptz', instant, instant],
      ['jsonb', { a: [1, null] }, { a: [1, null] }],
      ['jsonb', JSON.stringify([1, 2]), [1, 2]],
      ['int[]', [1, null, 3], [1, null, 3]],
      ['int[]', [[1, 2], [3, 4]], [[1, 2], [3, 4]]],
      ['text[]', ['a', 'b c', null, '"', ''], ['a', 'b c', null, '"', '']],
      ['text', null, null],
    ];
    for (const [type, given, wanted] of expected) {
      assert.deepEqual(await value(client, `SELECT $1::${type}`, [given]), wanted, type);
    }
    const interval = await value(client, "SELECT $1::interval", ['1 mon 2 days 03:04:05.5']);
    assert.deepEqual({ ...interval }, { months: 1, days: 2, hours: 3, minutes: 4, seconds: 5, milliseconds: 500 });
    const day = await value(client, 'SELECT $1::date', ['2013-01-31']);
    assert.deepEqual([day.getFullYear(), day.getMonth(), day.getDate()], [2013, 0, 31]);
  },

  async 'the binary format'(client) {
    // What its parsers of this format read rightly: not float8 and bytea.
    const result = await client.query({
      text: "SELECT $1::int AS i, $2::bigint AS b, true AS t, 'x'::text AS s, 5::smallint AS n",
      values: [7, 8], binary: true,
    });
    assert.deepEqual(result.rows, [{ i: 7, b: '8', t: true, s: 'x', n: 5 }]);
  },

  async 'fields'(client) {
    const result = await client.query("SELECT 1 AS n, 'a'::varchar(7) AS v, ARRAY[1] AS a");
    assert.deepEqual(result.fields.map((field) => [field.name, field.dataTypeID, field.dataTypeModifier]),
      [['n', types.builtins.INT4, -1], ['v', types.builtins.VARCHAR, 11], ['a', 1007, -1]]);
    assert.equal(result.command, 'SELECT');
  },

  async 'named statements'(client) {
    await client.query('CREATE TABLE node_kept (id int PRIMARY KEY, name text)');
    for (let id = 0; id < 20; ++id) {
      const insert = { name: 'keep', text: 'INSERT INTO node_kept VALUES ($1, $2) RETURNING id', values: [id, `n${id}`] };
      const result = await client.query(insert);
      assert.deepEqual([result.rowCount, result.rows], [1, [{ id }]]);
    }
    assert.equal(await value(client, 'SELECT count(*)::int FROM node_kept WHERE id = ANY($1)', [[1, 5, 99]]), 2);
    const deleted = await client.query('DELETE FROM node_kept WHERE id >= $1', [10]);
    assert.equal(deleted.rowCount, 10);
  },

  async 'several statements'(client) {
    const results = await client.query("SELECT 1 AS a; SELECT 'two' AS b");
    assert.deepEqual(results.map((result) => result.rows), [[{ a: 1 }], [{ b: 'two' }]]);
  },

  async 'errors'(client) {
    await assert.rejects(client.query('SELECT nme FROM pg_catalog.pg_type'), (error) => {
      assert.deepEqual([error.code, error.position, error.severity], ['42703', '8', 'ERROR']);
      return true;
    });
    await assert.rejects(client.query('SELECT 1 / $1::int', [0]), { code: '22012' });
    assert.equal(await value(client, 'SELECT 3', []), 3);
  },

  async 'transactions'(client) {
    await client.query('CREATE TABLE node_moved (id int PRIMARY KEY)');
    await client.query('BEGIN');
    await client.query('INSERT INTO node_moved VALUES ($1)', [1]);
    await client.query('ROLLBACK');
    await client.query('BEGIN');
    await client.query('INSERT INTO node_moved VALUES ($1)', [2]);
    await client.query('COMMIT');
    assert.deepEqual((await client.query('SELECT id FROM node_moved')).rows, [{ id: 2 }]);
  },

  async 'a cursor'(client) {
    const cursor = client.query(new Cursor('SELECT g FROM generate_series(1, $1::int) AS g ORDER BY g', [250]));
    let next = 1;
    for (let rows = await cursor.read(70); rows.length > 0; rows = await cursor.read(70)) {
      for (const row of rows) assert.equal(row.g, next++);
    }
    assert.equal(next, 251);
    await cursor.close();
    assert.equal(await value(client, 'SELECT 1', []), 1);
  },

  async 'notices'(client) {
    const notices = [];
    client.on('notice', (notice) => notices.push(notice.message));
    await client.query('DROP TABLE IF EXISTS never_made');
    assert.deepEqual(notices, ['table "never_made" does not exist, skipping']);
  },

  async 'a pool'() {
    const pool = new Pool({ ...options, max: 4 });
    const numbers = Array.from({ length: 20 }, (_, n) => n);
    const got = await Promise.all(numbers.map((n) => value(pool, 'SELECT $1::int * 2', [n])));
    assert.deepEqual(got, numbers.map((n) => 2 * n));
    await pool.end();
  },
};

(async () => {
  for (const [name, body] of Object.entries(cases)) {
    const client = new Client(options);
    try {
      await client.connect();
      await body(client);
      console.log(`ok ${name}`);
    } catch (error) {
      process.exitCode = 1;
      console.log(`not ok ${name}: ${String(error.message).replaceAll('\n', ' | ')}`);
    } finally {
      await client.end();
    }
  }
  console.log('done');
})();
