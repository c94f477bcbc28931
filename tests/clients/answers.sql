-- Statements that PostgreSQL and the server on DuckDB answer alike: column names, types, values, SQLSTATEs.
-- One statement a line, in order, in one session. A line that begins with `?` has a value that is never the same.
-- `differs: x` says that the next one is answered otherwise, for the reason that docs/differences.md has under x.

CREATE TABLE people (id integer PRIMARY KEY, name text NOT NULL, born date, score numeric(8,2), tags text[], weight float8, joined timestamp, seen timestamptz, active boolean, big bigint, small smallint, doc jsonb)
INSERT INTO people VALUES (1, 'Ada Lovelace', '1815-12-10', 12.50, '{math,code}', 55.5, '2024-01-15 10:20:30', '2024-01-15 10:20:30+00', true, 10000000000, 3, '{"a": 1, "b": [1, 2, {"c": "x"}], "d": null}')
INSERT INTO people VALUES (2, 'Grace O''Hara', '1906-12-09', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (3, 'Édith Bär', '1999-02-28', -3.25, '{}', -0.5, '2024-02-29 23:59:59.5', '2024-02-29 23:59:59.5+00', false, -7, -3, '[]')
CREATE TABLE orders (id integer PRIMARY KEY, person_id integer REFERENCES people (id), amount numeric(10,2) CHECK (amount > 0), placed timestamp NOT NULL DEFAULT '2024-01-01', note varchar(20))
INSERT INTO orders (id, person_id, amount, note) VALUES (1, 1, 10.00, 'first'), (2, 1, 20.00, 'second'), (3, 3, 5.50, NULL)

-- names of unnamed columns
SELECT true
SELECT NULL
SELECT 1, 'x', 1.5
SELECT 1 + 1, -1, NOT true
-- differs: numeric
SELECT 1::int8, '1'::text, 'x'::varchar, 1::float4, 1::float8, 1::int2, 1::numeric
SELECT CAST('2024-01-01' AS date), CAST('10:00' AS time), CAST('2024-01-01' AS timestamp), CAST('2024-01-01 00:00:00+00' AS timestamp with time zone)
SELECT id::text FROM people WHERE id = 1
SELECT (id + 1)::text FROM people WHERE id = 1
SELECT date '2024-01-01', interval '1 day', time '10:00', timestamp '2024-01-01 10:00:00'
SELECT true::bool, 'true'::boolean
SELECT CASE WHEN true THEN 1 ELSE 2 END
SELECT CASE WHEN true THEN 1 ELSE id END FROM people WHERE id = 1
SELECT CASE id WHEN 1 THEN 'a' END FROM people WHERE id = 1
SELECT coalesce(NULL, 1), nullif(1, 2), greatest(1, 2), least(1, 2)
SELECT ARRAY[1, 2], ARRAY['a']
SELECT ARRAY(SELECT id FROM people ORDER BY id)
SELECT EXISTS (SELECT 1), EXISTS (SELECT 1 WHERE false)
SELECT (SELECT 1), (SELECT id FROM people WHERE id = 1), (SELECT max(id) FROM people), (SELECT 2 AS two)
SELECT (ARRAY[1,2,3])[2], (ARRAY[1,2,3])[1:2]
SELECT tags[1] FROM people WHERE id = 1
SELECT people.id, people.name FROM people WHERE people.id = 1
SELECT upper(name), lower(name) FROM people WHERE id = 1
SELECT count(*), count(id), count(DISTINCT name) FROM people
SELECT sum(id), min(id), max(name) FROM people
SELECT sum(id) OVER (), row_number() OVER (ORDER BY id) FROM people ORDER BY id
SELECT count(*) FILTER (WHERE id > 1) FROM people
SELECT 1 = 1, 1 < 2, 'a' LIKE 'b', 1 IN (1, 2), 1 BETWEEN 0 AND 2, 1 IS NULL, true IS TRUE
SELECT 'a' || 'b', ARRAY[1] || ARRAY[2]
SELECT current_date IS NOT NULL
SELECT "name" FROM people WHERE id = 1
SELECT name AS "Full Name" FROM people WHERE id = 1
SELECT id Number FROM people WHERE id = 1
SELECT * FROM (SELECT 1 AS "b,c", 2 AS "D e", 3 AS "x(y)") t
SELECT * FROM (SELECT 1 AS "?column?", true AS "true", 3 AS "CAST(x)") t
SELECT t.* FROM (SELECT 1 AS "a+b") t
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v
SELECT * FROM (VALUES (1, 'a')) v(x, y)
VALUES (1, 'a'), (2, 'b')
SELECT extract(year FROM born) FROM people WHERE id = 1
SELECT position('a' IN name), substring(name FROM 1 FOR 3), trim(name), overlay(name placing 'x' from 1 for 2) FROM people WHERE id = 1
SELECT trim(both 'x' from 'xax'), ltrim('  a'), rtrim('a  '), btrim('xax', 'x')
-- differs: dates
SELECT born AT TIME ZONE 'UTC' FROM people WHERE id = 1
-- differs: jsonb
SELECT doc -> 'a', doc ->> 'a', doc #> '{b,2,c}', doc #>> '{b,2,c}' FROM people WHERE id = 1
SELECT row_to_json(people) IS NOT NULL FROM people WHERE id = 1
-- differs: widths
SELECT lag(id) OVER (ORDER BY id), lead(id, 1, 0) OVER (ORDER BY id), rank() OVER (ORDER BY id), dense_rank() OVER (ORDER BY id), ntile(2) OVER (ORDER BY id), first_value(id) OVER (ORDER BY id) FROM people ORDER BY id
SELECT percent_rank() OVER (ORDER BY id), cume_dist() OVER (ORDER BY id) FROM people ORDER BY id
SELECT 1 UNION SELECT 2 ORDER BY 1
SELECT id FROM people UNION ALL SELECT 9 ORDER BY id
WITH x AS (SELECT 1) SELECT * FROM x
WITH x(a, b) AS (SELECT 1, 2) SELECT a, b, a + b FROM x
SELECT current_user IS NOT NULL, session_user = current_user

-- numbers
SELECT 7 / 2, -7 / 2, 7 % 3, -7 % 3, 2 * 3
-- differs: numeric
SELECT 7.0 / 2
-- differs: numeric
SELECT 1 / 3.0
SELECT 10.5 + 1, 10.5 * 2, 10.5 - 0.5, -10.5
SELECT score * 2, score + 1, -score, abs(score) FROM people ORDER BY id
-- differs: numeric
SELECT score / 2 FROM people WHERE id = 1
-- differs: numeric
SELECT 2 ^ 3, 2.0 ^ 3
SELECT power(2, 3), sqrt(16), exp(0), ln(1), log(100)
-- differs: numeric
SELECT sqrt(16.0), power(2.0, 3)
-- differs: numeric
SELECT round(2.5), round(-2.5), round(1.2345, 2), round(2.5::float8), trunc(1.789), trunc(1.789, 1), ceil(1.2), floor(-1.2), ceiling(1.2)
-- differs: numeric
SELECT round(150, -2), round(1.5::float8::numeric, 1)
SELECT ceil(1.5::float8), floor(1.5::float8), trunc(1.5::float8)
-- differs: widths
SELECT abs(-5), abs(-5.5), sign(-5), sign(2.5), mod(7, 3), div(7, 2), mod(7.5, 2)
SELECT gcd(12, 18), lcm(4, 6), factorial(5)
SELECT pi(), degrees(pi()), radians(180.0), sin(0), cos(0), tan(0), atan2(1, 1), cbrt(27)
SELECT 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 3, 8 >> 1
SELECT |/ 16, ||/ 27, @ -5
SELECT greatest(1, 2.5), least(1, NULL, 3)
SELECT width_bucket(5.35, 0.024, 10.06, 5)
SELECT width_bucket(5::float8, 0, 10, 5)
SELECT num_nonnulls(1, NULL, 3), num_nulls(1, NULL)
-- differs: numeric
SELECT avg(id), avg(score), avg(weight), avg(small), avg(big) FROM people
SELECT sum(id), sum(score), sum(weight), sum(small), sum(big) FROM people
-- differs: numeric
SELECT sum(DISTINCT id), avg(DISTINCT id) FROM people
-- differs: sums
SELECT sum(DISTINCT id) FROM people
SELECT sum(id) FILTER (WHERE id > 1), coalesce(sum(id), 0), sum(CASE WHEN active THEN 1 ELSE 0 END), sum(1), sum(length(name)), sum(id * small), sum(id + 1)::text FROM people
SELECT sum(sum(id)) OVER (), sum(count(*)) OVER (ORDER BY id) FROM people GROUP BY id ORDER BY id
SELECT name, sum(id) AS total FROM people GROUP BY name HAVING sum(id) > 1 ORDER BY sum(id)
SELECT total FROM (SELECT sum(id) AS total FROM people) q
CREATE TABLE totals AS SELECT active, sum(id) AS total, count(*) FROM people GROUP BY active
SELECT total FROM totals ORDER BY total
DROP TABLE totals
SELECT sum(nope) FROM people
SELECT length(decode('dead', 'hex')), octet_length(name), octet_length(decode('dead', 'hex')), bit_length(name), length(max(name)) FROM people GROUP BY name ORDER BY name
CREATE TABLE bytes (id integer, data bytea)
INSERT INTO bytes VALUES (1, '\xdeadbeef'), (2, 'abc')
UPDATE bytes SET data = '\x00' WHERE id = 2
SELECT id, data, length(data) FROM bytes ORDER BY id
DROP TABLE bytes
-- differs: numeric
SELECT sum(id) FILTER (WHERE id > 1), avg(id) FILTER (WHERE id > 1) FROM people
-- differs: numeric
SELECT avg(id) OVER () FROM people WHERE id = 1
-- differs: numeric
SELECT round(avg(id), 2) FROM people
-- differs: numeric
SELECT round(avg(score), 1), round(sum(score), 1) FROM people
-- differs: numeric
SELECT stddev(id), variance(id), stddev_pop(id), var_pop(weight) FROM people
SELECT corr(id, weight), regr_count(id, weight), covar_pop(id, weight) FROM people
SELECT count(*)::int, count(*) + 1, sum(id) / count(*) FROM people
-- differs: numeric
SELECT 100.0 * sum(id) / count(*) FROM people
-- differs: numeric
SELECT sum(score) / sum(id) FROM people
-- differs: numeric
SELECT 1e10, 1e-5, 123456789012, 12345678901234567890
SELECT 1.5::float4, 1.1::float8, 1e300::float8, 'NaN'::float8, '-Infinity'::float8
-- differs: numeric
SELECT '1.50'::numeric, '1.50'::numeric(10,1), 1.005::numeric(10,2)
SELECT 1::numeric(10,2), 1::decimal(5)
-- differs: widths
SELECT 3::int2 + 4::int2, 3::int2 + 4, 3 + 4::int8
SELECT 1 / 0
SELECT 1.0 / 0
SELECT 100000::int2
SELECT 2147483647 + 1
SELECT 'abc'::int
-- differs: numeric
SELECT '12abc'::numeric
SELECT sqrt(-1)
SELECT ln(0)
SELECT int4 '5', bigint '6', float8 '1.5', boolean 't'
SELECT to_hex(255), to_hex(4294967295)
SELECT random() BETWEEN 0 AND 1
-- differs: numeric
SELECT scale(1.500), trim_scale(1.500), min_scale(1.500)
SELECT 7.5::int, 8.5::int, -7.5::int, '7'::int
SELECT 1::bool, 0::bool, true::int

-- text
SELECT length('héé'), char_length('abc'), character_length('abc'), octet_length('é'), bit_length('a')
SELECT upper('abc'), lower('ABC'), initcap('hello world-wide WEB')
SELECT substring('hello', 2, 3), substr('hello', 2), left('hello', 2), right('hello', 2), left('hello', -2), right('hello', -2)
SELECT substring('hello' from 'l+'), substring('foobar' from 'o(.)b')
-- differs: patterns
SELECT substring('foobar' similar 'fo#"ob#"ar' escape '#')
SELECT position('l' in 'hello'), strpos('hello', 'l')
SELECT replace('hello', 'l', 'L'), translate('hello', 'el', 'ip'), reverse('abc'), repeat('ab', 3)
SELECT lpad('5', 3, '0'), rpad('5', 3), lpad('hello', 2)
SELECT split_part('a,b,c', ',', 2), split_part('a,b,c', ',', -1), split_part('abc', ',', 2)
-- differs: text forms
SELECT concat('a', NULL, 1, true), concat_ws(',', 'a', NULL, 'b')
SELECT 'a' || 1, 1 || 'a', 'a' || NULL, 'x' || 1.5
SELECT ascii('a'), chr(97), md5('a')
-- differs: literals
SELECT encode(sha256('a'), 'hex'), encode('abc'::bytea, 'base64'), encode('\xff00'::bytea, 'hex'), decode('YWJj', 'base64'), decode('616263', 'hex')
SELECT encode('a\b'::bytea, 'escape')
SELECT sha256('abc'::bytea)
SELECT '\xdeadbeef'::bytea, length('\xdead'::bytea), 'abc'::bytea
-- differs: literals
SELECT convert_from('\x616263', 'UTF8'), convert_to('abc', 'UTF8')
SELECT regexp_replace('hello world', 'o', '0'), regexp_replace('hello world', 'o', '0', 'g'), regexp_replace('Hello', 'h', 'J', 'i'), regexp_replace('abc', '(b)', '[\1]')
SELECT regexp_match('foobarbequebaz', '(bar)(beque)'), regexp_match('foobar', 'o+'), regexp_match('abc', 'x')
SELECT regexp_matches('foobarbequebaz', 'ba.', 'g')
SELECT regexp_matches('foobar', 'o+')
SELECT regexp_split_to_array('a, b,c', ',\s*'), regexp_split_to_array('abc', '')
SELECT regexp_split_to_table('a b c', ' ')
SELECT * FROM regexp_split_to_table('a b c', ' ')
SELECT string_to_table('a,b', ',')
SELECT regexp_count('abcabc', 'b'), regexp_like('abc', 'B', 'i'), regexp_substr('foobar', 'o+'), regexp_instr('foobar', 'o+')
SELECT 'abc' ~ 'b', 'abc' ~* 'B', 'abc' !~ 'b', 'abc' !~* 'B'
-- differs: patterns
SELECT 'abc' ~ '^b', 'a1' ~ '\d', 'foo bar' ~ '\mbar'
SELECT 'abc' LIKE 'a%', 'abc' NOT LIKE 'a_', 'abc' ILIKE 'A%', 'a%c' LIKE 'a\%c', 'a%c' LIKE 'a#%c' ESCAPE '#'
SELECT 'abc' SIMILAR TO '(a|b)%', 'abc' SIMILAR TO 'a'
SELECT 'abc' ~~ 'a%', 'abc' ~~* 'A%', 'abc' !~~ 'x%'
SELECT starts_with('abc', 'ab'), 'abc' ^@ 'ab'
SELECT format('%s is %s', 'a', 1), format('%I = %L', 'my col', 'it''s'), format('%%'), format('%2$s %1$s', 'a', 'b'), format('%s', NULL)
-- differs: text forms
SELECT format('%5s|%-5s|', 'a', 'b')
SELECT quote_ident('abc'), quote_ident('My Col'), quote_literal('it''s'), quote_nullable(NULL), quote_literal(5), quote_literal(E'a\\b')
SELECT E'a\tb', E'a\\b', E'\x41', E'\u00e9', E'it\'s', E'\101'
SELECT U&'\0041', U&'d\0061t\+000061', U&'d!0061t' UESCAPE '!'
SELECT 'x'::char(3), 'abcdef'::char(3), 'abcdef'::varchar(3)
-- differs: lengths
SELECT length('x'::char(3)), 'x'::char(3) || '|', 'x'::char(3) = 'x  '::char(3)
-- differs: text forms
SELECT 'abc'::text, 'abc'::name, 'a'::"char"
SELECT $$dollar$$, $q$it's$q$
SELECT 'a' < 'B', 'a' COLLATE "C" < 'B'
-- differs: lacking
SELECT to_ascii('abc')
SELECT string_agg(name, ', ' ORDER BY id) FROM people
SELECT string_agg(DISTINCT active::text, ',' ORDER BY active::text) FROM people
SELECT unaccent('é')
SELECT strpos('abc', 'z'), ltrim('xxabc', 'x'), rtrim('abcxx', 'x')
-- differs: lacking
SELECT normalize('é'), unistr('\0041')
SELECT parse_ident('a."B c".d')
SELECT name FROM people WHERE name ILIKE '%ada%'
SELECT name COLLATE "C" FROM people ORDER BY name COLLATE "C"
SELECT overlay('abcdef' placing 'XX' from 3), overlay('abcdef' placing 'XX' from 3 for 1)
SELECT btrim('  a  '), trim(leading 'x' from 'xxa'), trim(trailing from 'a  ')

-- dates and times
-- differs: widths
SELECT date '2024-02-29' + 1, date '2024-03-01' - 1, date '2024-03-01' - date '2024-02-01'
SELECT date '2024-01-31' + interval '1 month', timestamp '2024-01-31' + interval '1 month', date '2024-01-01' + time '10:00'
SELECT timestamp '2024-03-01 12:00' - timestamp '2024-02-01', timestamp '2024-01-02' - interval '1 hour'
-- differs: grammar
SELECT interval '1 day' * 2, interval '1 hour' / 2, interval '1 day' + interval '2 hours', -interval '1 day'
-- differs: grammar
SELECT interval '1 year 2 months 3 days 04:05:06.789', interval '90 minutes', interval 'P1Y2M', interval '1' day, interval '1-2' year to month
SELECT extract(year FROM timestamp '2024-02-15 13:14:15.678'), extract(month FROM date '2024-02-15'), extract(day FROM date '2024-02-15'), extract(hour FROM timestamp '2024-02-15 13:14:15'), extract(minute FROM time '13:14:15')
SELECT extract(second FROM timestamp '2024-02-15 13:14:15.678'), extract(milliseconds FROM timestamp '2024-02-15 13:14:15.678'), extract(microseconds FROM timestamp '2024-02-15 13:14:15.678')
-- differs: dates
SELECT extract(epoch FROM timestamp '2024-02-15 13:14:15.5'), extract(epoch FROM interval '1 hour'), extract(epoch FROM date '2024-01-01')
SELECT extract(dow FROM date '2024-02-15'), extract(isodow FROM date '2024-02-18'), extract(doy FROM date '2024-02-15'), extract(week FROM date '2024-02-15'), extract(quarter FROM date '2024-02-15'), extract(century FROM date '2024-02-15'), extract(decade FROM date '2024-02-15'), extract(millennium FROM date '2024-02-15'), extract(isoyear FROM date '2024-12-30')
-- differs: dates
SELECT extract(julian FROM date '2024-02-15')
SELECT extract(day FROM interval '3 days 2 hours'), extract(hour FROM interval '26 hours')
SELECT date_part('year', date '2024-02-15'), date_part('epoch', timestamp '2024-02-15 13:14:15.5'), date_part('second', time '13:14:15.5')
-- differs: dates
SELECT date_trunc('month', timestamp '2024-02-15 13:14'), date_trunc('hour', timestamptz '2024-02-15 13:14+00'), date_trunc('week', date '2024-02-15')
SELECT date_trunc('day', interval '3 days 2 hours'), date_trunc('quarter', timestamp '2024-05-05')
SELECT date_trunc('day', timestamptz '2024-02-15 13:14+00', 'UTC')
SELECT age(timestamp '2024-03-01', timestamp '2024-01-31'), age(date '2024-01-02', date '2023-01-01')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamp '2024-02-05 13:04:05.678', 'YY/M D'), to_char(timestamp '2024-02-05 13:04:05.678', 'HH12:MI:SS.MS AM'), to_char(timestamp '2024-02-05 13:04:05.678', 'HH:MI:SS.US pm')
SELECT to_char(date '2024-02-05', 'Month'), to_char(date '2024-02-05', 'FMMonth DD, YYYY'), to_char(date '2024-02-05', 'MON mon Mon'), to_char(date '2024-02-05', 'Day'), to_char(date '2024-02-05', 'FMDay DY Dy dy'), to_char(date '2024-02-05', 'MONTH'), to_char(date '2024-02-05', 'FMmonth')
SELECT to_char(date '2024-02-05', 'DDD DD D ID'), to_char(date '2024-02-05', 'WW IW IYYY IY W'), to_char(date '2024-02-05', 'Q'), to_char(date '2024-02-05', 'J'), to_char(date '2024-02-05', 'CC'), to_char(date '2024-02-05', '"Year:" YYYY'), to_char(date '2024-02-05', 'FMMM/FMDD/YYYY'), to_char(date '2024-02-05', 'DDth FMDDth')
SELECT to_char(interval '1 day 02:03:04', 'DD HH24:MI:SS'), to_char(interval '26 hours', 'HH24:MI')
SELECT to_char(timestamptz '2024-02-05 13:04:05+00', 'YYYY-MM-DD"T"HH24:MI:SSOF'), to_char(timestamptz '2024-02-05 13:04:05+00', 'TZ')
SELECT to_char(NULL::timestamp, 'YYYY'), to_char(timestamp '2024-02-05 13:04:05', 'YYYYMMDDHH24MISS'), to_char(timestamp '2024-02-05 13:04:05', 'Y,YYY YYY Y'), to_char(timestamp '2024-02-05 00:04:05', 'HH12 SSSS')
SELECT to_char(1234.5, '9999.99'), to_char(1234.5, 'FM9999.99'), to_char(1234.567, '9,999.99'), to_char(-5, '999'), to_char(5, '000'), to_char(5, 'FM000'), to_char(0.5, '0.99'), to_char(0.5, '9.99'), to_char(1234567, '9,999,999'), to_char(1234567, 'FM9,999,999')
SELECT to_char(125, '999'), to_char(12345, '999'), to_char(-12.5, 'S99.9'), to_char(12.5, '99.9MI'), to_char(-12.5, '99.9PR'), to_char(12.5, 'FM$99.90'), to_char(1.5, 'FM990.00'), to_char(0, '99'), to_char(12, '99th')
-- differs: lacking
SELECT to_char(1234.5::float8, 'FM9G999D00'), to_char(0.25::float8, 'FM90.0%'), to_char(NULL::int, '99'), to_char(485, '9 9 9')
SELECT to_char(1234.5, '9999.99'), to_char(-5, '9999.99'), to_char(0, '9999.99'), to_char(0.5, '9999.99'), to_char(-12.5, '9999.99'), to_char(1234567, '9999.99'), to_char(113, '9999.99'), to_char(99.995, '9999.99'), to_char(1.1::float8, '9999.99'), to_char(-7::int, '9999.99')
SELECT to_char(1234.5, 'FM9,999,990.00'), to_char(-5, 'FM9,999,990.00'), to_char(0, 'FM9,999,990.00'), to_char(0.5, 'FM9,999,990.00'), to_char(-12.5, 'FM9,999,990.00'), to_char(1234567, 'FM9,999,990.00'), to_char(113, 'FM9,999,990.00'), to_char(99.995, 'FM9,999,990.00'), to_char(1.1::float8, 'FM9,999,990.00'), to_char(-7::int, 'FM9,999,990.00')
SELECT to_char(1234.5, '000'), to_char(-5, '000'), to_char(0, '000'), to_char(0.5, '000'), to_char(-12.5, '000'), to_char(1234567, '000'), to_char(113, '000'), to_char(99.995, '000'), to_char(1.1::float8, '000'), to_char(-7::int, '000')
SELECT to_char(1234.5, 'S99.9'), to_char(-5, 'S99.9'), to_char(0, 'S99.9'), to_char(0.5, 'S99.9'), to_char(-12.5, 'S99.9'), to_char(1234567, 'S99.9'), to_char(113, 'S99.9'), to_char(99.995, 'S99.9'), to_char(1.1::float8, 'S99.9'), to_char(-7::int, 'S99.9')
SELECT to_char(1234.5, '99.9MI'), to_char(-5, '99.9MI'), to_char(0, '99.9MI'), to_char(0.5, '99.9MI'), to_char(-12.5, '99.9MI'), to_char(1234567, '99.9MI'), to_char(113, '99.9MI'), to_char(99.995, '99.9MI'), to_char(1.1::float8, '99.9MI'), to_char(-7::int, '99.9MI')
SELECT to_char(1234.5, '99.9PR'), to_char(-5, '99.9PR'), to_char(0, '99.9PR'), to_char(0.5, '99.9PR'), to_char(-12.5, '99.9PR'), to_char(1234567, '99.9PR'), to_char(113, '99.9PR'), to_char(99.995, '99.9PR'), to_char(1.1::float8, '99.9PR'), to_char(-7::int, '99.9PR')
SELECT to_char(1234.5, '$999,999.00'), to_char(-5, '$999,999.00'), to_char(0, '$999,999.00'), to_char(0.5, '$999,999.00'), to_char(-12.5, '$999,999.00'), to_char(1234567, '$999,999.00'), to_char(113, '$999,999.00'), to_char(99.995, '$999,999.00'), to_char(1.1::float8, '$999,999.00'), to_char(-7::int, '$999,999.00')
SELECT to_char(1234.5, 'FM999.009'), to_char(-5, 'FM999.009'), to_char(0, 'FM999.009'), to_char(0.5, 'FM999.009'), to_char(-12.5, 'FM999.009'), to_char(1234567, 'FM999.009'), to_char(113, 'FM999.009'), to_char(99.995, 'FM999.009'), to_char(1.1::float8, 'FM999.009'), to_char(-7::int, 'FM999.009')
SELECT to_char(1234.5, '99th'), to_char(-5, '99th'), to_char(0, '99th'), to_char(0.5, '99th'), to_char(-12.5, '99th'), to_char(1234567, '99th'), to_char(113, '99th'), to_char(99.995, '99th'), to_char(1.1::float8, '99th'), to_char(-7::int, '99th')
SELECT to_char(1234.5, 'FM99TH'), to_char(-5, 'FM99TH'), to_char(0, 'FM99TH'), to_char(0.5, 'FM99TH'), to_char(-12.5, 'FM99TH'), to_char(1234567, 'FM99TH'), to_char(113, 'FM99TH'), to_char(99.995, 'FM99TH'), to_char(1.1::float8, 'FM99TH'), to_char(-7::int, 'FM99TH')
SELECT to_char(1234.5, 'SG99'), to_char(-5, 'SG99'), to_char(0, 'SG99'), to_char(0.5, 'SG99'), to_char(-12.5, 'SG99'), to_char(1234567, 'SG99'), to_char(113, 'SG99'), to_char(99.995, 'SG99'), to_char(1.1::float8, 'SG99'), to_char(-7::int, 'SG99')
SELECT to_char(1234.5, 'PL99'), to_char(-5, 'PL99'), to_char(0, 'PL99'), to_char(0.5, 'PL99'), to_char(-12.5, 'PL99'), to_char(1234567, 'PL99'), to_char(113, 'PL99'), to_char(99.995, 'PL99'), to_char(1.1::float8, 'PL99'), to_char(-7::int, 'PL99')
SELECT to_char(1234.5, 'L99.99'), to_char(-5, 'L99.99'), to_char(0, 'L99.99'), to_char(0.5, 'L99.99'), to_char(-12.5, 'L99.99'), to_char(1234567, 'L99.99'), to_char(113, 'L99.99'), to_char(99.995, 'L99.99'), to_char(1.1::float8, 'L99.99'), to_char(-7::int, 'L99.99')
SELECT to_char(1234.5, '990D0'), to_char(-5, '990D0'), to_char(0, '990D0'), to_char(0.5, '990D0'), to_char(-12.5, '990D0'), to_char(1234567, '990D0'), to_char(113, '990D0'), to_char(99.995, '990D0'), to_char(1.1::float8, '990D0'), to_char(-7::int, '990D0')
SELECT to_char(1234.5, '.99'), to_char(-5, '.99'), to_char(0, '.99'), to_char(0.5, '.99'), to_char(-12.5, '.99'), to_char(1234567, '.99'), to_char(113, '.99'), to_char(99.995, '.99'), to_char(1.1::float8, '.99'), to_char(-7::int, '.99')
SELECT to_char(1234.5, 'FM90.0%'), to_char(-5, 'FM90.0%'), to_char(0, 'FM90.0%'), to_char(0.5, 'FM90.0%'), to_char(-12.5, 'FM90.0%'), to_char(1234567, 'FM90.0%'), to_char(113, 'FM90.0%'), to_char(99.995, 'FM90.0%'), to_char(1.1::float8, 'FM90.0%'), to_char(-7::int, 'FM90.0%')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'YYYY-MM-DD HH24:MI:SS'), to_char(date '2023-12-31', 'YYYY-MM-DD HH24:MI:SS'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'YYYY-MM-DD HH24:MI:SS')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'HH12:MI:SS.MS AM'), to_char(date '2023-12-31', 'HH12:MI:SS.MS AM'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'HH12:MI:SS.MS AM')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'FMMonth DDth, YYYY'), to_char(date '2023-12-31', 'FMMonth DDth, YYYY'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'FMMonth DDth, YYYY')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'Day DD month'), to_char(date '2023-12-31', 'Day DD month'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'Day DD month')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'DDD D ID WW W IW IYYY Q J CC'), to_char(date '2023-12-31', 'DDD D ID WW W IW IYYY Q J CC'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'DDD D ID WW W IW IYYY Q J CC')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'YYYY-MM-DD"T"HH24:MI:SSOF'), to_char(date '2023-12-31', 'YYYY-MM-DD"T"HH24:MI:SSOF'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'YYYY-MM-DD"T"HH24:MI:SSOF')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'Y,YYY YYY Y RM SSSS FF2 a.m. BC TZH:TZM'), to_char(date '2023-12-31', 'Y,YYY YYY Y RM SSSS FF2 a.m. BC TZH:TZM'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'Y,YYY YYY Y RM SSSS FF2 a.m. BC TZH:TZM')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'Dy, DD Mon YY'), to_char(date '2023-12-31', 'Dy, DD Mon YY'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'Dy, DD Mon YY')
SELECT to_char(timestamp '2024-02-05 13:04:05.678', 'IDDD IYY FMRM TMDay FMHH24 FMDDD'), to_char(date '2023-12-31', 'IDDD IYY FMRM TMDay FMHH24 FMDDD'), to_char(timestamptz '2024-11-22 00:00:09.000123+00', 'IDDD IYY FMRM TMDay FMHH24 FMDDD')
SELECT to_char(interval '1 day 02:03:04.5', 'DD HH24:MI:SS.MS'), to_char(interval '14 months 100 hours', 'YYYY MM FMHH24'), to_char(time '10:20:30', 'HH12:MI AM')
SELECT to_char(interval '1 day', 'Month')
SELECT to_char(born, 'YYYY-MM') AS month, count(*) FROM people GROUP BY to_char(born, 'YYYY-MM') ORDER BY 1
-- differs: lacking
SELECT to_char(12, '99V9')
SELECT to_date('2024-02-05', 'YYYY-MM-DD'), to_date('05 Feb 2024', 'DD Mon YYYY'), to_date('20240205', 'YYYYMMDD'), to_date('02/05/24', 'MM/DD/YY')
SELECT to_timestamp('2024-02-05 13:04:05', 'YYYY-MM-DD HH24:MI:SS'), to_timestamp(1700000000), to_timestamp(1700000000.5)
SELECT to_number('1,234.5', '9,999.9'), to_number('-12', 'S99')
SELECT make_date(2024, 2, 5), make_time(1, 2, 3.5), make_timestamp(2024, 2, 5, 1, 2, 3.5), make_interval(days => 3), make_interval(1, 2, 3, 4, 5, 6, 7.5)
SELECT justify_days(interval '35 days'), justify_hours(interval '27 hours'), justify_interval(interval '1 mon -1 hour')
SELECT timestamp '2024-01-01 10:00' AT TIME ZONE 'America/New_York', timestamptz '2024-01-01 10:00+00' AT TIME ZONE 'America/New_York', timezone('UTC', timestamp '2024-01-01')
SELECT now() = current_timestamp, now() = transaction_timestamp(), clock_timestamp() >= now(), statement_timestamp() >= now()
? SELECT now(), current_timestamp, clock_timestamp(), statement_timestamp(), transaction_timestamp()
? SELECT current_date, localtimestamp, localtime, current_time
? SELECT timeofday()
SELECT generate_series(1, 3)
SELECT * FROM generate_series(1, 3)
SELECT * FROM generate_series(1, 10, 4) AS g(n)
SELECT * FROM generate_series(3, 1, -1) n
SELECT * FROM generate_series(date '2024-01-01', date '2024-01-03', interval '1 day')
SELECT * FROM generate_series(timestamp '2024-01-01', timestamp '2024-01-02', interval '12 hours') g
SELECT d::date FROM generate_series(date '2024-01-01', date '2024-01-03', '1 day') d
SELECT n, n * 2 FROM generate_series(1, 2) AS n
-- differs: lacking
SELECT * FROM generate_series(1.0, 2.0, 0.5) n
SELECT date 'infinity', timestamp '-infinity', isfinite(date '2024-01-01')
SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', date '2024-03-01')
SELECT date_bin('15 minutes', timestamp '2024-02-05 13:04:05', timestamp '2001-01-01')
SELECT '2024-02-30'::date
SELECT 'x'::timestamp
SELECT date '2024-01-01' < timestamp '2024-01-01 00:00:01', date '2024-01-01' = '2024-01-01'
SELECT born::timestamp, born::text, joined::date, joined::time, seen::timestamp, joined::text, seen::text FROM people ORDER BY id
-- differs: lengths
SELECT timestamp '2024-01-01 10:20:30.123456'::timestamp(0), time '10:20:30.6'::time(0), timestamptz '2024-01-01 10:20:30.123456+00'::timestamptz(3)
SELECT interval '1 day'::text, '1 day'::interval, interval '1.5 days'
-- differs: literals
SELECT 'tomorrow'::date > 'today'::date

-- arrays
SELECT array_length(ARRAY[1,2,3], 1), cardinality(ARRAY[1,2,3]), array_upper(ARRAY[1,2], 1), array_lower(ARRAY[1,2], 1), array_ndims(ARRAY[1,2]), array_length(ARRAY[]::int[], 1), cardinality(ARRAY[]::int[])
SELECT array_position(ARRAY['a','b'], 'b'), array_position(ARRAY[1,2], 3), array_positions(ARRAY[1,2,1], 1)
SELECT array_append(ARRAY[1], 2), array_prepend(0, ARRAY[1]), array_cat(ARRAY[1], ARRAY[2]), array_remove(ARRAY[1,2,1], 1), array_replace(ARRAY[1,2], 2, 3)
SELECT array_to_string(ARRAY[1,NULL,3], ','), array_to_string(ARRAY['a',NULL], ',', '*'), string_to_array('a,b', ','), string_to_array('a,,b', ',', ''), string_to_array('abc', NULL)
-- differs: grammar
SELECT ARRAY[1,2] || 3, 0 || ARRAY[1], ARRAY[1] || ARRAY[2,3]
SELECT ARRAY[1,2] @> ARRAY[1], ARRAY[1] <@ ARRAY[1,2], ARRAY[1,2] && ARRAY[2,3], ARRAY[1,2] = ARRAY[1,2], ARRAY[1,2] < ARRAY[1,3]
SELECT 1 = ANY(ARRAY[1,2]), 3 = ALL(ARRAY[3,3]), 1 <> ALL(ARRAY[2]), 'a' = ANY('{a,b}')
SELECT unnest(ARRAY[1,2])
SELECT * FROM unnest(ARRAY[1,2])
SELECT * FROM unnest(ARRAY['a','b']) WITH ORDINALITY
SELECT * FROM unnest(ARRAY['a','b']) WITH ORDINALITY AS t(v, n)
SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) AS t(a, b)
SELECT * FROM generate_series(5, 6) WITH ORDINALITY
-- differs: text forms
SELECT array_agg(id ORDER BY id DESC), array_agg(DISTINCT active) FROM people
SELECT array_agg(id) FILTER (WHERE id > 5) FROM people
SELECT tags, array_length(tags, 1), tags[1], tags[1:1] FROM people ORDER BY id
-- differs: literals
SELECT '{1,2,NULL}'::int[], '{"a b",c}'::text[], '{{1,2},{3,4}}'::int[], ARRAY[[1,2],[3,4]]
SELECT (ARRAY[1,2,3])[5], (ARRAY[[1,2],[3,4]])[2][1]
-- differs: text forms
SELECT ARRAY[1,2.5], ARRAY[NULL, 1], ARRAY['a', NULL]
SELECT p.id, t.tag FROM people p CROSS JOIN LATERAL unnest(p.tags) AS t(tag) ORDER BY 1, 2
SELECT p.id, tag FROM people p, unnest(p.tags) tag ORDER BY 1, 2
SELECT generate_subscripts(ARRAY['a','b'], 1)
SELECT trim_array(ARRAY[1,2,3], 1), array_fill(7, ARRAY[2])
-- differs: text forms
SELECT ARRAY[1,2]::text[], ARRAY[1,2]::text, '{}'::text[]
SELECT array_to_json(ARRAY[1,2]), to_json(ARRAY['a'])
SELECT array_dims(ARRAY[1,2,3])
SELECT id FROM people WHERE id = ANY('{1,3}'::int[]) ORDER BY id
SELECT id FROM people WHERE 'math' = ANY(tags)

-- json
-- differs: jsonb
SELECT '{"a": {"b": 1}}'::jsonb -> 'a' ->> 'b', '{"a": 1}'::json -> 'a', '[1,2]'::jsonb -> 0, '[1,2]'::jsonb ->> -1
-- differs: jsonb
SELECT '{"a": {"b": 1}}'::jsonb #> '{a,b}', '{"a": {"b": 1}}'::jsonb #>> '{a,b}'
SELECT '{"a": 1, "b": 2}'::jsonb @> '{"a": 1}', '{"a": 1}'::jsonb <@ '{"a": 1, "b": 2}', '{"a": 1}'::jsonb ? 'a', '{"a": 1}'::jsonb ?| ARRAY['x','a'], '{"a": 1}'::jsonb ?& ARRAY['x','a']
-- differs: jsonb
SELECT '{"a": 1}'::jsonb || '{"b": 2}', '{"a": 1, "b": 2}'::jsonb - 'a', '[1,2]'::jsonb - 0, '{"a": {"b": 1}}'::jsonb #- '{a,b}'
-- differs: jsonb
SELECT '{"b": 1, "a":2}'::jsonb, '{"b": 1, "a":2}'::json, '[1,2 ]'::jsonb, 'null'::jsonb, '"x"'::jsonb
-- differs: jsonb
SELECT '{"a":1}'::jsonb = '{"a": 1}'::jsonb
-- differs: jsonb
SELECT json_build_object('a', 1, 'b', 'x'), jsonb_build_object('a', 1, 'b', NULL), json_build_array(1, 'a', NULL), jsonb_build_array(1, 2)
-- differs: lacking
SELECT json_object('{a,1,b,2}'), jsonb_object(ARRAY['a','b'], ARRAY['1','2'])
-- differs: jsonb
SELECT json_agg(id ORDER BY id), jsonb_agg(name ORDER BY id) FROM people
-- differs: lacking
SELECT json_object_agg(id, name ORDER BY id), jsonb_object_agg(id, name) FROM people
-- differs: jsonb
SELECT to_json('a'::text), to_jsonb(1), to_jsonb('a'::text), to_json(true), to_jsonb(ARRAY[1,2])
SELECT row_to_json(t) FROM (SELECT 1 AS a, 'x' AS b) t
-- differs: jsonb
SELECT to_jsonb(t) FROM (SELECT 1 AS a, 'x' AS b) t
SELECT json_array_length('[1,2,3]'), jsonb_array_length('[1,2]'::jsonb)
SELECT jsonb_typeof('{}'::jsonb), jsonb_typeof('1'::jsonb), json_typeof('"a"'), jsonb_typeof('null'), jsonb_typeof('[]'), jsonb_typeof('true')
-- differs: jsonb
SELECT jsonb_extract_path('{"a": {"b": 1}}'::jsonb, 'a', 'b'), jsonb_extract_path_text('{"a": {"b": 1}}'::jsonb, 'a', 'b'), json_extract_path_text('{"a": 1}', 'a')
SELECT * FROM json_each('{"a": 1, "b": "x"}') ORDER BY key
SELECT * FROM jsonb_each_text('{"a": 1, "b": "x"}'::jsonb) ORDER BY key
-- differs: jsonb
SELECT * FROM jsonb_array_elements('[1, "a"]'::jsonb)
SELECT * FROM jsonb_array_elements_text('[1, "a"]'::jsonb)
SELECT * FROM jsonb_object_keys('{"a": 1, "b": 2}'::jsonb)
-- differs: jsonb
SELECT jsonb_array_elements('[1,2]'::jsonb)
-- differs: jsonb
SELECT p.id, e.value FROM people p, jsonb_array_elements(p.doc -> 'b') AS e(value) WHERE p.id = 1
-- differs: jsonb
SELECT jsonb_set('{"a": 1}'::jsonb, '{a}', '2'), jsonb_insert('{"a": [1]}'::jsonb, '{a,0}', '0')
-- differs: jsonb
SELECT jsonb_strip_nulls('{"a": null, "b": 1}'::jsonb), jsonb_pretty('{"a": 1}'::jsonb)
SELECT (doc ->> 'a')::int + 1, doc -> 'd' IS NULL, doc ->> 'd' IS NULL FROM people WHERE id = 1
SELECT id FROM people WHERE doc @> '{"a": 1}'
-- differs: jsonb
SELECT jsonb_path_query_first('{"a": [1,2]}'::jsonb, '$.a[1]'), jsonb_path_exists('{"a": 1}'::jsonb, '$.a')
SELECT '{'::json
SELECT * FROM jsonb_to_record('{"a": 1, "b": "x"}'::jsonb) AS x(a int, b text)
SELECT * FROM jsonb_to_recordset('[{"a": 1}, {"a": 2}]'::jsonb) AS x(a int)

SELECT 'a_c' LIKE 'a\_c', 'abc' LIKE 'a\_c', 'A_C' ILIKE 'a\_c', 'abc' NOT LIKE 'a\_c', 'abc' NOT ILIKE 'a\_c', 'a\c' LIKE 'a\\c'
SELECT x, x LIKE p, x NOT LIKE p FROM (VALUES ('a_c', 'a\_c'), ('abc', 'a\_c'), ('abc', 'a_c'), ('abc', NULL)) v(x, p)
SELECT sign(-2), sign(2.5::float8), sign(0)
SELECT small FROM people WHERE small IS NOT NULL ORDER BY abs(small) FETCH FIRST 1 ROW WITH TIES
SELECT id, active FROM people ORDER BY active NULLS LAST OFFSET 1 FETCH FIRST 1 ROWS WITH TIES
SELECT count(*) FROM people TABLESAMPLE SYSTEM (100)
CREATE TABLE short (id integer, name varchar(5), code char(2))
WITH n AS (SELECT 1 AS id, 'cte' AS name) INSERT INTO short (id, name) SELECT * FROM n RETURNING id
WITH n AS (SELECT 2 AS id, 'far too long' AS name) INSERT INTO short (id, name) SELECT * FROM n
WITH n(a) AS (SELECT 'insert') INSERT INTO short (id, name) SELECT 3, a FROM n
WITH n AS (SELECT 4) INSERT INTO short (id, code) VALUES (4, 'abc')
WITH n AS (SELECT 1 AS id, 'far too long' AS name) UPDATE short SET name = n.name FROM n WHERE short.id = n.id
WITH n AS (SELECT 1 AS id, 'ok      ' AS name) UPDATE short SET name = n.name FROM n WHERE short.id = n.id RETURNING short.name
MERGE INTO short USING (VALUES (1, 'm'), (5, 'new')) s(id, name) ON short.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)
MERGE INTO short USING (VALUES (1, 'much too long')) s(id, name) ON short.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name
MERGE INTO short AS t USING (VALUES (9, 'much too long')) s(id, name) ON t.id = s.id WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)
MERGE INTO short USING (VALUES (8, 'much too long')) s(id, name) ON short.id = s.id WHEN NOT MATCHED AND s.id > 1 THEN INSERT VALUES (s.id, s.name) WHEN MATCHED THEN DELETE
SELECT id, name, code FROM short ORDER BY id
DROP TABLE short

-- what was drawn last
SELECT lastval() AS v1
CREATE SEQUENCE sq
SELECT nextval('sq'), currval('sq'), lastval()
SELECT setval('sq', 10), nextval('sq'), lastval()
CREATE TABLE ser (id serial PRIMARY KEY, v text)
CREATE TABLE plain (a int)
INSERT INTO ser (v) VALUES ('a') RETURNING id
SELECT lastval() AS v2
INSERT INTO ser (v) VALUES ('b')
INSERT INTO plain VALUES (1)
SELECT LASTVAL(), currval('ser_id_seq')
SELECT lastval() + 1 AS n
SELECT nextval('public.sq')
SELECT lastval() AS v3
INSERT INTO public.ser (v) VALUES ('c'), ('d')
SELECT lastval() AS v4
SELECT 'lastval()' AS x
DROP SEQUENCE sq
DROP TABLE ser, plain

-- functions in FROM
SELECT * FROM ROWS FROM (generate_series(1, 3), generate_series(5, 6)) AS q(a, b)
SELECT * FROM ROWS FROM (unnest(ARRAY[1,2]), unnest(ARRAY['x'])) WITH ORDINALITY AS q(a, b, o)
SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b','c']) WITH ORDINALITY AS q(a, b, o)
SELECT p.id, q.* FROM people p, unnest(p.tags) WITH ORDINALITY AS q(tag, o) ORDER BY 1, 3
SELECT * FROM generate_series(10, 12) WITH ORDINALITY AS q(v, o)
SELECT n + 1 FROM generate_series(1::bigint, 3) AS g(n)
SELECT n FROM generate_series(1, -5, -2) AS g(n)
SELECT generate_series(1, 3) AS n, generate_series(1, 2::bigint)
SELECT count(*), sum(n) FROM generate_series(1, 100000) n
-- differs: widths
SELECT p.id, g FROM people p, generate_series(1, p.id) g ORDER BY 1, 2
SELECT * FROM regexp_split_to_table('a b', ' ') WITH ORDINALITY AS q(v, o)
SELECT * FROM regexp_split_to_table('a, b', ',\s*') AS p
SELECT regexp_split_to_table('aXbxc', 'x', 'i'), regexp_split_to_array('aXb', 'x', 'i')
SELECT * FROM string_to_table('a,b', ',') AS s
SELECT * FROM jsonb_array_elements_text('[1,"a"]') WITH ORDINALITY
SELECT e, e.value FROM json_array_elements_text('[1,"a"]') AS e
SELECT e::int + 1 FROM json_array_elements_text('[1,2]') AS e WHERE e <> '1'
SELECT p.id, k FROM people p, jsonb_object_keys(p.doc) k WHERE p.id = 1 ORDER BY 1, 2
SELECT * FROM json_to_record('{"a": 1, "b": [1,2], "c": null, "D": "2024-01-01"}') AS q(a int, b int[], c text, "D" date)
SELECT q.a + 1, b FROM jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS q(a int, b text)
SELECT p.id, q.a FROM people p, jsonb_to_record(p.doc) AS q(a int) WHERE p.id < 3 ORDER BY 1
SELECT p.id, q.a FROM people p LEFT JOIN LATERAL jsonb_to_recordset(p.doc) AS q(a int) ON true WHERE p.id = 3
SELECT * FROM regexp_matches('a1b2', '[A-Z](\d)', 'gi') AS m
SELECT m[1] FROM regexp_matches('a1b2', '[a-z](\d)', 'g') AS m
SELECT regexp_matches('foobarbequebazilbarfbonk', '(b[^b]+)(b[^b]+)', 'g')
SELECT (regexp_matches('a1b2', '([a-z])(\d)', 'g'))[2]
SELECT regexp_matches('foo', 'x')
SELECT regexp_replace('Hello World', 'o', '0', 'gi'), regexp_replace('foobarbaz', 'b..', '[\&]', 'g'), regexp_replace('foo bar', '\mb', 'X'), regexp_count('ABCabc', 'b', 1, 'i'), regexp_count('abcabc', 'b', 3), regexp_instr('abcabc', 'b', 3), regexp_substr('abcaBd', 'b.', 1, 2, 'i')

-- queries
SELECT DISTINCT ON (person_id) person_id, amount FROM orders ORDER BY person_id, amount DESC
SELECT person_id, sum(amount) FROM orders GROUP BY ROLLUP (person_id) ORDER BY 1 NULLS LAST
SELECT person_id, note, count(*) FROM orders GROUP BY GROUPING SETS ((person_id), (note), ()) ORDER BY 1, 2, 3
-- differs: widths
SELECT person_id, grouping(person_id), sum(amount) FROM orders GROUP BY CUBE (person_id) ORDER BY 1
SELECT id FROM people ORDER BY id FETCH FIRST 2 ROWS ONLY
SELECT id FROM people ORDER BY id OFFSET 1 ROW FETCH NEXT 1 ROW ONLY
SELECT id FROM people ORDER BY id LIMIT ALL OFFSET 2
SELECT id FROM people WHERE id = 1 FOR UPDATE
SELECT id FROM people WHERE id = 1 FOR SHARE
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY weight) FROM people
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM people
SELECT mode() WITHIN GROUP (ORDER BY active) FROM people
SELECT bool_and(active), bool_or(active), every(active), bit_and(id), bit_or(id) FROM people
SELECT 1 IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM NULL, 1 IS DISTINCT FROM 1
SELECT p.name, l.amount FROM people p LEFT JOIN LATERAL (SELECT amount FROM orders o WHERE o.person_id = p.id ORDER BY amount DESC LIMIT 1) l ON true ORDER BY p.id
SELECT id, sum(amount) OVER (PARTITION BY person_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM orders ORDER BY id
-- differs: numeric
SELECT id, avg(amount) OVER w FROM orders WINDOW w AS (ORDER BY id) ORDER BY id
SELECT p.name FROM people p WHERE EXISTS (SELECT 1 FROM orders o WHERE o.person_id = p.id) ORDER BY 1
SELECT name FROM people WHERE (id, name) = (1, 'Ada Lovelace')
SELECT * FROM people NATURAL JOIN (SELECT 1 AS id) x
SELECT id FROM people JOIN (SELECT 1 AS id) x USING (id)
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t
SELECT id FROM people EXCEPT SELECT 1 ORDER BY 1
SELECT id FROM people INTERSECT SELECT 1
TABLE orders
SELECT count(*) FROM people TABLESAMPLE BERNOULLI (100)
SELECT name FROM people ORDER BY score DESC
SELECT name FROM people ORDER BY score ASC NULLS FIRST
-- differs: text forms
SELECT ROW(1, 'a')
SELECT (1, 2) = (1, 2), (1, 2) < (1, 3)
SELECT CASE WHEN score > 0 THEN 'plus' WHEN score < 0 THEN 'minus' END FROM people ORDER BY id
SELECT id AS n FROM people GROUP BY n ORDER BY n
SELECT upper(name) u FROM people GROUP BY upper(name) HAVING count(*) > 0 ORDER BY u
SELECT max(born), min(joined), max(seen) FROM people

-- what is written
INSERT INTO orders (id, person_id, amount) VALUES (10, 1, 1.5) RETURNING id, amount * 2, placed
INSERT INTO orders (id, person_id, amount) VALUES (10, 1, 1.5) ON CONFLICT DO NOTHING
INSERT INTO orders (id, person_id, amount) VALUES (10, 1, 9.5) ON CONFLICT (id) DO UPDATE SET amount = excluded.amount RETURNING id, amount
INSERT INTO orders (id, person_id, amount) VALUES (10, 1, 1.5)
INSERT INTO orders (id, person_id, amount) VALUES (11, 99, 1.5)
INSERT INTO orders (id, person_id, amount) VALUES (12, 1, -1)
INSERT INTO people (id, name) VALUES (9, NULL)
INSERT INTO people (id) VALUES ('x')
INSERT INTO people (id, nope) VALUES (1, 2)
INSERT INTO orders (id, amount) VALUES (13, 5), (14, NULL)
INSERT INTO orders (id, person_id, amount, note) VALUES (15, 1, 1, 'longer than twenty characters')
UPDATE orders SET amount = amount + 1 WHERE id = 10 RETURNING *
UPDATE orders SET amount = p.id FROM people p WHERE p.id = orders.person_id AND orders.id = 10
UPDATE orders o SET (amount, note) = (5, 'x') WHERE o.id = 10
UPDATE orders SET nope = 1
DELETE FROM orders WHERE id = 10 RETURNING id
DELETE FROM orders USING people WHERE orders.person_id = people.id AND people.id = 77
DELETE FROM people WHERE id = 1
MERGE INTO orders o USING (SELECT 13 AS id, 7 AS amount) s ON o.id = s.id WHEN MATCHED THEN UPDATE SET amount = s.amount WHEN NOT MATCHED THEN INSERT (id, amount) VALUES (s.id, s.amount)
DELETE FROM orders WHERE id IN (13, 14, 15)
WITH gone AS (DELETE FROM orders WHERE id = 13 RETURNING id) SELECT * FROM gone
CREATE TABLE copy AS SELECT id, name, score FROM people
SELECT * FROM copy ORDER BY id
CREATE TABLE copy (id int)
CREATE TABLE IF NOT EXISTS copy (id int4)
DROP TABLE IF EXISTS missing
DROP TABLE missing
DROP VIEW copy
CREATE VIEW shown AS SELECT id, upper(name) AS name FROM people
SELECT * FROM shown ORDER BY id
CREATE OR REPLACE VIEW shown AS SELECT id, upper(name) AS name FROM people
DROP VIEW shown
ALTER TABLE copy ADD COLUMN extra integer DEFAULT 5
ALTER TABLE copy RENAME COLUMN extra TO more
ALTER TABLE copy ALTER COLUMN more TYPE bigint
ALTER TABLE copy DROP COLUMN more
ALTER TABLE copy DROP COLUMN more;
ALTER TABLE copy DROP COLUMN IF EXISTS more
ALTER TABLE missing ADD COLUMN a int
ALTER TABLE IF EXISTS missing ADD COLUMN a int
ALTER TABLE copy RENAME TO copied
TRUNCATE copied
DROP TABLE copied
CREATE SCHEMA extra
CREATE SCHEMA IF NOT EXISTS extra
CREATE SCHEMA extra;
CREATE TABLE extra.t (a int, b text)
INSERT INTO extra.t VALUES (1, 'x')
SELECT t.a, extra.t.b FROM extra.t
DROP SCHEMA extra
-- differs: definitions
DROP SCHEMA extra CASCADE
DROP SCHEMA IF EXISTS extra
CREATE SEQUENCE seq START 5
SELECT nextval('seq'), currval('seq'), nextval('seq')
SELECT lastval()
SELECT setval('seq', 20), nextval('seq')
DROP SEQUENCE seq
DROP SEQUENCE IF EXISTS seq
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')
CREATE TYPE mood AS ENUM ('sad')
SELECT 'ok'::mood::text, 'sad'::mood < 'happy'::mood
SELECT 'angry'::mood
DROP TYPE mood
DROP TYPE IF EXISTS mood
CREATE INDEX people_name ON people (name)
CREATE INDEX people_name ON people (name);
CREATE INDEX IF NOT EXISTS people_name ON people (name)
DROP INDEX people_name
DROP INDEX IF EXISTS people_name
CREATE TEMP TABLE passing (a serial PRIMARY KEY, b text)
INSERT INTO passing (b) VALUES ('x'), ('y') RETURNING a, b
DROP TABLE passing
CREATE UNLOGGED TABLE lasting (a int GENERATED ALWAYS AS IDENTITY, b text DEFAULT 'd')
DROP TABLE lasting
CREATE TABLE computed (a int, c int GENERATED ALWAYS AS (1 + 1) STORED)
CREATE TABLE sized (a varchar(3), b char(3), c numeric(4,1), d timestamp(0), e bit(3))
INSERT INTO sized VALUES ('abc', 'a', 12.34, '2024-01-01 10:00:00.7', B'101')
INSERT INTO sized (a) VALUES ('abcd')
INSERT INTO sized (b) VALUES ('abcd')
INSERT INTO sized (c) VALUES (12345)
-- differs: lengths
SELECT * FROM sized
SELECT b || '|', length(b), b = 'a' FROM sized
DROP TABLE sized
COMMENT ON TABLE people IS 'who'
SELECT obj_description('people'::regclass), obj_description('people'::regclass, 'pg_class'), col_description('people'::regclass, 1)

-- what DuckDB has nothing of
-- differs: definitions
CREATE MATERIALIZED VIEW mv AS SELECT 1 AS a
CREATE EXTENSION hstore
-- differs: definitions
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
-- differs: definitions
CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION nope()
-- differs: definitions
GRANT SELECT ON people TO public
-- differs: definitions
REVOKE SELECT ON people FROM public
-- differs: definitions
ALTER TABLE people OWNER TO current_user
COMMIT PREPARED 'x'
ROLLBACK PREPARED 'x'
-- differs: definitions
REFRESH MATERIALIZED VIEW missing
ANALYZE
ANALYZE people
VACUUM
-- differs: definitions
LOCK TABLE people
SET work_mem = '64MB'
SHOW work_mem
-- differs: session
SET work_mem = 'x'
DO $$ BEGIN NULL; END $$
-- differs: definitions
CLUSTER
-- differs: definitions
REINDEX TABLE people
CHECKPOINT
DISCARD PLANS
SET ROLE none
RESET ROLE
SET SESSION AUTHORIZATION DEFAULT
SET CONSTRAINTS ALL DEFERRED

-- the session and the catalogs
-- differs: text forms
SELECT pg_typeof(1), pg_typeof('a'::text), pg_typeof(1.5), pg_typeof(now()), pg_typeof(ARRAY[1]), pg_typeof(true), pg_typeof(NULL), pg_typeof('x')
-- differs: text forms
SELECT pg_typeof(1::int8)::text, pg_typeof(1.5::float8)::text, pg_typeof('{}'::jsonb)::text, pg_typeof(date '2024-01-01')::text, pg_typeof('x'::varchar)::text
-- differs: text forms
SELECT pg_typeof(sum(id)), pg_typeof(avg(id)), pg_typeof(count(*)) FROM people
SELECT current_database(), current_schema(), current_catalog, current_schema
-- differs: session
SELECT current_schemas(false), current_schemas(true)
-- differs: session
? SELECT version(), pg_backend_pid(), txid_current(), inet_client_addr(), inet_server_port(), pg_postmaster_start_time()
SELECT current_setting('server_encoding'), current_setting('DateStyle'), current_setting('nope', true)
SELECT current_setting('nope')
SELECT set_config('application_name', 'x', false), current_setting('application_name')
SHOW application_name
SELECT pg_size_pretty(1234567::bigint), pg_size_pretty(100::bigint), pg_size_pretty(10737418240::numeric)
? SELECT pg_relation_size('people'), pg_total_relation_size('people'::regclass), pg_database_size(current_database())
SELECT 'people'::regclass, 'people'::regclass::text, 'int4'::regtype, 'int4'::regtype::text, to_regclass('nope')
SELECT 'nope'::regclass
SELECT has_table_privilege('people', 'SELECT'), pg_is_in_recovery(), pg_table_is_visible('people'::regclass)
SELECT format_type(23, NULL), format_type(1043, 24), format_type(1700, 655366)
SELECT gen_random_uuid() IS NOT NULL, '12345678-1234-5678-1234-567812345678'::uuid
SELECT pg_advisory_lock(1) IS NULL, pg_try_advisory_lock(1), pg_advisory_unlock(1)
-- differs: text forms
SELECT pg_sleep(0)
-- differs: lacking
SELECT pg_column_size(1), pg_encoding_to_char(6)
SELECT name FROM pg_prepared_statements
SELECT name FROM pg_cursors
SELECT nope FROM people
SELECT nope.id FROM people
SELECT * FROM nope
SELECT nope(1)
SELECT upper(1, 2)
SELECT 'a' + 'b'
-- differs: faults
SELECT 1 + 'a'
SELECT true + 1
SELECT name + 1 FROM people
SELECT id FROM people, orders
SELECT name, count(*) FROM people
SELECT sum(name) FROM people
SELECT count(*) FROM people WHERE count(*) > 1
SELECT (SELECT id FROM people)
-- differs: faults
SELECT 1 UNION SELECT 'a'
SELECT 1, 2 UNION SELECT 1
SELECT * FROM people LIMIT -1
SELECT id FROM people ORDER BY 5
-- differs: grammar
SELECT FROM people WHERE id = 1
-- differs: faults
SELECT 1 FROM people p, people p
SELEC 1
SELECT 1 +
SELECT 'unterminated
SELECT * FROM people WHERE
INSERT INTO nope VALUES (1)
SELECT 'x'::nope
SELECT ''::int
SELECT 'maybe'::bool
-- differs: lengths
SELECT B'101', X'1F', B'101'::bit(3)
-- differs: lacking
SELECT '192.168.0.1'::inet, '10.0.0.0/8'::cidr
-- differs: lacking
SELECT '(1,2)'::point
-- differs: lacking
SELECT int4range(1, 5)
-- differs: lacking
SELECT '12.34'::money
-- differs: lacking
SELECT to_tsvector('simple', 'a b') @@ to_tsquery('a')

-- types as they were declared
CREATE TABLE declared (id serial PRIMARY KEY, code varchar(3) NOT NULL, kind char(2), plain varchar, flags bit(3), more bit varying(4), at time(0), seen timestamp(3), free numeric, codes varchar(3)[])
SELECT attname, format_type(atttypid, atttypmod), atttypmod FROM pg_attribute WHERE attrelid = 'declared'::regclass AND attnum > 0 ORDER BY attnum
SELECT column_name, data_type, character_maximum_length, numeric_precision, datetime_precision FROM information_schema.columns WHERE table_name = 'declared' ORDER BY ordinal_position
INSERT INTO declared (code, plain) VALUES ('abc', 'x'), ('ab   ', 'y'), ('abcd', 'z')
INSERT INTO declared (code, plain) VALUES ('abc', 'x'), ('ab   ', 'y')
INSERT INTO declared (code) SELECT repeat('x', i) FROM generate_series(3, 4) AS g(i)
UPDATE declared SET code = code || 'd', plain = 'long enough' WHERE id = 1
UPDATE declared SET code = upper(code), plain = 'long enough' WHERE code = 'abc'
INSERT INTO declared (code, flags) VALUES ('a', B'10')
INSERT INTO declared (code, more) VALUES ('a', B'10101')
SELECT code, plain, code || '.' AS dotted FROM declared d WHERE code LIKE 'A%'
COMMENT ON COLUMN declared.code IS 'the code'
ALTER TABLE declared RENAME COLUMN code TO short
ALTER TABLE declared ALTER COLUMN short TYPE varchar(5), ADD COLUMN extra char(4)
ALTER TABLE declared ALTER COLUMN plain TYPE text
SELECT attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = 'declared'::regclass AND attnum > 0 ORDER BY attnum
COMMENT ON COLUMN declared.short IS NULL
SELECT col_description('declared'::regclass, 2)
INSERT INTO declared (short, free) VALUES ('abcde', 12345678901234567890.123456), ('abcd', -0.00125)
SELECT free, free + 1, 2::numeric, 1.23456::numeric FROM declared WHERE free IS NOT NULL ORDER BY id
DROP TABLE declared

-- generated columns, sequences, changes of jsonb
CREATE TABLE counted (id serial PRIMARY KEY, price numeric(8,2), qty int DEFAULT 5, total numeric(10,2) GENERATED ALWAYS AS (price * qty) STORED)
CREATE TABLE computed2 (a int, b int GENERATED ALWAYS AS (a + 1) STORED)
INSERT INTO computed2 VALUES (1)
SELECT * FROM computed2
SELECT attname, attgenerated FROM pg_attribute WHERE attrelid = 'computed2'::regclass AND attnum > 0
INSERT INTO counted (price) VALUES (2.5), (3) RETURNING id, total
SELECT last_value, is_called FROM counted_id_seq
SELECT s.last_value FROM public.counted_id_seq AS s
SELECT currval('counted_id_seq')
SELECT nextval('public.counted_id_seq')
SELECT nextval('counted_id_seq'::regclass)
SELECT setval('counted_id_seq', (SELECT max(id) FROM counted))
SELECT setval(pg_get_serial_sequence('counted', 'id'), coalesce(max(id), 1), max(id) IS NOT NULL) FROM counted
SELECT setval('counted_id_seq', 20, false)
INSERT INTO counted (price) VALUES (1) RETURNING id
TRUNCATE counted, computed2 RESTART IDENTITY
INSERT INTO counted (price) VALUES (2) RETURNING id
TRUNCATE counted RESTART IDENTITY CASCADE
INSERT INTO counted (price) VALUES (3) RETURNING id
SELECT jsonb_set('{"a": 1, "b": {"c": 2}}'::jsonb, '{b,c}', '5') #>> '{b,c}', jsonb_set('{"a": [1, 2]}'::jsonb, '{a,9}', '5') #>> '{a,2}', jsonb_set('{"a": 1}'::jsonb, '{b}', '"x"') ->> 'b', jsonb_set('{"a": 1}'::jsonb, '{b}', '5', false) ->> 'b'
SELECT jsonb_insert('{"a": [0, 1]}'::jsonb, '{a,1}', '"new"') #>> '{a,1}', jsonb_insert('{"a": [0, 1]}'::jsonb, '{a,1}', '"new"', true) #>> '{a,2}'
SELECT ('{"a": 1, "b": 2}'::jsonb - 'a') ->> 'b', ('["a", "b"]'::jsonb - 0) ->> 0, ('["a", "b"]'::jsonb - -1) ->> 0, ('{"a": {"b": 1, "c": 2}}'::jsonb #- '{a,b}') #>> '{a,c}'
SELECT ('{"a": 1, "c": 3}'::jsonb || '{"a": 2}'::jsonb) ->> 'a', ('[1]'::jsonb || '[2, 3]'::jsonb) ->> 2
DROP TABLE counted, computed2
