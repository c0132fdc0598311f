#pragma once

/// Statements that the parser must take, one of each production at least; ordinary spelling.
namespace forebay::sql {

inline constexpr const char*
    kStatements
        [] =
            {
                R"sql(SELECT c FROM t WHERE k = $1)sql",
                R"sql(select 1+2*3, -2^2, a and b or not c = d, x between 1 and 2 and y, a like 'x' escape '\', x::int::text, -1::int, (-1)::int)sql",
                R"sql(select a b, count(*), t.*, f(distinct x order by y desc) filter (where z > 0) over (partition by a order by b rows between 1 preceding and current row) from s.t as q(a,b), lateral (select 1) z left join u on a=b natural join v cross join w join x using (k) where a in (1,2) and b not in (select 1) and exists (select 1) group by 1, rollup(a,b), grouping sets ((a),(b),()) having count(*) > 1 order by 1 desc nulls last limit 10 offset 5 rows)sql",
                R"sql(((select 1) union all (select 2 limit 1) intersect select 3 except values (1),(2)) order by 1)sql",
                R"sql(select ((select 1) + 2), ((select 1)), f((select 1)), x in ((select 1)), (select 1, 2) , array(select 1), array[1,2], array[[1],[2]], row(1), (1,2), x[1], (x).y, x[1:2])sql",
                R"sql(create source if not exists s (id int, ts timestamp(3) with time zone, v double precision, d as_x, g int as (id + 1), watermark for ts as ts - interval '5 seconds', primary key (id)) include key as k include header 'h' as hh include partition with (connector = 'kafka', scan.startup.mode = 'earliest', properties.bootstrap.server = 'x', 'quoted.key' = 1, flag = true) format plain encode json (a = 1) on error into e)sql",
                R"sql(create table t (a int primary key, b varchar(10) not null default 'x', c numeric(10,2) default 5 not null, d text[]) append only on conflict overwrite)sql",
                R"sql(create materialized view if not exists mv (a, b) with (ttl = '1 day') on error skip as select a, b from t emit on window close emit late into l)sql",
                R"sql(select * from tumble(t, ts, interval '1' minute) as w, table(hop(table s.t, descriptor(ts), interval '5' minutes, interval '10' minutes)) x (a, b), lateral table(f(1)), session(data => table t partition by (a, b), timecol => descriptor(ts), gap => interval '1' second), session(t partition by a, ts, '1 s'), tumble((select 1), ts, '1 s'), tumble(t, ts, interval '1' days) where exists (table t) and f((table t)) in (table s.t); insert into t (table u))sql",
                R"sql(create table `t``x` (`a` string comment 'it''s', b bigint metadata from 'offset' virtual, c int metadata, d timestamp(3) with local time zone metadata, e timestamp_ltz(3), f as proctime(), g int generated always as (a + 1) stored comment 'g', h as a + 1 comment 'h', i array<int>, j bytes, k int primary key not enforced, metadata int, map int, primary key (a, b) not enforced, watermark for e as e - interval '5' second) comment 'x' with ('connector' = 'kafka', 'value.format' = 'json'))sql",
                R"sql(create sink s into t (a, b) as select 1, 2; create sink if not exists s into t from v; begin statement set; execute statement set begin insert into a select 1; insert into b select 2; end; execute statement; execute statement (1); set 'sql-client.execution.result-mode' = 'tableau')sql",
                R"sql(insert into t (a, b) values (1, default), (2, 3) on conflict (a) do update set b = excluded.b where t.a > 1 returning *, a as x)sql",
                R"sql(insert into t default values)sql",
                R"sql(update t as x set a = 1, (b, c) = (2, default), (d, e) = (select 1, 2) from u where x.a = u.a returning a)sql",
                R"sql(delete from t x using u where x.a = u.a)sql",
                R"sql(drop materialized view if exists a, b cascade)sql",
                R"sql(set a.b to 'x', 1, on)sql",
                R"sql(set time zone 'UTC'; set session x = default; reset all; show all; show transaction isolation level; show tables from s; show columns from t; show materialized views; show create materialized view x)sql",
                R"sql(begin isolation level read committed, read only; commit; rollback; start transaction; end; abort; savepoint a; rollback to savepoint a; release a)sql",
                R"sql(explain (analyze, verbose false) select 1; explain analyze verbose select 1; explain create materialized view m as select 1)sql",
                R"sql(prepare p (int, text) as select $1; execute p (1, 'x'); deallocate all)sql",
                R"sql(copy t (a, b) from stdin with (format csv, header, delimiter ';', null 'x') where a > 1; copy t from stdin csv header delimiter as ';'; copy s.t to stdout; copy (select a from t) to stdout (header false); copy (delete from t returning a) to stdout)sql",
                R"sql(alter table if exists s.t rename to u; alter view v rename column a to b; alter table t rename a to b; alter table t add column if not exists x int not null default 5; comment on table t is 'x'; comment on column s.t.a is null; comment on function f(int) is 'y'; alter source s pause; alter materialized view if exists v resume)sql",
                R"sql(create index if not exists i on s.t using btree (a, b desc nulls last) include (c) where a > 1; create unique index on t (a); create index concurrently i on only t ((a + 1), lower(b)); drop index if exists i, j; refresh materialized view concurrently s.v with data; explain analyze materialized view v; explain (analyze) materialized view s.v)sql",
                R"sql(declare c binary insensitive no scroll cursor with hold for select 1; fetch c; fetch next from c; fetch -3 in c; fetch backward all c; fetch absolute -1 from c; move relative 2 c; fetch all from c; fetch last c; close c; close all; discard plans; discard temporary)sql",
                R"sql(create table if not exists t (a, b) as select 1, 2 with no data; create table t as values (1) with data; insert into t values (1) on conflict on constraint t_pkey do nothing)sql",
                R"sql(alter table t add column x int; copy t from stdin; create index i on t (a); create unique index i on t(a); discard all; close all; declare c cursor for select 1; refresh materialized view x; create function f() returns int language sql as $$ select 1 $$)sql",
                R"sql(select date '2020-01-01', timestamp with time zone 'x', timestamp 'x', interval '1' day, interval '1' hour to second(3), interval(3) '1', time 'x', double precision '1', character varying(3) 'x', int4 '5', pg_catalog.int4 '5')sql",
                R"sql(select extract(year from x), substring(a from 1 for 2), substring(a for 2), substring(a, 1), position('a' in b), trim(both 'x' from y), trim(leading from y), trim(y), overlay(a placing b from 1 for 2), current_date, current_timestamp(3), current_user, left(a, 1), right(b, 2), coalesce(a, b), x at time zone 'UTC', x collate "C", x operator(pg_catalog.~) 'y' collate pg_catalog.default)sql",
                R"sql(select a from t where a = any (select 1) or b > all (array[1]) or c like any (array['x']) or d is not distinct from e or f is null or g is not true or h isnull or i notnull)sql",
                R"sql(select 1 as select, 2 as "from", key, value, name, date, timestamp, year, day, hour, source, type, count, position from t)sql",
                R"sql(with recursive a (x) as (select 1 union all select x + 1 from a where x < 5), b as materialized (select 2) select * from a, b)sql",
                R"sql(select case when a then b else c end, case x when 1 then 2 end, not not a, - - 5, - a, + a, @ a, a || b || c, a -> 'b' ->> 'c', a @> b, a <@ b, a ? b, a #>> b, ~ a & b | c # d << 1 >> 2)sql",
                R"sql(select E'a\nb\\\'\u00e9', U&'\0441', $$a'b$$, $x$ $$ $x$, 'a' 
'b', 'it''s', N'x', 1e5, .5, 1., 12345678901234567890, 9223372036854775807, -9223372036854775808)sql",
                R"sql(select * from generate_series(1, 10) with ordinality as g(a, b), unnest(array[1]) u, json_to_record('{}') as x(a int, b text), (a join b on true) , (a join b on true) j, only t)sql",
                R"sql(table x)sql",
                R"sql(select * from a asof join b on a.k = b.k and a.t >= b.t asof left outer join c using (k, t), o join r for system_time as of o.t as x (y) on o.k = x.k left join s as z for system_time as of proctime() on true join u for system_time as of o.t + interval '1 day' v on true, asof as asof, t system_time; select 1 asof, 2 system_time for update)sql",
                R"sql(create function f() returns int language sql as $$ select 1 $$; create function s.f(a int, text) returns setof numeric(10, 2) language 'SQL' strict immutable parallel safe as 'select 1'; create or replace function g(int) returns table (a int, b text) language sql called on null input as 'x'; create function h(a int) returns int returns null on null input return a + 1; drop function if exists f, g(int, a text), h() cascade)sql",
                R"sql(truncate t; truncate table only a.t restart identity cascade)sql",
                R"sql(create schema s; create schema if not exists "S x" authorization root; create schema authorization current_user; drop schema if exists s, t cascade)sql",
                R"sql(select)sql",
                R"sql(select from t)sql",
                R"sql(values (1, (select 1)), ((select 2), 3), ((select 3)))sql",
                R"sql(select a, /* c /* nested */ */ b -- x
from t;;;  select 2;)sql",
                R"sql(describe t; flush)sql",
                R"sql(select sum(a) over w, rank() over (w order by b) from t window w as (partition by a), x as (order by c range between unbounded preceding and 1 following exclude ties))sql",
                R"sql(select percentile_cont(0.5) within group (order by x desc), f(a => 1, b := 2), f(variadic array[1]), grouping(a))sql",
                R"sql(select * from t fetch first 5 rows only)sql",
                R"sql(select * from t order by a fetch first row with ties)sql",
                R"sql(select a.b.c.d, "Quoted ""x""".y, ABC, "select" from "T")sql",
                R"sql(select row(1), row(), trim(y), timestamp(3) 'x', character varying(3) 'x', timestamp from t)sql",
                R"sql(SELECT c.relchecks OPERATOR(pg_catalog.=) ANY (ARRAY['a'::"char"]), 'x'::pg_catalog.char, x::text[]::int[3][4])sql",
};

}  // namespace forebay::sql
